//! A batch/v1 API server over HTTP/1.1 that behaves as Kubernetes 1.36 does, as far as readers can tell.
//!
//! [`SimulatedApi`] is both the handle that changes the objects and what [`SimulatedApi::serve`] serves. Inside: [`server`] accepts,
//! [`answer`] routes, [`options`] and [`selector`] read the query, [`access`] judges, [`list`] and [`watch`] answer from the
//! [`registry`], [`refusal`] has the errors. Only reading is served over HTTP. No lock is held across an await.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};

use serde_json::Value;
use tokio::{net::TcpListener, sync::watch as pulse};

use super::clock::Clock;

mod access;
mod answer;
mod list;
mod object;
mod options;
mod refusal;
mod registry;
mod selector;
mod server;
mod watch;

pub use access::Rights;
pub(super) use answer::Body;
pub use object::{InvalidObject, Kind};

use access::Access;
use registry::Registry;

/// How many requests are remembered.
const REMEMBERED_REQUESTS: usize = 10_000;

/// Where a server has `CronJobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CronJobsVersion {
    /// In `batch/v1`, as since Kubernetes 1.21.
    #[default]
    V1,
    /// In `batch/v1beta1`, as before.
    V1Beta1,
    /// Nowhere.
    None,
}

/// What kind of server to simulate.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// `36` for Kubernetes 1.36; shown by `/version`, and changes nothing else.
    pub minor_version: u32,
    /// Whether watches may begin with a streamed list (`sendInitialEvents`).
    pub watch_list: bool,
    /// Where `CronJobs` are; their form is the same everywhere.
    pub cronjobs: CronJobsVersion,
    /// How often watches that allow it get a bookmark.
    pub bookmark_interval: Duration,
    /// How many changes can be looked back: what is older expires for lists and watches.
    pub history: usize,
    /// How long each answer is held back; watches begin at once.
    pub latency: Option<Duration>,
    /// Seeds the uids.
    pub seed: u64,
}

/// A request as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Query, without the question mark; empty when there is none.
    pub query: String,
}

/// A simulated API server. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct SimulatedApi {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: ApiOptions,
    clock: Clock,
    registry: Mutex<Registry>,
    access: Mutex<Access>,
    /// The newest at the back.
    requests: Mutex<VecDeque<Request>>,
    running: AtomicUsize,
    most_running: AtomicUsize,
    /// Wakes the watches after each write.
    pulse: pulse::Sender<()>,
}

// === impl ApiOptions ===

impl Default for ApiOptions {
    /// A 1.36 server with a bookmark a minute and a history of 1,000 changes.
    fn default() -> Self {
        Self {
            minor_version: 36,
            watch_list: true,
            cronjobs: CronJobsVersion::V1,
            bookmark_interval: Duration::from_mins(1),
            history: 1_000,
            latency: None,
            seed: fastrand::u64(..),
        }
    }
}

// === impl SimulatedApi ===

impl SimulatedApi {
    /// An API without objects.
    #[must_use]
    pub fn new(options: ApiOptions) -> Self {
        let clock = Clock::starting_now();
        let rng = fastrand::Rng::with_seed(options.seed);
        Self {
            shared: Arc::new(Shared {
                registry: Mutex::new(Registry::new(options.history, rng, clock)),
                options,
                clock,
                access: Mutex::default(),
                requests: Mutex::default(),
                running: AtomicUsize::new(0),
                most_running: AtomicUsize::new(0),
                pulse: pulse::Sender::new(()),
            }),
        }
    }

    /// Serves HTTP on `listener` until `shutdown`, which ends all connections at once.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        server::serve(self, listener, shutdown).await;
    }

    /// Answers one request without a connection, for who stands in front of this API.
    pub(super) async fn respond<B>(&self, request: &http::Request<B>) -> http::Response<Body> {
        server::respond(self, request).await
    }

    /// The date of this API.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Creates or replaces an object, spec and status in one go, and returns it as stored.
    ///
    /// What a server fills in is filled in: namespace (`default`), uid, creation time, generation, resource version. A resource
    /// version that lies ahead of the present one is kept.
    pub fn apply(&self, kind: Kind, object: Value) -> Result<Value, InvalidObject> {
        let stored = self.registry().apply(kind, object)?;
        self.wake();
        Ok(stored.value())
    }

    /// A uid that nothing has yet.
    #[must_use]
    pub fn new_uid(&self) -> String {
        self.registry().new_uid()
    }

    /// One object.
    #[must_use]
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Value> {
        let registry = self.registry();
        let object = registry.objects(kind).get(&format!("{namespace}/{name}"));
        object.map(|object| object.value())
    }

    /// The uid of the object that has this name now.
    #[must_use]
    pub fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let registry = self.registry();
        let object = registry.objects(kind).get(&format!("{namespace}/{name}"));
        object.map(|object| object.uid.clone())
    }

    /// How many objects there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.registry().objects(kind).len()
    }

    /// Removes an object; whether there was one.
    #[allow(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = format!("{namespace}/{name}");
        let deleted = self.registry().delete(kind, &key);
        self.wake();
        deleted
    }

    /// From now on earlier resource versions and continue tokens have expired; watches that run go on.
    pub fn compact(&self) {
        self.registry().compact();
    }

    /// Ends all running watches, as a server does from time to time.
    pub fn end_watches(&self) {
        self.registry().end_watches();
        self.wake();
    }

    /// All objects are gone, resource versions start low again, and watches are cut: the server came back on an empty disk.
    pub fn reset(&self) {
        self.registry().reset();
        self.wake();
    }

    /// Gives rights to whoever sends this bearer token. From the first grant on, nobody else has any.
    pub fn grant(&self, token: &str, rights: Rights) {
        self.access().grant(token, rights);
    }

    /// Makes a token unknown.
    pub fn revoke(&self, token: &str) {
        self.access().revoke(token);
    }

    /// The last requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let requests = lock(&self.shared.requests);
        requests.iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.shared.requests).clear();
    }

    /// How many requests, watches aside, were in work at the same time at most.
    #[must_use]
    pub fn most_concurrent_requests(&self) -> usize {
        self.shared.most_running.load(Ordering::Relaxed)
    }

    /// The lines of a watch from the beginning on, without HTTP.
    #[cfg(test)]
    pub(super) fn lines(
        &self,
        kind: Kind,
    ) -> impl futures_util::Stream<Item = bytes::Bytes> + use<> {
        let filter = selector::Filter::parse(kind, None, "", "").unwrap();
        let options = options::Options::parse("watch=1&resourceVersion=1", true).unwrap();
        watch::events(self, filter, &options).unwrap()
    }

    fn options(&self) -> &ApiOptions {
        &self.shared.options
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.shared.registry)
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        lock(&self.shared.access)
    }

    fn pulse(&self) -> pulse::Receiver<()> {
        self.shared.pulse.subscribe()
    }

    fn wake(&self) {
        self.shared.pulse.send_replace(());
    }

    fn note<B>(&self, request: &http::Request<B>) {
        let uri = request.uri();
        let mut requests = lock(&self.shared.requests);
        if requests.len() == REMEMBERED_REQUESTS {
            requests.pop_front();
        }
        requests.push_back(Request {
            method: request.method().to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
        });
    }
}

/// A panic elsewhere does not make the data wrong: each change is made whole under the lock.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}
