//! Which feed the objects belong to, when feeds leave.

use std::collections::HashSet;

use super::{Absence, Object, Objects, Record, Transition};
use crate::model::FeedId;

/// The feed of records that no feed has reported or that outlive theirs. It does not exist, so it cannot become stale.
pub(in crate::store) const NO_FEED: FeedId = FeedId(u32::MAX);

impl<T: Record> Objects<T> {
    /// The records whose objects exist, with their feeds.
    pub(in crate::store) fn existing_with_feeds(&self) -> impl Iterator<Item = (&T, FeedId)> {
        let entries = self.entries().map(|(_, entry)| entry);
        entries
            .filter(|entry| entry.remove_at.is_none())
            .map(|entry| (&entry.record, entry.feed))
    }

    /// The records of these `feeds` belong to none from now on.
    pub(in crate::store) fn detach(&mut self, feeds: &HashSet<FeedId>) {
        for slot in self.slots_of(feeds) {
            if let Some(entry) = self.entry_mut(slot) {
                entry.feed = NO_FEED;
            }
        }
    }

    fn slots_of(&self, feeds: &HashSet<FeedId>) -> Vec<u32> {
        let entries = self.entries();
        entries
            .filter(|(_, entry)| feeds.contains(&entry.feed))
            .map(|(slot, _)| slot)
            .collect()
    }
}

impl<T: Object> Objects<T> {
    /// Removes the objects of these `feeds`, which are no longer selected, and calls `on_transition` for each. Records of
    /// deleted objects stay for the rest of their time.
    pub(in crate::store) fn deselect(
        &mut self,
        feeds: &HashSet<FeedId>,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        for slot in self.slots_of(feeds) {
            if self
                .entry(slot)
                .is_some_and(|entry| entry.remove_at.is_none())
            {
                self.remove_or_retain(slot, Absence::Deselected, on_transition);
            }
        }
        self.detach(feeds);
        self.shrink();
    }
}
