//! A scrape that compresses only what changed since the last one.

use std::{io, iter::FusedIterator, sync::Arc, time::Instant};

use bytes::{Bytes, BytesMut};

use super::{
    cache::{BlockCache, BlockKey},
    deflate::{Deflated, Deflater, Member},
    render::{CHUNK, ScrapeTimer},
    walk::{Place, Walk},
};
use crate::store::Version;

/// Blocks that are rendered and compressed for one chunk at most. Each takes about a millisecond, and other tasks wait meanwhile.
const MAX_COMPRESSED: usize = 3;

/// One scrape: an iterator over the chunks of one gzip member. See [`Scrape`](super::Scrape).
#[derive(Debug)]
pub struct CompressedScrape {
    walk: Walk,
    cache: Arc<BlockCache>,
    /// The most bytes that the cache may have.
    budget: usize,
    deflater: Deflater,
    member: Member,
    /// Text that is not kept: headers, and samples that are rendered each time.
    text: BytesMut,
    /// The text of one block.
    scratch: BytesMut,
    timer: ScrapeTimer,
    done: bool,
}

impl CompressedScrape {
    pub(super) fn new(
        walk: Walk,
        cache: Arc<BlockCache>,
        budget: usize,
        timer: ScrapeTimer,
    ) -> Self {
        Self {
            walk,
            cache,
            budget,
            deflater: Deflater::new(),
            member: Member::new(),
            text: BytesMut::new(),
            scratch: BytesMut::new(),
            timer,
            done: false,
        }
    }

    /// Adds blocks until the chunk is large enough, or took long enough.
    fn fill_chunk(&mut self) -> io::Result<()> {
        let mut compressed = 0;
        while self.member.len() < CHUNK && compressed < MAX_COMPRESSED {
            let Some(place) = self.walk.next() else {
                self.walk.view.format.write_end(&mut self.text);
                self.push_text()?;
                self.member.finish();
                self.done = true;
                return Ok(());
            };
            compressed += match self.walk.version(&place) {
                Some((key, version)) => self.push_kept(&place, key, version)?,
                None => self.push_rendered(&place)?,
            };
        }
        Ok(())
    }

    /// Adds a block that is kept, or will be. Returns how many were compressed.
    fn push_kept(&mut self, place: &Place, key: BlockKey, version: Version) -> io::Result<usize> {
        if let Some(block) = self.cache.get(&key, version) {
            self.push_block(place, &block)?;
            return Ok(0);
        }
        self.scratch.clear();
        self.walk.render(place, &mut self.scratch);
        let block = Arc::new(self.deflater.deflate(&self.scratch)?);
        self.push_block(place, &block)?;
        self.cache.insert(key, version, block, self.budget);
        Ok(1)
    }

    fn push_block(&mut self, place: &Place, block: &Deflated) -> io::Result<()> {
        if block.is_empty() {
            return Ok(());
        }
        self.walk.write_header(place, &mut self.text);
        self.push_text()?;
        self.member.push(block);
        Ok(())
    }

    /// Adds a block that is rendered each time. Returns how many were compressed.
    fn push_rendered(&mut self, place: &Place) -> io::Result<usize> {
        self.walk.render_with_header(place, &mut self.text);
        if self.text.len() < CHUNK {
            return Ok(0);
        }
        self.push_text()?;
        Ok(1)
    }

    /// Compresses the text so far.
    fn push_text(&mut self) -> io::Result<()> {
        self.member.push(&self.deflater.deflate(&self.text)?);
        self.text.clear();
        Ok(())
    }
}

impl Iterator for CompressedScrape {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let start = Instant::now();
        let filled = self.fill_chunk();
        self.timer.add(start, self.done);
        if let Err(error) = filled {
            self.done = true;
            return Some(Err(error));
        }
        Some(Ok(self.member.take()))
    }
}

impl FusedIterator for CompressedScrape {}
