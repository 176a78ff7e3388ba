//! Which slots the lists that are being applied have named so far.

use crate::model::FeedId;

/// The lists that did not end yet. Few feeds list at the same time.
#[derive(Debug, Default)]
pub(super) struct Lists(Vec<(FeedId, Slots)>);

/// A set of slots.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<bool>);

// === impl Lists ===

impl Lists {
    /// A list of `feed` starts.
    pub(super) fn start(&mut self, feed: FeedId) {
        self.take(feed);
    }

    /// Forgets all lists: nobody continues them.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Takes the slots that the list of `feed` has named.
    pub(super) fn take(&mut self, feed: FeedId) -> Slots {
        let place = self.0.iter().position(|(of, _)| *of == feed);
        place.map_or_else(Slots::default, |place| self.0.swap_remove(place).1)
    }

    /// Keeps the slots until the list of `feed` goes on.
    pub(super) fn put(&mut self, feed: FeedId, slots: Slots) {
        self.0.push((feed, slots));
    }

    /// Follows the records to the slots that they have moved to.
    pub(super) fn follow(&mut self, moved_to: &[u32]) {
        for (_, slots) in &mut self.0 {
            let before = std::mem::take(slots);
            let named = moved_to.iter().zip(before.0).filter(|(_, named)| *named);
            for (slot, _) in named {
                slots.insert(*slot);
            }
        }
    }
}

// === impl Slots ===

impl Slots {
    pub(super) fn insert(&mut self, slot: u32) {
        let slot = slot as usize;
        if slot >= self.0.len() {
            self.0.resize(slot + 1, false);
        }
        self.0[slot] = true;
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.0.get(slot as usize).is_some_and(|named| *named)
    }
}
