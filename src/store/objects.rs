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

use crate::model::{Change, CronJob, FeedId, Job, Uid};

/// Records per block: small enough that a copy costs little, large enough that a snapshot of 100,000 is some 100 pointers.
const BLOCK: usize = 1024;

/// What the slab needs to know of a record.
pub trait Object: Clone + PartialEq {
    /// Namespace and name.
    fn key(&self) -> (&str, &str);
    /// The object's identity.
    fn uid(&self) -> &Uid;
    /// Whether it is worth showing for a while after its deletion.
    fn outlives_deletion(&self) -> bool;
}

/// All objects of one kind in one target.
#[derive(Debug)]
pub struct Objects<T> {
    blocks: Vec<Arc<Block<T>>>,
    /// Slots of all entries, by hash of the key. A slot is `block * BLOCK + position`.
    index: HashTable<u32>,
    hasher: RandomState,
    /// Slots that are free again.
    free: Vec<u32>,
    /// Deleted entries in the order in which their time ends. An entry may have come back to life since.
    deleted: VecDeque<(Instant, u32)>,
    /// Entries that are not deleted.
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
}

/// What a snapshot shows: nothing that is past its time, nothing of a stale feed.
#[derive(Debug)]
pub(super) struct Visibility {
    now: Instant,
    /// By feed; `None` when no feed is stale, the usual case.
    stale: Option<Arc<[bool]>>,
}

/// The objects of one kind as they were at one moment.
#[derive(Debug)]
pub struct Snapshot<T> {
    blocks: Vec<Arc<Block<T>>>,
    now: Instant,
    stale: Option<Arc<[bool]>>,
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

impl<T: Object> Objects<T> {
    /// How many objects there are, deleted ones left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there is no object.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Takes in what a feed saw. What is deleted stays until `retain_until`, if it is worth it.
    pub(super) fn change(&mut self, feed: FeedId, change: Change<T>, retain_until: Instant) {
        match change {
            Change::Applied(record) => {
                self.apply(feed, record);
            }
            Change::Deleted(record) => self.delete(feed, record, retain_until),
            Change::Replaced(records) => self.replace(feed, records, retain_until),
        }
    }

    fn apply(&mut self, feed: FeedId, record: T) -> u32 {
        let hash = self.hash(record.key());
        if let Some(slot) = self.find(hash, record.key()) {
            let entry = self.entry(slot);
            if entry.is_some_and(|entry| {
                entry.record == record && entry.feed == feed && entry.until.is_none()
            }) {
                return slot; // the block stays as it is, and so does whatever hangs on it
            }
            if entry.is_some_and(|entry| entry.until.is_some()) {
                self.live += 1;
            }
            *self.entry_mut(slot) = Some(Entry {
                record,
                feed,
                until: None,
            });
            return slot;
        }
        let slot = self.allocate();
        *self.entry_mut(slot) = Some(Entry {
            record,
            feed,
            until: None,
        });
        self.live += 1;
        let Self {
            blocks,
            index,
            hasher,
            ..
        } = self;
        index.insert_unique(hash, slot, |&slot| rehash(blocks, hasher, slot));
        slot
    }

    /// The last state comes with the deletion and may be news: a Job with TTL 0 finishes and is gone in one go.
    fn delete(&mut self, feed: FeedId, record: T, retain_until: Instant) {
        let hash = self.hash(record.key());
        let Some(slot) = self.find(hash, record.key()) else {
            return;
        };
        match self.entry(slot) {
            // Another object of that name has taken its place, or it is known to be gone.
            Some(entry) if entry.record.uid() != record.uid() || entry.until.is_some() => {}
            _ => {
                *self.entry_mut(slot) = Some(Entry {
                    record,
                    feed,
                    until: None,
                });
                self.retire(slot, retain_until);
            }
        }
    }

    fn replace(&mut self, feed: FeedId, records: Vec<T>, retain_until: Instant) {
        let mut seen = vec![false; self.blocks.len() * BLOCK + records.len()];
        for record in records {
            let slot = self.apply(feed, record) as usize;
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
            self.retire(slot, retain_until);
        }
        self.give_back();
    }

    /// Removes what has been deleted for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(&(until, slot)) = self.deleted.front() {
            if now < until {
                return;
            }
            self.deleted.pop_front();
            // Only where this very deletion still stands.
            if self
                .entry(slot)
                .is_some_and(|entry| entry.until == Some(until))
            {
                self.remove(slot);
            }
        }
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<T> {
        Snapshot {
            blocks: self.blocks.clone(),
            now: visibility.now,
            stale: visibility.stale.clone(),
        }
    }

    /// The object is gone: shows it a while longer or takes it out.
    fn retire(&mut self, slot: u32, until: Instant) {
        self.live -= 1;
        match self.entry_mut(slot) {
            Some(entry) if entry.record.outlives_deletion() => {
                entry.until = Some(until);
                self.deleted.push_back((until, slot));
            }
            _ => self.remove(slot),
        }
    }

    fn remove(&mut self, slot: u32) {
        let Some(entry) = self.entry_mut(slot).take() else {
            return;
        };
        let hash = self.hash(entry.record.key());
        if let Ok(found) = self.index.find_entry(hash, |&candidate| candidate == slot) {
            found.remove();
        }
        self.free.push(slot);
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

    fn hash(&self, key: (&str, &str)) -> u64 {
        self.hasher.hash_one(key)
    }

    fn find(&self, hash: u64, key: (&str, &str)) -> Option<u32> {
        let same = |&slot: &u32| {
            self.entry(slot)
                .is_some_and(|entry| entry.record.key() == key)
        };
        self.index.find(hash, same).copied()
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

fn rehash<T: Object>(blocks: &[Arc<Block<T>>], hasher: &RandomState, slot: u32) -> u64 {
    let slot = slot as usize;
    blocks[slot / BLOCK][slot % BLOCK]
        .as_ref()
        .map_or(0, |entry| hasher.hash_one(entry.record.key()))
}

// === impl Visibility ===

impl Visibility {
    pub(super) fn new(now: Instant, stale: Vec<bool>) -> Self {
        Self {
            now,
            stale: stale.contains(&true).then(|| stale.into()),
        }
    }
}

// === impl Snapshot ===

impl<T> Snapshot<T> {
    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The records of one block that are to be shown.
    pub fn block(&self, number: usize) -> impl Iterator<Item = &T> {
        let entries = self
            .blocks
            .get(number)
            .map_or(&[][..], |block| block.as_slice());
        entries
            .iter()
            .flatten()
            .filter(|entry| self.shows(entry))
            .map(|entry| &entry.record)
    }

    /// All records that are to be shown.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.blocks()).flat_map(|number| self.block(number))
    }

    fn shows(&self, entry: &Entry<T>) -> bool {
        let stale = self
            .stale
            .as_ref()
            .and_then(|stale| stale.get(entry.feed.0 as usize))
            .is_some_and(|&stale| stale);
        !stale && entry.until.is_none_or(|until| self.now < until)
    }
}

impl Object for Job {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    fn uid(&self) -> &Uid {
        &self.uid
    }

    fn outlives_deletion(&self) -> bool {
        self.finished()
    }
}

impl Object for CronJob {
    fn key(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }

    fn uid(&self) -> &Uid {
        &self.uid
    }

    fn outlives_deletion(&self) -> bool {
        false
    }
}
