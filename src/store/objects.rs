//! The objects of one kind: a slab of copy-on-write blocks with an index by namespace and name.
//!
//! An event costs O(1): one hash lookup, and one record written in place. A snapshot copies the pointers to the blocks. A
//! block is copied only if one of its records changes while a snapshot still holds it. Its version tells a scrape whether it
//! changed since the last one. There is at most one record per namespace and name, so duplicate series are impossible, whatever
//! the API sends.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasher, RandomState},
};

use hashbrown::HashTable;
use tokio::time::Instant;

use crate::model::FeedId;

mod blocks;
mod changes;
mod feeds;
mod lists;
mod order;
mod snapshot;

use blocks::Blocks;
use lists::Lists;

pub(super) use changes::{Absence, Object, Transition, continued};
pub(super) use feeds::NO_FEED;
pub(super) use snapshot::Visibility;
pub use snapshot::{Snapshot, Version};

/// A record that the slab can hold.
pub trait Record: Clone {
    /// Identifies the record: kind, namespace and name. The kind is empty where all records have the same one.
    fn key(&self) -> Key<'_>;

    /// Whether the object has finished. A finished record is kept for a while after its deletion.
    fn finished(&self) -> bool {
        false
    }

    /// Whether snapshots omit the record. It is still stored, so that it is not new if it appears again later.
    fn ignored(&self) -> bool {
        false
    }
}

/// Kind, namespace and name.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// All objects of one kind in one target.
#[derive(Debug)]
pub(super) struct Objects<T> {
    blocks: Blocks<T>,
    /// Slots of all entries, by hash of the key.
    index: HashTable<u32>,
    hasher: RandomState,
    /// Scheduled removals, earliest first. One is stale unless the entry in the slot names the same time.
    removals: BinaryHeap<Reverse<(Instant, u32)>>,
    /// Number of entries that are neither deleted nor ignored.
    present: usize,
    lists: Lists,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    record: T,
    /// The feed that reported the object last.
    feed: FeedId,
    /// When the entry is removed. Set if the object is deleted and its record is kept for a while.
    remove_at: Option<Instant>,
    /// Whether the record is shown even if other finished ones are not.
    pinned: bool,
    /// Whether snapshots omit the record.
    omitted: bool,
}

// === impl Entry ===

impl<T: Record> Entry<T> {
    fn is_present(&self) -> bool {
        self.remove_at.is_none() && !self.record.ignored()
    }
}

// === impl Objects ===

impl<T: Clone> Default for Objects<T> {
    fn default() -> Self {
        Self {
            blocks: Blocks::default(),
            index: HashTable::new(),
            hasher: RandomState::new(),
            removals: BinaryHeap::new(),
            present: 0,
            lists: Lists::default(),
        }
    }
}

impl<T: Record> Objects<T> {
    /// Number of objects that are neither deleted nor ignored.
    pub(super) fn len(&self) -> usize {
        self.present
    }

    /// Number of records.
    pub(super) fn total(&self) -> usize {
        self.index.len()
    }

    /// The records whose removal is scheduled, with their slots and the times of removal.
    pub(super) fn leaving(&self) -> impl Iterator<Item = (u32, &T, Instant)> {
        self.entries()
            .filter_map(|(slot, entry)| Some((slot, &entry.record, entry.remove_at?)))
    }

    /// Whether snapshots omit the record in a slot.
    pub(super) fn is_omitted(&self, slot: u32) -> bool {
        self.entry(slot).is_some_and(|entry| entry.omitted)
    }

    /// Sets whether snapshots omit the record in a slot.
    pub(super) fn set_omitted(&mut self, slot: u32, omitted: bool) {
        if self.is_omitted(slot) != omitted
            && let Some(entry) = self.entry_mut(slot)
        {
            entry.omitted = omitted;
        }
    }

    /// Returns the slot of the record with this key.
    pub(super) fn find(&self, key: Key<'_>) -> Option<u32> {
        let same = |&slot: &u32| {
            self.entry(slot)
                .is_some_and(|entry| entry.record.key() == key)
        };
        self.index.find(self.hasher.hash_one(key), same).copied()
    }

    /// The record with this key, unless its object is deleted.
    pub(super) fn existing(&self, key: Key<'_>) -> Option<&T> {
        let entry = self.entry(self.find(key)?)?;
        entry.remove_at.is_none().then_some(&entry.record)
    }

    /// The feed that reported the object in a slot last.
    pub(super) fn feed(&self, slot: u32) -> Option<FeedId> {
        self.entry(slot).map(|entry| entry.feed)
    }

    /// All records.
    pub(super) fn records(&self) -> impl Iterator<Item = &T> {
        self.entries().map(|(_, entry)| &entry.record)
    }

    /// The slots that have a record.
    pub(super) fn occupied(&self) -> Vec<u32> {
        self.entries().map(|(slot, _)| slot).collect()
    }

    /// The record in a slot.
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.entry(slot).map(|entry| &entry.record)
    }

    /// The record in a slot. The caller must not change its key.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entry_mut(slot).map(|entry| &mut entry.record)
    }

    /// Adds a record with a new key and returns its slot.
    pub(super) fn insert(&mut self, feed: FeedId, record: T) -> u32 {
        let hash = self.hasher.hash_one(record.key());
        let entry = Entry {
            record,
            feed,
            remove_at: None,
            pinned: false,
            omitted: false,
        };
        self.present += usize::from(entry.is_present());
        let slot = self.blocks.insert(entry);
        let Self {
            blocks,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, slot, |&slot| rehash(blocks, hasher, slot));
        slot
    }

    /// Removes the record in a slot at the time `at`. Does nothing if a removal is already scheduled.
    pub(super) fn schedule_removal(&mut self, slot: u32, at: Instant) {
        if let Some(entry) = self.entry_mut(slot)
            && entry.remove_at.is_none()
        {
            let was_present = usize::from(entry.is_present());
            entry.remove_at = Some(at);
            self.present -= was_present;
            self.removals.push(Reverse((at, slot)));
        }
    }

    /// Removes a record whose removal is scheduled at the time `at`, if that is earlier.
    pub(super) fn hasten_removal(&mut self, slot: u32, at: Instant) {
        let is_later = |entry: &Entry<T>| entry.remove_at.is_some_and(|planned| planned > at);
        if self.entry(slot).is_some_and(is_later)
            && let Some(entry) = self.entry_mut(slot)
        {
            entry.remove_at = Some(at);
            self.removals.push(Reverse((at, slot)));
        }
    }

    /// Notes that `feed` reports the object in a slot, and cancels its removal. Returns whether a removal was scheduled.
    pub(super) fn confirm(&mut self, slot: u32, feed: FeedId) -> bool {
        if self
            .entry(slot)
            .is_none_or(|entry| entry.feed == feed && entry.remove_at.is_none())
        {
            return false;
        }
        let Some(entry) = self.entry_mut(slot) else {
            return false;
        };
        let was_scheduled = entry.remove_at.take().is_some();
        entry.feed = feed;
        self.present += usize::from(was_scheduled);
        was_scheduled
    }

    /// Sets whether the record in a slot is shown even if other finished ones are not.
    pub(super) fn set_pinned(&mut self, slot: u32, pinned: bool) {
        if self.entry(slot).is_some_and(|entry| entry.pinned != pinned)
            && let Some(entry) = self.entry_mut(slot)
        {
            entry.pinned = pinned;
        }
    }

    /// Changes the times of all scheduled removals.
    pub(super) fn reschedule_removals(&mut self, new_time: impl Fn(&T, Instant) -> Instant) {
        let leaving = self.leaving();
        let times: Vec<_> = leaving
            .map(|(slot, record, at)| (new_time(record, at), slot, at))
            .collect();
        self.removals = times
            .iter()
            .map(|(at, slot, _)| Reverse((*at, *slot)))
            .collect();
        for (at, slot, before) in times {
            if at != before
                && let Some(entry) = self.entry_mut(slot)
            {
                entry.remove_at = Some(at);
            }
        }
    }

    /// Replaces the entry in a slot by one with the same key and returns the previous one.
    fn replace_entry(&mut self, slot: u32, entry: Entry<T>) -> Option<Entry<T>> {
        self.present += usize::from(entry.is_present());
        let old = self.blocks.replace(slot, entry);
        self.present -= old.as_ref().map_or(0, |old| usize::from(old.is_present()));
        old
    }

    /// Removes the records whose removal is due, and passes each to `on_removal`.
    pub(super) fn expire(&mut self, now: Instant, on_removal: impl FnMut(T)) {
        self.expire_some(now, usize::MAX, on_removal);
    }

    /// The same for at most `most` records. Returns whether more may be due.
    pub(super) fn expire_some(
        &mut self,
        now: Instant,
        most: usize,
        mut on_removal: impl FnMut(T),
    ) -> bool {
        for _ in 0..most {
            let Some(&Reverse((at, slot))) = self.removals.peek() else {
                return false;
            };
            if now < at {
                return false;
            }
            self.removals.pop();
            // The removal may have been cancelled, or the slot reused.
            if self
                .entry(slot)
                .is_some_and(|entry| entry.remove_at == Some(at))
                && let Some(entry) = self.remove(slot)
            {
                on_removal(entry.record);
            }
        }
        true
    }

    /// Removes the record in a slot, and passes it to `on_removal`.
    pub(super) fn remove_now(&mut self, slot: u32, on_removal: impl FnOnce(T)) {
        if let Some(entry) = self.remove(slot) {
            on_removal(entry.record);
        }
    }

    /// Forgets the lists that did not end: their source was stopped.
    pub(super) fn forget_lists(&mut self) {
        self.lists.clear();
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<T> {
        Snapshot::new(self.blocks.share(), visibility.clone())
    }

    fn remove(&mut self, slot: u32) -> Option<Entry<T>> {
        let entry = self.blocks.remove(slot)?;
        let hash = self.hasher.hash_one(entry.record.key());
        if let Ok(found) = self.index.find_entry(hash, |&candidate| candidate == slot) {
            found.remove();
        }
        self.present -= usize::from(entry.is_present());
        Some(entry)
    }

    /// Frees empty blocks at the end, and the index if it is mostly empty: usual fluctuations free nothing.
    fn shrink(&mut self) {
        self.blocks.shrink();
        if self.index.capacity() > 4 * self.index.len() {
            let Self {
                blocks,
                index,
                hasher,
                ..
            } = self;
            index.shrink_to_fit(|&slot| rehash(blocks, hasher, slot));
        }
    }

    fn entry(&self, slot: u32) -> Option<&Entry<T>> {
        self.blocks.get(slot)
    }

    /// The entry in a slot, which is about to change: rendered blocks with it are void.
    fn entry_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.blocks.get_mut(slot)
    }

    fn entries(&self) -> impl Iterator<Item = (u32, &Entry<T>)> {
        self.blocks.iter()
    }
}

fn rehash<T: Record>(blocks: &Blocks<T>, hasher: &RandomState, slot: u32) -> u64 {
    let entry = blocks.get(slot);
    entry.map_or(0, |entry| hasher.hash_one(entry.record.key()))
}
