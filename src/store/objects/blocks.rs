//! The blocks of the slab, and which slot a new record gets.
//!
//! What changes together should lie together, because a scrape renders every block again that has a changed record. Objects that
//! are created at the same time also end and leave at about the same time. So new records fill one block after the other: a block
//! that lost at least a quarter of its records, or else a new one.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::Entry;

/// Records per block: small enough to make a copy cheap, large enough that a snapshot of 100,000 records is about 100
/// pointers.
pub(super) const BLOCK: usize = 1024;

/// Chunks per block, see [`Snapshot::chunk`](super::Snapshot::chunk).
pub(super) const CHUNKS: usize = 16;

/// Records per chunk.
pub(super) const CHUNK: usize = BLOCK / CHUNKS;

/// A block with at least this many free slots is filled again.
const MIN_FREE: usize = BLOCK / 4;

/// The last version of any chunk.
static LAST_VERSION: AtomicU64 = AtomicU64::new(0);

/// The records in the slots of one block.
#[derive(Clone, Debug)]
pub(super) struct Block<T> {
    /// The slots that have been used so far; the others are free.
    slots: Vec<Option<Entry<T>>>,
    /// Numbers that differ after any change to the records of a chunk. No two states of any chunk have the same.
    versions: [u64; CHUNKS],
}

/// All blocks. A slot is `block * BLOCK + position`.
#[derive(Debug)]
pub(super) struct Blocks<T> {
    /// The blocks. Snapshots share them.
    shared: Vec<Arc<Block<T>>>,
    /// The number of records in each block.
    used: Vec<usize>,
    /// The block that is being filled.
    open: usize,
    /// Its free positions. The last one is used next.
    free: Vec<usize>,
}

// === impl Block ===

impl<T> Block<T> {
    /// A block of these records.
    pub(super) fn new(slots: Vec<Option<Entry<T>>>) -> Self {
        let mut block = Self {
            slots,
            versions: [0; CHUNKS],
        };
        block.change_all();
        block
    }

    /// The slots up to the last one that was used.
    pub(super) fn slots(&self) -> &[Option<Entry<T>>] {
        &self.slots
    }

    /// The slots of one chunk.
    pub(super) fn chunk(&self, number: usize) -> &[Option<Entry<T>>] {
        let mut chunks = self.slots.chunks(CHUNK);
        chunks.nth(number).unwrap_or_default()
    }

    /// The version of one chunk.
    pub(super) fn chunk_version(&self, number: usize) -> u64 {
        self.versions[number]
    }

    /// The version of all chunks.
    pub(super) fn version(&self) -> u64 {
        // Versions rise with every change, so the latest of them is new as well.
        self.versions.iter().copied().max().unwrap_or_default()
    }

    /// The record in a slot, which is about to change.
    fn slot_mut(&mut self, position: usize) -> &mut Option<Entry<T>> {
        if position >= self.slots.len() {
            self.slots.resize_with(position + 1, || None);
        }
        self.versions[position / CHUNK] = next_version();
        &mut self.slots[position]
    }

    fn change_all(&mut self) {
        self.versions = [next_version(); CHUNKS];
    }
}

fn next_version() -> u64 {
    LAST_VERSION.fetch_add(1, Ordering::Relaxed) + 1
}

// === impl Blocks ===

impl<T> Default for Blocks<T> {
    fn default() -> Self {
        Self {
            shared: Vec::new(),
            used: Vec::new(),
            open: 0,
            free: Vec::new(),
        }
    }
}

impl<T: Clone> Blocks<T> {
    /// The blocks, for a snapshot.
    pub(super) fn share(&self) -> Vec<Arc<Block<T>>> {
        self.shared.clone()
    }

    /// The end of all slots.
    pub(super) fn end(&self) -> usize {
        self.shared.len() * BLOCK
    }

    /// The entry in a slot.
    pub(super) fn get(&self, slot: u32) -> Option<&Entry<T>> {
        let (block, position) = place(slot);
        self.shared.get(block)?.slots.get(position)?.as_ref()
    }

    /// The entry in a slot, which is about to change.
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry<T>> {
        self.get(slot)?;
        self.slot_mut(slot).as_mut()
    }

    /// All entries with their slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Entry<T>)> {
        let blocks = (0u32..).step_by(BLOCK).zip(&self.shared);
        blocks.flat_map(|(first, block)| {
            let slots = (first..).zip(&block.slots);
            slots.filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)))
        })
    }

    /// Adds an entry and returns its slot.
    pub(super) fn insert(&mut self, entry: Entry<T>) -> u32 {
        let position = self.free_position();
        let slot = index(self.open * BLOCK + position);
        self.used[self.open] += 1;
        *self.slot_mut(slot) = Some(entry);
        slot
    }

    /// Replaces the entry in a slot and returns the previous one.
    pub(super) fn replace(&mut self, slot: u32, entry: Entry<T>) -> Option<Entry<T>> {
        self.slot_mut(slot).replace(entry)
    }

    /// Removes the entry in a slot. A block without any entry gives its memory back.
    pub(super) fn remove(&mut self, slot: u32) -> Option<Entry<T>> {
        self.get(slot)?;
        let entry = self.slot_mut(slot).take();
        let (block, position) = place(slot);
        self.used[block] -= 1;
        if self.used[block] == 0 {
            self.shared[block] = Arc::new(Block::new(Vec::new()));
        }
        if self.open == block {
            self.free.push(position);
        }
        entry
    }

    /// Drops empty blocks at the end.
    pub(super) fn shrink(&mut self) {
        while self.used.last() == Some(&0) {
            self.used.pop();
            self.shared.pop();
        }
        if self.open >= self.shared.len() {
            self.free = Vec::new();
        }
    }

    /// Moves all entries: the one in slot `order[i]` goes to slot `i`. `order` has every slot once, those with entries first.
    /// Returns where each slot went.
    pub(super) fn permute(&mut self, mut order: Vec<u32>) -> Vec<u32> {
        let mut moved_to = vec![0; order.len()];
        for (to, from) in (0u32..).zip(&order) {
            moved_to[*from as usize] = to;
        }
        let mut blocks: Vec<&mut Block<T>> = self.shared.iter_mut().map(Arc::make_mut).collect();
        for block in &mut blocks {
            block.slots.resize_with(BLOCK, || None);
        }
        for start in 0..order.len() {
            // One cycle of the permutation. The entry of `start` moves along until its own place is found.
            let carried = blocks[start / BLOCK].slots[start % BLOCK].take();
            let mut to = start;
            loop {
                let from = order[to] as usize;
                order[to] = index(to);
                if from == start {
                    break;
                }
                let entry = blocks[from / BLOCK].slots[from % BLOCK].take();
                blocks[to / BLOCK].slots[to % BLOCK] = entry;
                to = from;
            }
            blocks[to / BLOCK].slots[to % BLOCK] = carried;
        }
        for (block, used) in blocks.into_iter().zip(&mut self.used) {
            // The entries are in front.
            *used = block.slots.iter().flatten().count();
            block.slots.truncate(*used);
            block.slots.shrink_to_fit();
            block.change_all();
        }
        self.free = Vec::new();
        self.shrink();
        moved_to
    }

    /// A free position of the block that is being filled.
    fn free_position(&mut self) -> usize {
        if let Some(position) = self.free.pop() {
            return position;
        }
        let emptiest = self.used.iter().zip(0..).min_by_key(|(used, _)| **used);
        let emptiest = emptiest.filter(|(used, _)| BLOCK - **used >= MIN_FREE);
        self.open = if let Some((_, block)) = emptiest {
            block
        } else {
            self.shared.push(Arc::new(Block::new(Vec::new())));
            self.used.push(0);
            self.shared.len() - 1
        };
        let slots = self.shared[self.open].slots();
        let is_free = |position: &usize| slots.get(*position).is_none_or(Option::is_none);
        self.free = (0..BLOCK).rev().filter(is_free).collect();
        self.free.pop().unwrap_or_default() // a quarter is free
    }

    fn slot_mut(&mut self, slot: u32) -> &mut Option<Entry<T>> {
        let (block, position) = place(slot);
        Arc::make_mut(&mut self.shared[block]).slot_mut(position)
    }
}

/// The block of a slot, and the position in it.
fn place(slot: u32) -> (usize, usize) {
    let slot = slot as usize;
    (slot / BLOCK, slot % BLOCK)
}

/// A slot as the index has it.
pub(super) fn index(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX) // 4 billion records do not fit into memory
}
