//! What a scrape sees of the objects of one kind.
//!
//! A snapshot shares the blocks of the slab and leaves out what is past its time or of a feed without contact.

use std::sync::Arc;

use tokio::time::Instant;

use super::{BLOCK, Block, Entry, Record};
use crate::model::FeedId;

/// Parts of a block, see [`Snapshot::part`].
const PARTS: usize = 32;

/// What a snapshot shows: nothing that is past its time, nothing of a stale feed.
#[derive(Clone, Debug)]
pub(in crate::store) struct Visibility {
    now: Instant,
    /// By feed; `None` when no feed is stale, the usual case.
    stale: Option<Arc<[bool]>>,
    /// Of what is finished, show only what is marked.
    marked_only: bool,
}

/// The objects of one kind as they were at one moment.
#[derive(Debug)]
pub struct Snapshot<T> {
    pub(super) blocks: Vec<Arc<Block<T>>>,
    pub(super) visibility: Visibility,
}

// === impl Visibility ===

impl Visibility {
    pub(in crate::store) fn new(now: Instant, stale: Vec<bool>) -> Self {
        Self {
            now,
            stale: stale.contains(&true).then(|| stale.into()),
            marked_only: false,
        }
    }

    /// The same, narrowed down to what stands out, or not.
    pub(in crate::store) fn of_marked(&self, marked_only: bool) -> Self {
        Self {
            marked_only,
            ..self.clone()
        }
    }
}

// === impl Snapshot ===

impl<T: Record> Snapshot<T> {
    /// Number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The records of one block that are to be shown.
    pub fn block(&self, number: usize) -> impl Iterator<Item = &T> {
        self.shown(self.slots(number))
    }

    /// Number of parts.
    #[must_use]
    pub fn parts(&self) -> usize {
        self.blocks() * PARTS
    }

    /// The same as [`Self::block`] in smaller portions, for those who have much to say of each record.
    pub fn part(&self, number: usize) -> impl Iterator<Item = &T> {
        let mut parts = self.slots(number / PARTS).chunks(BLOCK / PARTS);
        self.shown(parts.nth(number % PARTS).unwrap_or_default())
    }

    fn shown<'a>(&'a self, slots: &'a [Option<Entry<T>>]) -> impl Iterator<Item = &'a T> {
        let Visibility {
            now, marked_only, ..
        } = self.visibility;
        self.fresh(slots)
            .filter(move |entry| entry.until.is_none_or(|until| now < until))
            .filter(move |entry| !marked_only || entry.marked || !entry.record.finished())
            .map(|entry| &entry.record)
    }

    /// The records of one block whose objects exist, whatever else is to be shown.
    pub fn existing(&self, number: usize) -> impl Iterator<Item = &T> {
        self.fresh(self.slots(number))
            .filter(|entry| entry.until.is_none())
            .map(|entry| &entry.record)
    }

    /// All records that are to be shown.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.blocks()).flat_map(|number| self.block(number))
    }

    fn slots(&self, block: usize) -> &[Option<Entry<T>>] {
        let block = self.blocks.get(block);
        block.map_or(&[], |block| block.as_slice())
    }

    /// What feeds with contact told of and is not to be left out.
    fn fresh<'a>(&'a self, slots: &'a [Option<Entry<T>>]) -> impl Iterator<Item = &'a Entry<T>> {
        let stale = self.visibility.stale.as_deref();
        let stale = move |feed: FeedId| {
            let stale = stale.and_then(|stale| stale.get(feed.0 as usize));
            stale.is_some_and(|&stale| stale)
        };
        let entries = slots.iter().flatten();
        entries.filter(move |entry| !entry.record.hidden() && !stale(entry.feed))
    }
}
