//! An API server for batch/v1 and core/v1 pods and namespaces over HTTP/1.1 that behaves like Kubernetes 1.36 towards its readers.
//!
//! A [`SimulatedApi`] is a handle: it changes the objects, and [`SimulatedApi::serve`] serves them. HTTP clients can only read.
//!
//! - [`server`] accepts connections; [`handler`] routes requests, [`discovery`] has the documents about the API itself.
//! - [`options`] and [`selector`] parse the query; [`list`] and [`watch`] read the [`registry`], which stores each [`object`].
//! - [`error`] has the `Status` responses.
//! - [`faults`] steers the server for tests: permissions, latency, expired versions, recorded requests.
//!
//! No lock is held across an await.

use std::{future::Future, sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch as channel};

use super::clock::Clock;

mod discovery;
mod error;
#[cfg(feature = "faults")]
mod faults;
#[cfg(not(feature = "faults"))]
#[path = "api/no_faults.rs"]
mod faults;
mod handler;
mod list;
mod object;
mod options;
mod registry;
mod selector;
mod server;
mod watch;

#[cfg(feature = "faults")]
pub use faults::{ApiRequest, Permissions};
pub(super) use handler::Body;
pub use object::{InvalidObject, Kind};
pub(super) use options::is_watch;

use faults::Faults;
use registry::Registry;

/// The API version that has `CronJobs`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CronJobsVersion {
    /// `batch/v1`, since Kubernetes 1.21.
    #[default]
    V1,
    /// `batch/v1beta1`, before.
    V1Beta1,
    /// No version has them.
    None,
}

/// The kind of server to simulate.
#[derive(Clone, Debug)]
pub struct ApiOptions {
    /// `36` for Kubernetes 1.36. Only `/version` shows it.
    pub minor_version: u32,
    /// Whether watches can start with a streamed list (`sendInitialEvents`).
    pub watch_list: bool,
    /// Whether lists and watches know the parameter `shardSelector`. Otherwise it is ignored.
    pub sharded_lists: bool,
    /// The version that has `CronJobs`. Their JSON is the same in every version.
    pub cronjobs: CronJobsVersion,
    /// How often a watch gets a bookmark, if its client allows bookmarks.
    pub bookmark_interval: Duration,
    /// How many changes the server remembers. Older resource versions are expired for lists and watches.
    pub history: usize,
    /// Seed of the uids.
    pub seed: u64,
}

/// A simulated API server. Clones are handles to the same server.
#[derive(Clone, Debug)]
pub struct SimulatedApi {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    options: ApiOptions,
    clock: Clock,
    registry: Mutex<Registry>,
    faults: Faults,
    /// Wakes the watches after each write.
    writes: channel::Sender<()>,
}

// === impl ApiOptions ===

impl Default for ApiOptions {
    /// A 1.36 server with a bookmark every minute, and a history that has about three minutes of the scenario.
    fn default() -> Self {
        Self {
            minor_version: 36,
            watch_list: true,
            sharded_lists: false,
            cronjobs: CronJobsVersion::V1,
            bookmark_interval: Duration::from_mins(1),
            history: 2_500,
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
                faults: Faults::default(),
                writes: channel::Sender::new(()),
            }),
        }
    }

    /// Serves HTTP on `listener` until `shutdown`, which closes all connections at once.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) {
        server::serve(self, listener, shutdown).await;
    }

    /// Responds to one request without a connection. The gateway forwards requests this way.
    pub(super) async fn respond<B>(&self, request: &http::Request<B>) -> http::Response<Body> {
        server::respond(self, request).await
    }

    /// The clock of this API.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock
    }

    /// Creates or replaces an object, spec and status together, and returns the stored object.
    ///
    /// Like a server, this sets a missing namespace (`default`), uid, creation time and generation, and the resource version. A
    /// given resource version that is higher than the current one is kept.
    pub fn apply(&self, kind: Kind, object: Value) -> Result<Value, InvalidObject> {
        let stored = self.registry().apply(kind, object)?;
        self.notify_watches();
        Ok(stored.value())
    }

    /// A new unique uid.
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

    /// The uid of the object that currently has this name.
    #[must_use]
    pub fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let registry = self.registry();
        let object = registry.objects(kind).get(&format!("{namespace}/{name}"));
        object.map(|object| object.uid.clone())
    }

    /// The number of objects.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.registry().objects(kind).len()
    }

    /// Deletes an object. Returns whether it existed.
    #[allow(
        clippy::must_use_candidate,
        reason = "most callers need only the side effect"
    )]
    pub fn delete(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = format!("{namespace}/{name}");
        let deleted = self.registry().delete(kind, &key);
        self.notify_watches();
        deleted
    }

    /// The names of the objects in a namespace whose label has this value.
    pub(super) fn names_with_label(
        &self,
        kind: Kind,
        namespace: &str,
        (label, value): (&str, &str),
    ) -> Vec<String> {
        let registry = self.registry();
        let objects = registry.objects(kind).values();
        let selected = objects.filter(|object| {
            object.namespace() == namespace
                && object.labels.get(label).is_some_and(|found| found == value)
        });
        selected.map(|object| object.name().to_owned()).collect()
    }

    /// The lines of a watch from version 1 on, without HTTP.
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

    fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.shared.registry.lock()
    }

    fn subscribe_to_writes(&self) -> channel::Receiver<()> {
        self.shared.writes.subscribe()
    }

    fn notify_watches(&self) {
        self.shared.writes.send_replace(());
    }
}
