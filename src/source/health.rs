//! How the feeds of one target are doing: told to the store, and to people when it changes.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    client::Error,
    model::{ClientEvent, FeedId, Sink, Update},
    server::readiness::Readiness,
};

/// Different complaints that are logged per outage. A target of 1,000 polled jobs may have as many.
const COMPLAINTS: usize = 10;

/// The health of one target, shared by its feeds.
pub(super) struct Health {
    /// What people call the target.
    target: String,
    sink: Arc<dyn Sink>,
    readiness: Arc<Readiness>,
    feeds: Mutex<Feeds>,
}

struct Feeds {
    /// Outcome of each feed's last attempt; `None` before the first.
    up: Vec<Option<bool>>,
    synced: Vec<bool>,
    /// What was complained about in this outage. The same thing is said once, by whichever feed meets it first.
    complaints: BTreeSet<String>,
}

impl Health {
    pub(super) fn new(
        target: String,
        feeds: usize,
        sink: Arc<dyn Sink>,
        readiness: Arc<Readiness>,
    ) -> Self {
        let feeds = Feeds {
            up: vec![None; feeds],
            synced: vec![false; feeds],
            complaints: BTreeSet::new(),
        };
        Self {
            target,
            sink,
            readiness,
            feeds: Mutex::new(feeds),
        }
    }

    pub(super) fn count(&self, event: ClientEvent) {
        self.sink.count(event);
    }

    /// A feed was told of a change.
    pub(super) fn push(&self, feed: FeedId, update: Update) {
        self.sink.push(feed, update);
    }

    /// A feed was told the whole of what it covers. That alone does not end an outage: who may list need not be allowed to
    /// watch, and would be up and down again with every attempt.
    pub(super) fn push_whole(&self, feed: FeedId, update: Update) {
        self.sink.push(feed, update);
        let mut feeds = self.feeds();
        let newly_synced = !std::mem::replace(&mut feeds.synced[feed.0 as usize], true);
        if newly_synced && feeds.synced.iter().all(|synced| *synced) {
            tracing::info!("target is synced: everything configured was read once");
            self.readiness.synced(&self.target);
        }
    }

    /// A feed works: its watch is open, or its poll is done.
    pub(super) fn works(&self, feed: FeedId) {
        self.sink.push(feed, Update::Contact);
        let mut feeds = self.feeds();
        let was = feeds.up[feed.0 as usize].replace(true);
        if was == Some(false) && !feeds.up.contains(&Some(false)) {
            tracing::info!("target is up again");
        }
    }

    /// An attempt of a feed failed.
    pub(super) fn fail(&self, feed: FeedId, error: &Error) {
        self.sink.push(feed, Update::Failed);
        let mut feeds = self.feeds();
        let first = !feeds.up.contains(&Some(false));
        feeds.up[feed.0 as usize] = Some(false);
        if first {
            feeds.complaints.clear();
        }
        let complaint = error.fingerprint();
        let news = feeds.complaints.len() < COMPLAINTS && feeds.complaints.insert(complaint);
        drop(feeds);
        let hint = error.hint();
        match (first, news) {
            (true, _) => tracing::warn!(%error, hint, "target is down"),
            (false, true) => tracing::warn!(%error, hint, "still down, and for another reason"),
            (false, false) => tracing::debug!(%error, "still down"),
        }
    }

    fn feeds(&self) -> MutexGuard<'_, Feeds> {
        self.feeds.lock()
    }
}
