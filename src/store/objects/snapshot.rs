//! The view of a scrape on the objects of one kind.
//!
//! A snapshot shares the blocks of the slab. It omits expired and ignored records, and those of stale feeds.

use std::sync::Arc;

use tokio::time::Instant;

use super::{BLOCK, Block, Entry, NO_FEED, Record};
use crate::model::FeedId;

/// Chunks per block, see [`Snapshot::chunk`].
const CHUNKS: usize = 32;

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
    pub(super) blocks: Vec<Arc<Block<T>>>,
    pub(super) visibility: Visibility,
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
        let block = |record| Arc::new(vec![Some(entry(record))]);
        Self {
            blocks: record.map(block).into_iter().collect(),
            visibility: Visibility::new(Instant::now(), Vec::new()),
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
        let mut chunks = self.slots(number / CHUNKS).chunks(BLOCK / CHUNKS);
        self.visible(chunks.nth(number % CHUNKS).unwrap_or_default())
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
        block.map_or(&[], |block| block.as_slice())
    }
}
