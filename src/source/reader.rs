//! Reads one kind of object in one scope: lists it completely, and decodes its objects.
//!
//! Both modes build on it: `watch` lists once and then watches, `poll` lists at each interval. An object that cannot be
//! decoded is counted, logged with its name and skipped.

use std::{collections::HashSet, marker::PhantomData, mem, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{sync::oneshot, time::Instant};

use super::feed_reporter::FeedReporter;
use crate::{
    client::{Api, Error, Listing, Scope},
    config::{ListLimits, Namespaces},
    decode::{self, Decoder, Object},
    model::{self, Change, MAX_UNDECODABLE, ObjectName, Shard, Update},
};

mod list;
mod resource;
mod usage;

pub(super) use list::{ListStep, invalid_list, parse_page, read_list};
pub(super) use resource::{AllNamespaces, CronJobs, Jobs, Pods, WatchedResource};
pub(super) use usage::ListUsage;

/// The time for one page of a list.
pub(super) const PAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// The time for the version of the server. It only decides how to list, and some gateways do not report it.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// A list that takes longer than this logs its progress, each time.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(3);

/// Reads one kind of object in one scope of a target.
pub(super) struct ResourceReader<R: WatchedResource> {
    pub(super) api: Arc<Api>,
    pub(super) feed: FeedReporter,
    pub(super) listing: Listing,
    /// Applied here, because the API can select one namespace or all, but no patterns.
    namespaces: Arc<Namespaces>,
    /// Only the namespaces of this shard are read; `None` for all.
    shard: Option<Shard>,
    decoder: Decoder,
    pub(super) limits: ListLimits,
    /// The undecodable objects of the list that is being read, up to [`MAX_UNDECODABLE`].
    undecodable: HashSet<ObjectName>,
    /// Whether lists are applied as they arrive: after the first one, so that there are not two sets of the same objects.
    in_place: bool,
    /// Who wants to know when everything was read once.
    first_read: Vec<oneshot::Sender<()>>,
    /// The version of the server, once it is known.
    version: Option<(u32, u32)>,
    progress: Progress,
    resource: PhantomData<fn() -> R>,
}

/// The outcome of decoding an object.
pub(super) enum Decoded<T> {
    Selected(T),
    /// Its namespace is not selected.
    Unselected,
    /// It was counted and logged.
    Undecodable(ObjectName),
}

/// When a list started, how much of it was pushed, and when that was last logged.
struct Progress {
    pushed: usize,
    started: Instant,
    /// `started` on the wall clock.
    date: Timestamp,
    logged: Instant,
}

impl<R: WatchedResource> ResourceReader<R> {
    pub(super) fn new(
        api: Arc<Api>,
        feed: FeedReporter,
        listing: Listing,
        namespaces: Arc<Namespaces>,
        decoder: Decoder,
        limits: ListLimits,
    ) -> Self {
        Self {
            api,
            feed,
            listing,
            namespaces,
            shard: None,
            decoder,
            limits,
            undecodable: HashSet::new(),
            in_place: false,
            first_read: Vec::new(),
            version: None,
            progress: Progress::start(),
            resource: PhantomData,
        }
    }

    /// Tells `listener` once everything was read.
    pub(super) fn telling(mut self, listener: oneshot::Sender<()>) -> Self {
        self.first_read.push(listener);
        self
    }

    /// Reads only the namespaces of a shard.
    pub(super) fn of_shard(self, shard: Option<Shard>) -> Self {
        Self { shard, ..self }
    }

    /// Continues a feed that was read before: its lists are applied as they arrive.
    pub(super) fn continuing(self) -> Self {
        Self {
            in_place: true,
            ..self
        }
    }

    /// Selects objects by a label that depends on the version of the server, if this kind of object has one. A version that is unknown
    /// is asked for again before the next list.
    pub(super) async fn select_by_version(&mut self) {
        if let Some(selector) = R::SELECTOR_BY_VERSION {
            let selector = selector(self.server_version().await);
            self.listing.label_selector = Some(selector.to_owned());
        }
    }

    /// The version of the server as major and minor. It is asked for again while it is unknown: a server that is down reports none.
    pub(super) async fn server_version(&mut self) -> Option<(u32, u32)> {
        if self.version.is_none() {
            self.version = self.api.version(VERSION_TIMEOUT).await;
            tracing::debug!(version = ?self.version, "server version");
        }
        self.version
    }

    /// Lists everything, page by page. Returns the records that were not pushed yet, which the caller must pass to
    /// [`Self::end_list`], and the resource version to watch from, if the server sends one.
    pub(super) async fn list(
        &mut self,
        timeout: Duration,
    ) -> Result<(Vec<R::Record>, Option<String>), Error> {
        let (api, listing) = (self.api.clone(), self.listing.clone());
        let mut records = Vec::new();
        let version = read_list(&api, &listing, self.limits, timeout, |step| match step {
            ListStep::Start => {
                self.start_list();
                records.clear();
            }
            ListStep::Object(object) => records.extend(self.decode_listed(object)),
            ListStep::PageEnd { remaining } => {
                self.log_progress(records.len(), remaining);
                if self.in_place {
                    self.push_listed(mem::take(&mut records));
                }
            }
        });
        let version = version.await?;
        Ok((records, version))
    }

    /// Whether lists are applied as they arrive. The first one is not: nobody should see a part of the objects.
    pub(super) fn lists_in_place(&self) -> bool {
        self.in_place
    }

    /// Resets what is counted and logged per list.
    pub(super) fn start_list(&mut self) {
        self.undecodable.clear();
        self.progress = Progress::start();
        if self.in_place {
            self.feed.push(R::update(Change::ListStarted));
        }
    }

    /// Pushes a part of a list.
    pub(super) fn push_listed(&mut self, records: Vec<R::Record>) {
        self.progress.pushed += records.len();
        self.feed.push(R::update(Change::Listed(records)));
    }

    /// Pushes the end of a list with the `records` that were not pushed yet.
    pub(super) fn end_list(&mut self, records: Vec<R::Record>) {
        tracing::debug!(
            objects = self.progress.pushed + records.len(),
            seconds = self.progress.started.elapsed().as_secs_f64(),
            "listed"
        );
        let undecodable = mem::take(&mut self.undecodable).into_iter().collect();
        self.feed
            .push(Update::Undecodable(Change::Replaced(undecodable)));
        self.feed.push(R::update(Change::Replaced(records)));
        self.in_place = true;
        // The list shows what happened until it was requested. How long it took to arrive does not matter.
        self.feed.push(Update::CaughtUp(self.progress.date));
        self.tell_read();
    }

    fn tell_read(&mut self) {
        for listener in self.first_read.drain(..) {
            // It may have been stopped.
            let _ = listener.send(());
        }
    }

    /// Reports that the server does not serve this resource: there are no objects, and that is no failure.
    pub(super) fn report_not_served(&mut self) {
        self.tell_read();
        self.feed
            .push(Update::Undecodable(Change::Replaced(Vec::new())));
        self.feed.push(R::update(Change::Replaced(Vec::new())));
        self.feed.push(Update::CaughtUp(model::now()));
        self.feed.contact();
    }

    /// Decodes an object of a list.
    pub(super) fn decode_listed(&mut self, object: Object<'_>) -> Option<R::Record> {
        match self.decode(object) {
            Decoded::Selected(record) => Some(record),
            Decoded::Unselected => None,
            Decoded::Undecodable(name) => {
                if self.undecodable.len() < MAX_UNDECODABLE {
                    self.undecodable.insert(name);
                }
                None
            }
        }
    }

    /// An object that was listed before is changed or deleted before the end of the list.
    pub(super) fn forget_undecodable(&mut self, changed: &ObjectName) {
        self.undecodable.remove(changed);
    }

    /// Decodes an object.
    pub(super) fn decode(&mut self, object: Object<'_>) -> Decoded<R::Record> {
        if self.is_of_another_shard(object) {
            return Decoded::Unselected;
        }
        match R::decode(object, &mut self.decoder) {
            Ok(Some(record)) if self.selects(R::namespace(&record)) => Decoded::Selected(record),
            Ok(_) => Decoded::Unselected,
            Err(error) => {
                let object = error.object_name();
                if &*object.namespace != "?" && !self.selects(&object.namespace) {
                    return Decoded::Unselected;
                }
                self.feed.skip(R::RESOURCE, &error);
                Decoded::Undecodable(object)
            }
        }
    }

    /// Logs how many objects were listed, if the list takes long. So many were not pushed yet.
    pub(super) fn log_progress(&mut self, not_pushed: usize, remaining: Option<i64>) {
        let listed = self.progress.pushed + not_pushed;
        if self.progress.logged.elapsed() >= PROGRESS_INTERVAL {
            self.progress.logged = Instant::now();
            tracing::info!(
                resource = R::RESOURCE.as_str(),
                listed,
                remaining,
                "listing"
            );
        }
    }

    /// The error for an answer that is not the requested list.
    pub(super) fn invalid_list(&self, reason: impl Into<String>) -> Error {
        invalid_list(&self.listing, reason)
    }

    fn selects(&self, namespace: &str) -> bool {
        match &self.listing.scope {
            Scope::All => {
                self.namespaces.selects(namespace)
                    && self.shard.is_none_or(|shard| shard.owns(namespace))
            }
            Scope::Namespace(requested) => namespace == requested,
        }
    }

    /// Whether its namespace says that the object need not be decoded.
    fn is_of_another_shard(&self, object: Object<'_>) -> bool {
        let (Scope::All, Some(shard)) = (&self.listing.scope, self.shard) else {
            return false;
        };
        let namespace = decode::namespace(object);
        namespace.is_some_and(|namespace| !shard.owns(&namespace))
    }
}

impl Progress {
    fn start() -> Self {
        let now = Instant::now();
        Self {
            pushed: 0,
            started: now,
            date: model::now(),
            logged: now,
        }
    }
}
