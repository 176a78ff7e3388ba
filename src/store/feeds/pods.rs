//! The feeds of pods, which the health of a target does not depend on.

use std::time::Duration;

use tokio::time::Instant;

use super::{FeedStatus, Feeds};
use crate::model::FeedId;

impl Feeds {
    /// Whether all feeds of pods work; `None` without any, and before the first attempt.
    pub(in crate::store) fn pods_up(&self) -> Option<bool> {
        let feeds = self.in_use().filter(|(_, feed)| feed.is_of_pods());
        let up = feeds.map(|(_, feed)| feed.up);
        up.reduce(|one, other| Some(one? && other?)).flatten()
    }

    /// Whether feed `id` reads pods, and had no contact for longer than `stale_after`.
    pub(in crate::store) fn has_stale_pods(
        &self,
        id: FeedId,
        now: Instant,
        stale_after: Duration,
    ) -> bool {
        let feed = self.get(id).filter(|feed| feed.is_of_pods());
        feed.is_some_and(|feed| feed.stale(now, stale_after))
    }

    pub(super) fn failing_pods(&self) -> usize {
        let pods = self.in_use().filter(|(_, feed)| feed.is_of_pods());
        pods.filter(|(_, feed)| feed.is_failing()).count()
    }

    pub(super) fn is_of_pods(&self, id: FeedId) -> bool {
        self.get(id).is_some_and(FeedStatus::is_of_pods)
    }

    /// The feeds that the health of the target depends on. Pods explain runs; whatever happens to their feeds, all else goes on.
    pub(super) fn essential(&self) -> impl Iterator<Item = (FeedId, &FeedStatus)> {
        self.in_use().filter(|(_, feed)| !feed.is_of_pods())
    }
}
