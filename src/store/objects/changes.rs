//! What a feed tells of its objects, applied to the slab, and what becomes of each object by it.
//!
//! Whoever adds up is told of every transition exactly once, whether it came as an event or as part of a list.

use tokio::time::Instant;

use super::{BLOCK, Entry, Key, Objects, Record};
use crate::model::{Change, FeedId, Job, Uid};

/// What the slab needs to know of a record that an API object becomes.
pub(in crate::store) trait Object: Record {
    /// The object's identity.
    fn uid(&self) -> &Uid;

    /// Whether nothing has changed between this and another state of it.
    fn tells_the_same(&self, other: &Self) -> bool;
}

/// What becomes of an object, for those who add up.
#[derive(Debug)]
pub(in crate::store) enum Transition<'a, T> {
    /// It is there. `old` is what was known of this very object while it was there, if anything.
    Applied {
        /// Where it is kept.
        slot: u32,
        /// Its state before.
        old: Option<&'a T>,
        /// Its state now.
        new: &'a T,
    },
    /// It is no longer there; this was its last state.
    Gone(&'a T),
}

impl<T: Object> Objects<T> {
    /// Takes in what a feed saw, and tells `see` what becomes of each object. What is deleted stays until
    /// `retain_until`, if it is worth it.
    pub(in crate::store) fn change(
        &mut self,
        feed: FeedId,
        change: Change<T>,
        retain_until: Instant,
        see: &mut impl FnMut(Transition<'_, T>),
    ) {
        match change {
            Change::Applied(record) => {
                self.apply(feed, record, see);
            }
            Change::Deleted(record) => self.delete(feed, record, retain_until, see),
            Change::Replaced(records) => self.replace(feed, records, retain_until, see),
        }
    }

    /// Gives the object's slot.
    fn apply(&mut self, feed: FeedId, record: T, see: &mut impl FnMut(Transition<'_, T>)) -> u32 {
        let Some(slot) = self.find(record.key()) else {
            let slot = self.insert(feed, record);
            if let Some(new) = self.get(slot) {
                let old = None;
                see(Transition::Applied { slot, old, new });
            }
            return slot;
        };
        // What has ended has ended: a server that lags behind shows how it was before.
        let record = match self.get(slot) {
            Some(ended)
                if ended.uid() == record.uid() && ended.finished() && !record.finished() =>
            {
                ended.clone()
            }
            _ => record,
        };
        let same = |entry: &Entry<T>| {
            entry.record.tells_the_same(&record) && entry.feed == feed && entry.until.is_none()
        };
        if self.entry(slot).is_some_and(same) {
            return slot; // the block stays as it is, and so does whatever hangs on it
        }
        let marked = |entry: &Entry<T>| entry.marked && entry.record.uid() == record.uid();
        let entry = Entry {
            marked: self.entry(slot).is_some_and(marked),
            record,
            feed,
            until: None,
        };
        let old = self.put(slot, entry);
        let new = self.entry(slot).map(|entry| &entry.record);
        if let (Some(old), Some(new)) = (old, new) {
            let there = old.until.is_none();
            let same_object = old.record.uid() == new.uid();
            if there && !same_object {
                see(Transition::Gone(&old.record));
            }
            let old = (there && same_object).then_some(&old.record);
            see(Transition::Applied { slot, old, new });
        }
        slot
    }

    /// The last state comes with the deletion and may be news: a Job with TTL 0 finishes and is gone in one go.
    fn delete(
        &mut self,
        feed: FeedId,
        record: T,
        retain_until: Instant,
        see: &mut impl FnMut(Transition<'_, T>),
    ) {
        let Some(slot) = self.find(record.key()) else {
            return;
        };
        // Another object of that name has taken its place, or it is known to be gone.
        let other = |entry: &Entry<T>| entry.record.uid() != record.uid() || entry.until.is_some();
        if self.entry(slot).is_some_and(other) {
            return;
        }
        let slot = self.apply(feed, record, see);
        self.retire(slot, retain_until, see);
    }

    fn replace(
        &mut self,
        feed: FeedId,
        records: Vec<T>,
        retain_until: Instant,
        see: &mut impl FnMut(Transition<'_, T>),
    ) {
        let mut seen = vec![false; self.blocks.len() * BLOCK + records.len()];
        for record in records {
            let slot = self.apply(feed, record, see) as usize;
            if slot >= seen.len() {
                seen.resize(slot + BLOCK, false);
            }
            seen[slot] = true;
        }
        let gone = |(slot, entry): &(u32, &Entry<T>)| {
            entry.feed == feed && entry.until.is_none() && !seen[*slot as usize]
        };
        let gone: Vec<u32> = self.entries().filter(gone).map(|(slot, _)| slot).collect();
        for slot in gone {
            self.retire(slot, retain_until, see);
        }
        self.give_back();
    }

    /// The object is gone: shows it a while longer or takes it out.
    fn retire(&mut self, slot: u32, until: Instant, see: &mut impl FnMut(Transition<'_, T>)) {
        let Some(entry) = self.entry(slot) else {
            return;
        };
        see(Transition::Gone(&entry.record));
        if entry.record.finished() && !entry.record.hidden() {
            self.leave(slot, until);
        } else {
            self.remove(slot);
        }
    }
}

impl Record for Job {
    fn key(&self) -> Key<'_> {
        ("", &self.namespace, &self.name)
    }

    fn finished(&self) -> bool {
        Self::finished(self)
    }

    fn hidden(&self) -> bool {
        self.ignored
    }
}

impl Object for Job {
    fn uid(&self) -> &Uid {
        &self.uid
    }

    fn tells_the_same(&self, other: &Self) -> bool {
        self == other
    }
}
