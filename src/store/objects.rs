//! The objects of one kind: a slab of copy-on-write blocks with an index by namespace and name.
//!
//! An event costs O(1): a hash look-up and one record written in place. A snapshot copies the pointers to the blocks;
//! a block is copied only when one of its records changes while a snapshot of it is still being rendered.
//! There is one record per namespace and name at any time, so there are no duplicate series, whatever the API sends.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use hashbrown::HashTable;
use tokio::time::Instant;

use crate::model::FeedId;

mod changes;
mod snapshot;

pub(super) use changes::{Object, Transition};
pub use snapshot::Snapshot;
pub(super) use snapshot::Visibility;

/// Records per block: small enough that a copy costs little, large enough that a snapshot of 100,000 is some 100 pointers.
const BLOCK: usize = 1024;

/// What the slab needs to know of a record.
pub trait Record: Clone {
    /// What there is one record of: kind, namespace and name. Where all are of one kind, that is empty.
    fn key(&self) -> Key<'_>;

    /// Whether it has come to its end. If so, it is worth showing for a while after it is gone.
    fn finished(&self) -> bool {
        false
    }

    /// Whether it is to be left out. It is kept all the same: what was known of it must not be news again one day.
    fn hidden(&self) -> bool {
        false
    }
}

/// Kind, namespace and name.
pub(super) type Key<'a> = (&'a str, &'a str, &'a str);

/// All objects of one kind in one target.
#[derive(Debug)]
pub(super) struct Objects<T> {
    blocks: Vec<Arc<Block<T>>>,
    /// Slots of all entries, by hash of the key. A slot is `block * BLOCK + position`.
    index: HashTable<u32>,
    hasher: RandomState,
    /// Slots that are free again.
    free: Vec<u32>,
    /// Deleted entries in the order in which their time ends. An entry may have come back to life since.
    deleted: VecDeque<(Instant, u32)>,
    /// Entries that are there: neither deleted nor hidden.
    live: usize,
}

type Block<T> = Vec<Option<Entry<T>>>;

#[derive(Clone, Debug)]
struct Entry<T> {
    record: T,
    /// Who told of it last.
    feed: FeedId,
    /// Set when the object is gone: until when it is still shown.
    until: Option<Instant>,
    /// It stands out among its like: shown even where those of its like are not.
    marked: bool,
}

// === impl Entry ===

impl<T: Record> Entry<T> {
    fn there(&self) -> bool {
        self.until.is_none() && !self.record.hidden()
    }
}

// === impl Objects ===

impl<T> Default for Objects<T> {
    fn default() -> Self {
        Self {
            blocks: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::new(),
            free: Vec::new(),
            deleted: VecDeque::new(),
            live: 0,
        }
    }
}

impl<T: Record> Objects<T> {
    /// How many objects there are, deleted and hidden ones left out.
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// Where the record with this key is.
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
        entry.until.is_none().then_some(&entry.record)
    }

    /// The record in a slot.
    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.entry(slot).map(|entry| &entry.record)
    }

    /// The record in a slot, to be changed in all but its key.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        self.entry_mut(slot).as_mut().map(|entry| &mut entry.record)
    }

    /// Adds a record whose key is not there yet.
    pub(super) fn insert(&mut self, feed: FeedId, record: T) -> u32 {
        let hash = self.hasher.hash_one(record.key());
        let slot = self.allocate();
        let entry = Entry {
            record,
            feed,
            until: None,
            marked: false,
        };
        self.live += usize::from(entry.there());
        *self.entry_mut(slot) = Some(entry);
        let Self {
            blocks,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, slot, |&slot| rehash(blocks, hasher, slot));
        slot
    }

    /// Shows what is in a slot until then, and takes it out.
    pub(super) fn leave(&mut self, slot: u32, until: Instant) {
        if let Some(entry) = self.entry_mut(slot)
            && entry.until.is_none()
        {
            let was = usize::from(entry.there());
            entry.until = Some(until);
            self.live -= was;
            self.deleted.push_back((until, slot));
        }
    }

    /// What is in a slot is there to stay, as `feed` says. Gives whether it was about to leave.
    pub(super) fn stay(&mut self, slot: u32, feed: FeedId) -> bool {
        if self
            .entry(slot)
            .is_none_or(|entry| entry.feed == feed && entry.until.is_none())
        {
            return false;
        }
        let Some(entry) = self.entry_mut(slot) else {
            return false;
        };
        let back = entry.until.take().is_some();
        entry.feed = feed;
        self.live += usize::from(back);
        back
    }

    /// Makes what is in a slot stand out, or not.
    pub(super) fn mark(&mut self, slot: u32, marked: bool) {
        if self.entry(slot).is_some_and(|entry| entry.marked != marked)
            && let Some(entry) = self.entry_mut(slot)
        {
            entry.marked = marked;
        }
    }

    /// Puts another state of the same key into a slot. Gives the one before.
    fn put(&mut self, slot: u32, entry: Entry<T>) -> Option<Entry<T>> {
        self.live += usize::from(entry.there());
        let old = self.entry_mut(slot).replace(entry);
        self.live -= old.as_ref().map_or(0, |old| usize::from(old.there()));
        old
    }

    /// Removes what has been deleted for long enough, and hands it to `see`.
    pub(super) fn expire(&mut self, now: Instant, mut see: impl FnMut(T)) {
        while let Some(&(until, slot)) = self.deleted.front() {
            if now < until {
                return;
            }
            self.deleted.pop_front();
            // Only where this very deletion still stands.
            if self
                .entry(slot)
                .is_some_and(|entry| entry.until == Some(until))
                && let Some(entry) = self.remove(slot)
            {
                see(entry.record);
            }
        }
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<T> {
        Snapshot {
            blocks: self.blocks.clone(),
            visibility: visibility.clone(),
        }
    }

    fn remove(&mut self, slot: u32) -> Option<Entry<T>> {
        let entry = self.entry_mut(slot).take()?;
        let hash = self.hasher.hash_one(entry.record.key());
        if let Ok(found) = self.index.find_entry(hash, |&candidate| candidate == slot) {
            found.remove();
        }
        self.free.push(slot);
        self.live -= usize::from(entry.there());
        Some(entry)
    }

    /// Gives memory back after a change in numbers that is not just the day's coming and going.
    fn give_back(&mut self) {
        while self
            .blocks
            .last()
            .is_some_and(|block| block.iter().all(Option::is_none))
        {
            self.blocks.pop();
        }
        let slots = self.slots();
        self.free.retain(|&slot| (slot as usize) < slots);
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

    fn allocate(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            return slot;
        }
        let slot = self.slots();
        if slot.is_multiple_of(BLOCK) {
            self.blocks.push(Arc::default());
        }
        if let Some(block) = self.blocks.last_mut() {
            Arc::make_mut(block).push(None);
        }
        u32::try_from(slot).unwrap_or(u32::MAX) // 4 billion records do not fit into memory
    }

    /// One past the last slot.
    fn slots(&self) -> usize {
        self.blocks
            .last()
            .map_or(0, |last| (self.blocks.len() - 1) * BLOCK + last.len())
    }

    fn entry(&self, slot: u32) -> Option<&Entry<T>> {
        let slot = slot as usize;
        self.blocks.get(slot / BLOCK)?.get(slot % BLOCK)?.as_ref()
    }

    fn entry_mut(&mut self, slot: u32) -> &mut Option<Entry<T>> {
        let slot = slot as usize;
        &mut Arc::make_mut(&mut self.blocks[slot / BLOCK])[slot % BLOCK]
    }

    fn entries(&self) -> impl Iterator<Item = (u32, &Entry<T>)> {
        let slots = self.blocks.iter().flat_map(|block| block.iter());
        // Blocks but the last are always full, so positions in sequence are slots.
        (0u32..)
            .zip(slots)
            .filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
    }
}

fn rehash<T: Record>(blocks: &[Arc<Block<T>>], hasher: &RandomState, slot: u32) -> u64 {
    let slot = slot as usize;
    blocks[slot / BLOCK][slot % BLOCK]
        .as_ref()
        .map_or(0, |entry| hasher.hash_one(entry.record.key()))
}
