//! Applies the changes of a feed to the slab.
//!
//! Each change of an object causes exactly one transition, whether it arrived as an event or as part of a list. The caller
//! computes its totals from the transitions.

use tokio::time::Instant;

use super::{Entry, Key, Objects, Record, blocks::BLOCK};
use crate::model::{Change, FeedId, Job, Uid};

/// The record of an API object.
pub(in crate::store) trait Object: Record {
    /// `metadata.uid`, which distinguishes objects that had the same name one after the other.
    fn uid(&self) -> &Uid;

    /// Whether this and `other` have the same data from the API.
    fn same_state(&self, other: &Self) -> bool;

    /// Completes this state of an object with what the API does not repeat of its `known` state before.
    fn continue_from(&mut self, known: &Self);
}

/// What happened to an object.
#[derive(Debug)]
pub(in crate::store) enum Transition<'a, T> {
    /// The object was created or changed.
    Applied {
        slot: u32,
        /// The previous state of the same object; `None` if it is new, or was deleted before.
        old: Option<&'a T>,
        new: &'a T,
    },
    /// The object was deleted. This was its last state.
    Gone(&'a T),
    /// The object is no longer selected. It may still exist, and continue as if nothing had happened when it is selected
    /// again.
    Deselected(&'a T),
}

/// Why objects are missing in a complete list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Absence {
    /// They were deleted. Records of those that had finished are kept until this time.
    Deleted { retain_until: Instant },
    /// The list is the first one after the selection of objects changed.
    Deselected,
}

impl<T: Object> Objects<T> {
    /// Applies a change from a feed, and calls `on_transition` for each object that it affects. `absence` says why objects
    /// are missing if it is a complete list.
    pub(in crate::store) fn change(
        &mut self,
        feed: FeedId,
        change: Change<T>,
        absence: Absence,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        match change {
            Change::Applied(record) => {
                self.apply(feed, record, on_transition);
            }
            Change::Deleted(record) => self.delete(feed, record, absence, on_transition),
            Change::ListStarted => self.lists.start(feed),
            Change::Listed(records) => self.apply_listed(feed, records, on_transition),
            Change::Replaced(records) => {
                self.apply_listed(feed, records, on_transition);
                self.end_list(feed, absence, on_transition);
            }
        }
    }

    /// Stores the current state of an object and returns its slot.
    fn apply(
        &mut self,
        feed: FeedId,
        record: T,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) -> u32 {
        let Some(slot) = self.find(record.key()) else {
            let slot = self.insert(feed, record);
            if let Some(new) = self.get(slot) {
                let old = None;
                on_transition(Transition::Applied { slot, old, new });
            }
            return slot;
        };
        let record = continued(record, self.get(slot));
        let unchanged = |entry: &Entry<T>| {
            entry.record.same_state(&record) && entry.feed == feed && entry.remove_at.is_none()
        };
        if self.entry(slot).is_some_and(unchanged) {
            return slot; // the block keeps its version, so the rendered block stays valid
        }
        let pinned = |entry: &Entry<T>| entry.pinned && entry.record.uid() == record.uid();
        let entry = Entry {
            pinned: self.entry(slot).is_some_and(pinned),
            omitted: false,
            record,
            feed,
            remove_at: None,
        };
        let old = self.replace_entry(slot, entry);
        let new = self.entry(slot).map(|entry| &entry.record);
        if let (Some(old), Some(new)) = (old, new) {
            let existed = old.remove_at.is_none();
            let same_object = old.record.uid() == new.uid();
            if existed && !same_object {
                on_transition(Transition::Gone(&old.record));
            }
            let old = (existed && same_object).then_some(&old.record);
            on_transition(Transition::Applied { slot, old, new });
        }
        slot
    }

    /// Stores the last state, which may be new, before the deletion: a Job with TTL 0 finishes and is deleted at once.
    fn delete(
        &mut self,
        feed: FeedId,
        record: T,
        absence: Absence,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        let Some(slot) = self.find(record.key()) else {
            return;
        };
        // A new object of that name has replaced it, or its deletion is known.
        let outdated =
            |entry: &Entry<T>| entry.record.uid() != record.uid() || entry.remove_at.is_some();
        if self.entry(slot).is_some_and(outdated) {
            return;
        }
        let slot = self.apply(feed, record, on_transition);
        self.remove_or_retain(slot, absence, on_transition);
    }

    /// Applies objects of a list.
    fn apply_listed(
        &mut self,
        feed: FeedId,
        mut records: Vec<T>,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        let mut listed = self.lists.take(feed);
        // From the end, so that the memory of what was moved into the slab can be given back meanwhile: a first list is as large as the
        // slab that it fills.
        records.reverse();
        while let Some(record) = records.pop() {
            listed.insert(self.apply(feed, record, on_transition));
            if records.len().is_multiple_of(4 * BLOCK) {
                records.shrink_to_fit();
            }
        }
        self.lists.put(feed, listed);
    }

    /// Removes the objects of the feed that were not in the list that ends.
    fn end_list(
        &mut self,
        feed: FeedId,
        absence: Absence,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        let listed = self.lists.take(feed);
        let gone = |(slot, entry): &(u32, &Entry<T>)| {
            entry.feed == feed && entry.remove_at.is_none() && !listed.contains(*slot)
        };
        let gone: Vec<u32> = self.entries().filter(gone).map(|(slot, _)| slot).collect();
        for slot in gone {
            self.remove_or_retain(slot, absence, on_transition);
        }
        self.shrink();
    }

    /// Removes the record in this slot. That of a deleted object that had finished is kept for a while.
    pub(super) fn remove_or_retain(
        &mut self,
        slot: u32,
        absence: Absence,
        on_transition: &mut impl FnMut(Transition<'_, T>),
    ) {
        let Some(entry) = self.entry(slot) else {
            return;
        };
        match absence {
            Absence::Deleted { retain_until } => {
                on_transition(Transition::Gone(&entry.record));
                if entry.record.finished() && !entry.record.ignored() {
                    self.schedule_removal(slot, retain_until);
                    return;
                }
            }
            Absence::Deselected => on_transition(Transition::Deselected(&entry.record)),
        }
        self.remove(slot);
    }
}

impl Record for Job {
    fn key(&self) -> Key<'_> {
        ("", self.namespace(), &self.name)
    }

    fn finished(&self) -> bool {
        Self::finished(self)
    }

    fn ignored(&self) -> bool {
        self.ignored
    }
}

/// This state of an object, completed with what was `known` of it.
pub(in crate::store) fn continued<T: Object>(mut record: T, known: Option<&T>) -> T {
    let Some(known) = known.filter(|known| known.uid() == record.uid()) else {
        return record;
    };
    if known.finished() && !record.finished() {
        // It stays finished: an API server that lags behind may still report an earlier state.
        return known.clone();
    }
    record.continue_from(known);
    record
}

impl Object for Job {
    fn uid(&self) -> &Uid {
        &self.uid
    }

    fn same_state(&self, other: &Self) -> bool {
        self == other
    }

    fn continue_from(&mut self, known: &Self) {
        Self::continue_from(self, known);
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod size {
    use hashbrown::HashTable;

    use super::*;

    /// The figures in the documentation of `model::job`.
    #[test]
    fn a_job_takes_less_than_200_bytes_with_its_share_of_the_index() {
        let entry = size_of::<Option<Entry<Job>>>();
        assert_eq!(entry, 184);
        for jobs in [1_000_u32, 100_000, 114_688, 114_689, 1_000_000] {
            let mut index = HashTable::new();
            for slot in 0..jobs {
                index.insert_unique(u64::from(slot), slot, |slot| u64::from(*slot));
            }
            let total = entry * jobs as usize + index.allocation_size();
            assert!(
                total < 196 * jobs as usize,
                "{jobs} Jobs take {total} bytes"
            );
        }
    }
}
