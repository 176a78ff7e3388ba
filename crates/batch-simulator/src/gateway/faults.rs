//! Steering for tests: failing requests, throttling, outages, a clock offset, revoked credentials, and the recorded requests.
//!
//! Tests call the methods of [`Gateway`] here. [`super::server`] calls [`Faults::intercept`] before it dispatches a request, and
//! [`Faults::record`] after the response. Builds without the feature `faults` have `no_faults.rs` instead.
//!
//! - [`outage`] stops and restarts the listener of a service.
//! - [`injected`] has the errors that the next requests get, and the throttle.
//! - [`request_log`] records the requests.
//! - [`documented`] lists all published errors.
//! - [`metadata`] is the metadata service of an ECS.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::RETRY_AFTER, request::Parts};
use jiff::{SignedDuration, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::watch, time::Instant};

use super::{
    Gateway, Service,
    error::{ErrorBody, date_header},
    identity::Credential,
};
use crate::api::Body;

mod documented;
mod injected;
mod metadata;
mod outage;
mod request_log;

pub use documented::DOCUMENTED;
pub use injected::{RetryAfter, Throttle};
pub use metadata::MetadataStyle;
pub(super) use metadata::respond as respond_metadata;
pub use outage::Availability;
pub(super) use outage::serve;
pub use request_log::GatewayRequest;

use injected::InjectedErrors;
use metadata::Metadata;
use request_log::RequestLog;

/// The faults of one gateway.
#[derive(Debug, Default)]
pub(super) struct Faults {
    clock_offset: Mutex<SignedDuration>,
    errors: Mutex<InjectedErrors>,
    requests: Mutex<RequestLog>,
    metadata: Mutex<Metadata>,
    /// In the order of [`Service`].
    availability: [watch::Sender<Availability>; 3],
}

// === impl Gateway ===

impl Gateway {
    /// Sets how far the gateway's clock is ahead, or behind.
    pub fn set_clock_offset(&self, offset: SignedDuration) {
        *self.faults().clock_offset.lock() = offset;
    }

    /// Makes an access key unknown.
    pub fn remove_access_key(&self, access: &str) {
        self.access_keys().remove(access);
    }

    /// Whether an access key is locked.
    #[must_use]
    pub fn is_locked(&self, access: &str) -> bool {
        self.access_keys().is_locked(access)
    }

    /// Revokes a token. Returns whether it was valid.
    #[must_use = "an unknown token cannot be revoked"]
    pub fn revoke(&self, token: &str) -> bool {
        self.identities().revoke(token)
    }

    /// Revokes all tokens.
    pub fn revoke_all(&self) {
        self.identities().revoke_all();
    }

    /// Sets the style of the metadata service, and whether its machine has an agency. By default it has none.
    pub fn set_metadata(&self, style: MetadataStyle, agency: bool) {
        let mut metadata = self.faults().metadata();
        metadata.style = style;
        metadata.agency = agency;
    }

    /// Makes the metadata service show a new key. The previous key stays valid.
    pub fn rotate_temporary_key(&self) {
        self.faults().metadata().rotate();
    }

    /// Starts or ends an outage of a service.
    pub fn set_availability(&self, service: Service, availability: Availability) {
        let sender = self.faults().availability(service);
        sender.send_replace(availability);
    }

    /// Sets or removes the rate limit of CCI.
    pub fn set_throttle(&self, throttle: Option<Throttle>) {
        self.faults().errors.lock().throttle(throttle);
    }

    /// Makes the next requests to a service fail, after those of earlier calls.
    pub fn fail_next(&self, service: Service, times: usize, error: &ErrorBody) {
        self.faults().errors.lock().fail_next(service, times, error);
    }

    /// Makes all requests with this path fail.
    pub fn fail_path(&self, path: &str, error: ErrorBody) {
        self.faults().errors.lock().fail_path(path, error);
    }

    /// Reverts [`Self::fail_path`].
    pub fn repair_path(&self, path: &str) {
        self.faults().errors.lock().repair_path(path);
    }

    /// Makes CCI serve this document at this path, byte for byte.
    pub fn set_document(&self, path: &str, document: impl Into<Bytes>) {
        let document = document.into();
        self.faults().errors.lock().set_document(path, document);
    }

    /// The recorded requests, in the order of their responses.
    #[must_use]
    pub fn requests(&self) -> Vec<GatewayRequest> {
        self.faults().requests.lock().iter().cloned().collect()
    }

    /// The number of recorded requests that `matches`.
    #[must_use]
    pub fn count_requests(&self, matches: impl Fn(&GatewayRequest) -> bool) -> usize {
        let requests = self.faults().requests.lock();
        requests.iter().filter(|request| matches(request)).count()
    }

    /// The highest number of matching requests that arrived within one second.
    #[must_use]
    pub fn most_requests_in_a_second(&self, matches: impl Fn(&GatewayRequest) -> bool) -> usize {
        self.faults().requests.lock().most_in_a_second(matches)
    }

    /// Clears the recorded requests.
    pub fn clear_requests(&self) {
        self.faults().requests.lock().clear();
    }
}

// === impl Faults ===

impl Faults {
    pub(super) fn clock_offset(&self) -> SignedDuration {
        *self.clock_offset.lock()
    }

    /// The document that a test set for this path.
    pub(super) fn document(&self, path: &str) -> Option<Bytes> {
        self.errors.lock().document(path)
    }

    /// The error response to a request, if a test made it fail.
    pub(super) fn intercept(
        &self,
        service: Service,
        path: &str,
        request_id: &str,
        now: Timestamp,
    ) -> Option<Response<Body>> {
        if *self.availability(service).borrow() == Availability::Unavailable {
            return Some(unavailable(service).response(request_id));
        }
        let (error, retry_after) = self.errors.lock().next(service, path)?;
        let mut response = error.response(request_id);
        if let Some(value) = retry_after.and_then(|retry_after| retry_after.value(now)) {
            response.headers_mut().insert(RETRY_AFTER, value);
        }
        Some(response)
    }

    /// Records a request that arrived at `at`.
    pub(super) fn record(
        &self,
        at: Instant,
        service: Service,
        request: &Parts,
        credential: Credential,
        status: StatusCode,
    ) {
        self.requests.lock().push(GatewayRequest {
            at,
            service,
            method: request.method.to_string(),
            path: request.uri.path().to_owned(),
            query: request.uri.query().unwrap_or_default().to_owned(),
            credential,
            status: status.as_u16(),
        });
    }

    fn availability(&self, service: Service) -> &watch::Sender<Availability> {
        &self.availability[service as usize]
    }

    fn metadata(&self) -> MutexGuard<'_, Metadata> {
        self.metadata.lock()
    }
}

fn unavailable(service: Service) -> ErrorBody {
    match service {
        Service::Iam => ErrorBody::iam(503, "Service Unavailable", "The service is unavailable."),
        Service::Cci | Service::Metadata => {
            let message = "the server is currently unable to handle the request";
            ErrorBody::kubernetes(503, "ServiceUnavailable", message)
        }
    }
}

// === impl RetryAfter ===

impl RetryAfter {
    fn value(self, now: Timestamp) -> Option<HeaderValue> {
        match self {
            Self::Seconds(seconds) => Some(seconds.into()),
            Self::Date(delay) => {
                let delay = SignedDuration::try_from(delay).ok()?;
                date_header(now.checked_add(delay).ok()?)
            }
        }
    }
}
