//! Steering for tests: permissions, latency, expired versions, ended watches, and the recorded requests.
//!
//! Tests call the methods of [`SimulatedApi`] here. [`super::server`] calls [`Faults::admit`], and [`super::handler`] calls
//! [`Faults::authorize`]. Builds without the feature `faults` have `no_faults.rs` instead.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Request;
use parking_lot::Mutex;

use super::{SimulatedApi, error::ApiError, handler::Route, options::is_watch};

mod permissions;

pub use permissions::Permissions;

use permissions::Grants;

/// How many requests are recorded.
const RECORDED_REQUESTS: usize = 10_000;

/// A recorded request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Query without the question mark. Empty if the request has none.
    pub query: String,
}

/// The faults of one API.
#[derive(Debug, Default)]
pub(super) struct Faults {
    latency: Mutex<Option<Duration>>,
    grants: Mutex<Grants>,
    /// The newest is at the back.
    requests: Mutex<VecDeque<ApiRequest>>,
    in_flight: Arc<AtomicUsize>,
    most_in_flight: AtomicUsize,
}

/// Counts a request as in flight until it is dropped.
#[must_use]
pub(super) struct InFlight {
    count: Arc<AtomicUsize>,
}

// === impl SimulatedApi ===

impl SimulatedApi {
    /// Delays every response by `latency`. Watches start without a delay.
    pub fn set_latency(&self, latency: Duration) {
        *self.faults().latency.lock() = Some(latency);
    }

    /// Expires all earlier resource versions and continue tokens. Running watches go on.
    pub fn compact(&self) {
        self.registry().compact();
    }

    /// Ends all running watches, as a server does from time to time.
    pub fn end_watches(&self) {
        self.registry().end_watches();
        self.notify_watches();
    }

    /// Deletes all objects without events, restarts the resource versions and ends all watches, like a server that restarts with an
    /// empty disk.
    pub fn reset(&self) {
        self.registry().reset();
        self.notify_watches();
    }

    /// Grants permissions to a bearer token. After the first grant, requests without a granted token are denied.
    pub fn grant(&self, token: &str, permissions: Permissions) {
        self.faults().grants.lock().grant(token, permissions);
    }

    /// Makes a token unknown.
    pub fn revoke(&self, token: &str) {
        self.faults().grants.lock().revoke(token);
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<ApiRequest> {
        self.faults().requests.lock().iter().cloned().collect()
    }

    /// Clears the recorded requests.
    pub fn clear_requests(&self) {
        self.faults().requests.lock().clear();
    }

    /// The highest number of requests that were in flight at the same time, without watches.
    #[must_use]
    pub fn most_concurrent_requests(&self) -> usize {
        self.faults().most_in_flight.load(Ordering::Relaxed)
    }
}

// === impl Faults ===

impl Faults {
    /// Records a request and waits for the latency. The request is in flight until the result is dropped.
    pub(super) async fn admit<B>(&self, request: &Request<B>) -> Option<InFlight> {
        self.record(request);
        if is_watch(request.uri().query().unwrap_or_default()) {
            return None;
        }
        let in_flight = self.begin();
        let latency = *self.latency.lock();
        if let Some(latency) = latency {
            tokio::time::sleep(latency).await;
        }
        Some(in_flight)
    }

    /// Checks the token of a request and its permissions.
    pub(super) fn authorize<B>(
        &self,
        request: &Request<B>,
        route: &Route<'_>,
    ) -> Result<(), ApiError> {
        self.grants.lock().authorize(request, route)
    }

    fn record<B>(&self, request: &Request<B>) {
        let uri = request.uri();
        let mut requests = self.requests.lock();
        if requests.len() == RECORDED_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(ApiRequest {
            method: request.method().to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        });
    }

    fn begin(&self) -> InFlight {
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight {
            count: self.in_flight.clone(),
        }
    }
}

// === impl InFlight ===

impl Drop for InFlight {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}
