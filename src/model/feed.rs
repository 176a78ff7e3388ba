//! Feeds: how sources and the store of a target talk.
//!
//! A source registers each of its feeds with the store and gets a [`FeedHandle`] to push to. The store owns the health of
//! feeds; a push returns what it changed about the health of the target, so that the source can log it.

use std::{fmt, sync::Arc};

use super::{ClientEvent, EventCounter, Name, ShardReading, Update};

/// Identifies a feed within its target: one kind of object in one scope, or one configured Job.
///
/// An object belongs to the feed that reported it last. A complete list replaces the objects of its own feed only, and only
/// they disappear when that feed is stale. The store assigns it in [`Sink::register`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FeedId(pub(crate) u32);

/// What a feed covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedScope {
    /// The Jobs of this namespace; `None` for all selected namespaces.
    Jobs(Option<Name>),
    /// The `CronJobs` of this namespace; `None` for all selected namespaces.
    CronJobs(Option<Name>),
    /// The pods of Jobs in this namespace; `None` for all selected namespaces.
    Pods(Option<Name>),
    /// The namespaces, which a shard needs to know.
    Namespaces,
    /// One configured Job, which may not exist.
    Job {
        /// Its namespace.
        namespace: Name,
        /// Its name.
        name: Name,
    },
}

/// The store of one target, as its source sees it.
pub trait Sink: EventCounter {
    /// Adds a feed, or resumes that of the same scope after a restart of the source. A target is synced once each of its feeds
    /// is, and a restart ends with the first push, so all feeds are registered before the first push.
    fn register(self: Arc<Self>, scope: FeedScope) -> FeedHandle;

    /// Applies an update of one feed. It waits for a scrape no longer than it takes to copy a snapshot.
    fn push(&self, feed: FeedId, update: Update) -> HealthChange;

    /// Ends a feed. What belongs to no other feed leaves without being counted as deleted, once all others were read.
    fn retire(&self, feed: FeedId);

    /// Says how a shard reads, and how many namespaces it owns if it knows.
    fn set_shard_reading(&self, reading: ShardReading, namespaces: Option<usize>);
}

/// The source's end of a feed.
#[derive(Clone)]
pub struct FeedHandle {
    id: FeedId,
    sink: Arc<dyn Sink>,
}

/// What a push changed about the health of the target as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HealthChange {
    /// Every feed of the target has now been read completely at least once. Reported again when feeds that came later were.
    pub synced: bool,
    /// This is the first feed to fail: the target was up, or was never reached.
    pub went_down: bool,
    /// The last failing feed works again.
    pub recovered: bool,
}

impl FeedHandle {
    /// The handle for feed `id` of `sink`.
    pub fn new(id: FeedId, sink: Arc<dyn Sink>) -> Self {
        Self { id, sink }
    }

    /// Pushes an update of this feed to the store.
    #[allow(
        clippy::must_use_candidate,
        reason = "called for its effect; tests have no use for the change of health"
    )]
    pub fn push(&self, update: Update) -> HealthChange {
        self.sink.push(self.id, update)
    }

    /// Ends the feed.
    pub fn retire(self) {
        self.sink.retire(self.id);
    }

    /// Counts an event of this feed's target.
    pub fn count(&self, event: ClientEvent) {
        self.sink.count(event);
    }
}

impl fmt::Debug for FeedHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FeedHandle").field(&self.id).finish()
    }
}
