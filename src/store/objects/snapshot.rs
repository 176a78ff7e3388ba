//! The view of a scrape on the objects of one kind.
//!
//! A snapshot shares the blocks of the slab. It omits expired and ignored records, and those of stale feeds.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    Entry, NO_FEED, Record,
    blocks::{Block, CHUNKS},
};
use crate::model::FeedId;

/// Identifies what a snapshot shows of one block or chunk: two snapshots show the same if they have the same version of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    records: u64,
    /// A hash of what decides which records are visible, apart from the time: what expired is no longer in the block.
    visibility: u64,
}

/// Which records a snapshot shows.
#[derive(Clone, Debug)]
pub(in crate::store) struct Visibility {
    now: Instant,
    /// Whether each feed is stale; `None` if no feed is, the usual case.
    stale: Option<Arc<[bool]>>,
    /// Whether finished records are omitted unless they are pinned.
    pinned_only: bool,
}

/// The objects of one kind at one moment.
#[derive(Debug)]
pub struct Snapshot<T> {
    blocks: Vec<Arc<Block<T>>>,
    visibility: Visibility,
    visibility_fingerprint: u64,
}

// === impl Visibility ===

impl Visibility {
    /// `stale` tells for each feed whether it is stale.
    pub(in crate::store) fn new(now: Instant, stale: Vec<bool>) -> Self {
        Self {
            now,
            stale: stale.contains(&true).then(|| stale.into()),
            pinned_only: false,
        }
    }

    /// The same, with finished records omitted unless they are pinned.
    pub(in crate::store) fn with_pinned_only(&self, pinned_only: bool) -> Self {
        Self {
            pinned_only,
            ..self.clone()
        }
    }

    /// A hash of what decides which records are visible.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.stale.hash(&mut hasher);
        self.pinned_only.hash(&mut hasher);
        hasher.finish()
    }

    fn is_stale(&self, feed: FeedId) -> bool {
        let stale = self.stale.as_deref();
        let stale = stale.and_then(|stale| stale.get(feed.0 as usize));
        stale.is_some_and(|&stale| stale)
    }
}

// === impl Snapshot ===

impl<T: Record> Snapshot<T> {
    /// A snapshot of this record alone, or of none.
    pub(in crate::store) fn of(record: Option<T>) -> Self {
        let entry = |record| Entry {
            record,
            feed: NO_FEED,
            remove_at: None,
            pinned: true,
            omitted: false,
        };
        let block = |record| Arc::new(Block::new(vec![Some(entry(record))]));
        let blocks = record.map(block).into_iter().collect();
        Self::new(blocks, Visibility::new(Instant::now(), Vec::new()))
    }

    pub(super) fn new(blocks: Vec<Arc<Block<T>>>, visibility: Visibility) -> Self {
        Self {
            blocks,
            visibility_fingerprint: visibility.fingerprint(),
            visibility,
        }
    }

    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The visible records of one block.
    pub fn block(&self, number: usize) -> impl Iterator<Item = &T> {
        self.visible(self.slots(number))
    }

    /// Number of chunks.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.blocks() * CHUNKS
    }

    /// The visible records of one chunk. Chunks are smaller than blocks, for records with many lines each.
    pub fn chunk(&self, number: usize) -> impl Iterator<Item = &T> {
        let block = self.blocks.get(number / CHUNKS);
        let chunk = block.map_or(&[][..], |block| block.chunk(number % CHUNKS));
        self.visible(chunk)
    }

    /// The version of one block.
    #[must_use]
    pub fn block_version(&self, number: usize) -> Version {
        let block = self.blocks.get(number);
        self.version(block.map_or(0, |block| block.version()))
    }

    /// The version of one chunk.
    #[must_use]
    pub fn chunk_version(&self, number: usize) -> Version {
        let block = self.blocks.get(number / CHUNKS);
        self.version(block.map_or(0, |block| block.chunk_version(number % CHUNKS)))
    }

    fn version(&self, records: u64) -> Version {
        Version {
            records,
            visibility: self.visibility_fingerprint,
        }
    }

    /// The records of one block whose objects exist, even if they are finished and not pinned.
    pub fn existing(&self, number: usize) -> impl Iterator<Item = &T> {
        self.entries(self.slots(number))
            .filter(|entry| entry.remove_at.is_none())
            .map(|entry| &entry.record)
    }

    /// All visible records.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.blocks()).flat_map(|number| self.block(number))
    }

    fn visible<'a>(&'a self, slots: &'a [Option<Entry<T>>]) -> impl Iterator<Item = &'a T> {
        let Visibility {
            now, pinned_only, ..
        } = self.visibility;
        self.entries(slots)
            .filter(move |entry| entry.remove_at.is_none_or(|at| now < at))
            .filter(move |entry| !pinned_only || entry.pinned || !entry.record.finished())
            .map(|entry| &entry.record)
    }

    /// The entries that are neither ignored nor omitted, and whose feeds are not stale.
    fn entries<'a>(&'a self, slots: &'a [Option<Entry<T>>]) -> impl Iterator<Item = &'a Entry<T>> {
        let visibility = &self.visibility;
        let entries = slots.iter().flatten();
        entries.filter(|entry| {
            !entry.omitted && !entry.record.ignored() && !visibility.is_stale(entry.feed)
        })
    }

    fn slots(&self, block: usize) -> &[Option<Entry<T>>] {
        let block = self.blocks.get(block);
        block.map_or(&[], |block| block.slots())
    }
}
