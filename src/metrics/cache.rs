//! Rendered and compressed blocks, kept until one of their records changes.
//!
//! A block is kept for each format in which it is scraped. What no scrape used for a while is dropped, and nothing is added
//! beyond the budget: such blocks are rendered each time.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{deflate::Deflated, table::View};
use crate::store::Version;

/// What no scrape used for this long is dropped. Prometheus scrapes at least every few minutes, since it forgets series after five.
const MAX_UNUSED: Duration = Duration::from_mins(10);

/// A block that scrapes of its family left out for this long is dropped: its records are gone. A slow client may take as long for one
/// scrape.
const MAX_LEFT_OUT: Duration = Duration::from_mins(1);

/// How often unused blocks are looked for.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// About what a block takes besides its compressed text: its key and its state.
const OVERHEAD: usize = 200;

/// Names a block: the view, the family, a hash of the section, and the number of the block in it.
pub(super) type BlockKey = (View, &'static str, u64, usize);

/// The kept blocks.
#[derive(Debug, Default)]
pub(super) struct BlockCache {
    blocks: Mutex<Blocks>,
}

#[derive(Debug, Default)]
struct Blocks {
    by_key: HashMap<BlockKey, Kept>,
    /// The size of all blocks in bytes, with their [`OVERHEAD`].
    size: usize,
}

#[derive(Debug)]
struct Kept {
    version: Version,
    block: Arc<Deflated>,
    last_used: Instant,
}

// === impl BlockCache ===

impl BlockCache {
    /// The block, if it is kept in this version.
    pub(super) fn get(&self, key: &BlockKey, version: Version) -> Option<Arc<Deflated>> {
        let mut blocks = self.blocks.lock();
        let kept = blocks.by_key.get_mut(key)?;
        kept.last_used = Instant::now();
        (kept.version == version).then(|| kept.block.clone())
    }

    /// Keeps the block in place of its earlier version, if all blocks are at most `budget` bytes then.
    pub(super) fn insert(
        &self,
        key: BlockKey,
        version: Version,
        block: Arc<Deflated>,
        budget: usize,
    ) {
        let mut blocks = self.blocks.lock();
        if let Some(old) = blocks.by_key.remove(&key) {
            blocks.size -= old.size();
        }
        let kept = Kept {
            version,
            block,
            last_used: Instant::now(),
        };
        if blocks.size + kept.size() <= budget {
            blocks.size += kept.size();
            blocks.by_key.insert(key, kept);
        }
    }

    /// Drops the blocks that no scrape used for a while, and those that scrapes of their family left out.
    pub(super) fn drop_unused(&self) {
        let Blocks { by_key, size } = &mut *self.blocks.lock();
        let mut scraped: HashMap<(View, &str), Instant> = HashMap::new();
        for ((view, family, ..), kept) in by_key.iter() {
            let last = scraped.entry((*view, family)).or_insert(kept.last_used);
            *last = kept.last_used.max(*last);
        }
        by_key.retain(|(view, family, ..), kept| {
            let last = scraped.get(&(*view, *family)).copied();
            let left_out = last.map(|last| last - kept.last_used);
            let is_used = kept.last_used.elapsed() < MAX_UNUSED
                && left_out.is_none_or(|left_out| left_out < MAX_LEFT_OUT);
            if !is_used {
                *size -= kept.size();
            }
            is_used
        });
        if by_key.capacity() > 4 * by_key.len() {
            by_key.shrink_to_fit();
        }
    }

    /// Drops all blocks.
    pub(super) fn clear(&self) {
        *self.blocks.lock() = Blocks::default();
    }

    /// The size of all blocks in bytes.
    pub(super) fn size(&self) -> usize {
        self.blocks.lock().size
    }
}

impl Kept {
    fn size(&self) -> usize {
        OVERHEAD + self.block.len()
    }
}
