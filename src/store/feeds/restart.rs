//! The feeds while the source of the target is restarted with other settings.
//!
//! A restart ends the tasks of the source, so no feed is in use. The new source registers its feeds before its first push. A
//! scope that had a feed gets it again, with its health, so that nothing flaps. The other feeds are retired: they count no
//! more, and their objects stay until all feeds in use were read completely.

use jiff::Timestamp;

use super::{FeedStatus, Feeds, Reading};
use crate::model::{FeedId, FeedScope, Seconds};

/// Whether a restarted source selects the same objects as before, as far as their selection is no part of a [`FeedScope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectSelection {
    /// The same objects: one that is missing in the next list was deleted.
    Same,
    /// Maybe others: one that is missing in the next list may still exist.
    Changed,
}

/// Whether the source uses a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The source has it.
    InUse,
    /// The source was restarted and may still register it. Until the first push it counts as before.
    Restarting,
    /// The source has others in its place.
    Retired,
}

// === impl Feeds ===

impl Feeds {
    /// The source was stopped. Its successor registers its feeds next.
    /// With `none_needed` it has none.
    pub(in crate::store) fn restart(&mut self, selection: ObjectSelection, none_needed: bool) {
        self.finish_restart();
        self.restarting = true;
        let changed = selection == ObjectSelection::Changed;
        if changed {
            self.count_since = self.known_until();
        }
        for feed in self.statuses.iter_mut().flatten() {
            if feed.phase == Phase::InUse {
                feed.phase = Phase::Restarting;
            }
            feed.reading = Reading::Never;
            if changed {
                feed.count_since = self.count_since;
                feed.selection_changed |= !feed.is_configured();
            }
        }
        self.none_needed = none_needed;
        if none_needed {
            self.finish_restart();
        }
    }

    /// Until when all runs of the selected objects are known. `None` before all were read.
    fn known_until(&self) -> Option<Seconds> {
        let known = self.essential().map(|(_, feed)| {
            let read = feed.caught_up.or(feed.last_success);
            read.map(Timestamp::as_second).or(feed.count_since)
        });
        known.min().flatten()
    }

    /// Runs that feed `id` reports and that ended before this time are not counted unless they were seen active: nobody
    /// selected them then.
    pub(in crate::store) fn count_since(&self, id: FeedId) -> Option<Seconds> {
        self.get(id).and_then(|feed| feed.count_since)
    }

    /// Whether the objects that are missing in the next complete list of feed `id` may still exist.
    pub(in crate::store) fn selection_changed(&self, id: FeedId) -> bool {
        self.get(id).is_some_and(|feed| feed.selection_changed)
    }

    /// Removes the retired feeds that are no longer needed, and returns them. The caller removes their objects.
    pub(in crate::store) fn take_replaced(&mut self) -> Vec<FeedId> {
        if self.retired == 0 {
            return Vec::new();
        }
        let any = self.len() > 0 || self.none_needed;
        let all_read = !self.restarting && any && self.essential().all(|(_, feed)| feed.is_read());
        let mut replaced = Vec::new();
        self.retired = 0;
        for (id, place) in (0u32..).map(FeedId).zip(&mut self.statuses) {
            let Some(feed) = place.as_ref().filter(|it| it.phase == Phase::Retired) else {
                continue;
            };
            // A feed that was never read has no objects to show.
            if all_read || !feed.synced {
                *place = None;
                replaced.push(id);
            } else {
                self.retired += 1;
            }
        }
        self.free.extend(&replaced);
        replaced
    }

    /// Takes a feed with this scope into use again, if there is one.
    pub(super) fn resume(&mut self, scope: &FeedScope) -> Option<FeedId> {
        if !self.restarting && self.retired == 0 {
            return None;
        }
        let is_same = |feed: &FeedStatus| feed.phase != Phase::InUse && feed.scope == *scope;
        let mut feeds = (0u32..).map(FeedId).zip(&mut self.statuses);
        let (id, feed) = feeds
            .find_map(|(id, feed)| Some((id, feed.as_mut()?)).filter(|(_, feed)| is_same(feed)))?;
        let before = std::mem::replace(&mut feed.phase, Phase::InUse);
        if before == Phase::Retired {
            self.retired -= 1;
        }
        Some(id)
    }

    /// All feeds are registered: retires those that were not. Returns whether this ends a restart.
    pub(super) fn finish_restart(&mut self) -> bool {
        if !std::mem::take(&mut self.restarting) {
            return false;
        }
        for feed in self.statuses.iter_mut().flatten() {
            if feed.phase == Phase::Restarting {
                feed.phase = Phase::Retired;
                self.retired += 1;
            }
        }
        true
    }

    /// The source has no use for feed `id` any more. It counts no longer, and its objects stay until all other feeds were read.
    pub(in crate::store) fn retire(&mut self, id: FeedId) {
        let feed = self.statuses.get_mut(id.0 as usize);
        if let Some(feed) = feed.and_then(Option::as_mut)
            && feed.phase != Phase::Retired
        {
            feed.phase = Phase::Retired;
            self.retired += 1;
        }
    }

    /// Whether everything that is selected now was read completely at least once.
    pub(super) fn all_read(&self) -> bool {
        self.essential()
            .all(|(_, feed)| feed.synced && !feed.selection_changed)
    }
}
