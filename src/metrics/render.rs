//! The rendering of a scrape, in bounded chunks.

use std::{
    iter::FusedIterator,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use super::{registry::Registry, walk::Walk};

/// A chunk is returned when it has at least this many bytes. The block that completes it is bounded, too.
pub(super) const CHUNK: usize = 64 * 1024;

/// Capacity for a chunk and the block that completes it, with names of usual length.
const CAPACITY: usize = 4 * CHUNK;

/// One scrape: an iterator over the chunks of a response.
///
/// A scrape renders a snapshot, so it is consistent even if the reader is slow, and it holds no lock. Each chunk is rendered
/// on demand. The scrape reuses the memory of a chunk that the reader has dropped.
#[derive(Debug)]
pub struct Scrape {
    walk: Walk,
    /// What was rendered and not returned yet.
    buffer: BytesMut,
    timer: ScrapeTimer,
    done: bool,
}

/// Measures how long a scrape takes. It excludes the time that the reader spends between chunks.
#[derive(Debug, Default)]
pub(super) struct ScrapeTimer {
    /// Observes the duration of the scrape. `None` for a probe.
    registry: Option<Arc<Registry>>,
    duration: Duration,
}

impl Scrape {
    pub(super) fn new(walk: Walk, timer: ScrapeTimer) -> Self {
        Self {
            walk,
            buffer: BytesMut::new(),
            timer,
            done: false,
        }
    }

    /// Renders the next block, or the end.
    fn advance(&mut self) {
        let Self { walk, buffer, .. } = self;
        let Some(place) = walk.next() else {
            walk.view.format.write_end(buffer);
            self.done = true;
            return;
        };
        walk.render_with_header(&place, buffer);
    }
}

impl Iterator for Scrape {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.done {
            return None;
        }
        let start = Instant::now();
        self.buffer.reserve(CAPACITY);
        while self.buffer.len() < CHUNK && !self.done {
            self.advance();
        }
        self.timer.add(start, self.done);
        Some(self.buffer.split().freeze())
    }
}

impl FusedIterator for Scrape {}

impl ScrapeTimer {
    /// A timer of a scrape that began at `start`. `registry` observes its duration.
    pub(super) fn new(registry: Arc<Registry>, start: Instant) -> Self {
        Self {
            registry: Some(registry),
            duration: start.elapsed(),
        }
    }

    /// Adds the time since `start`. `done`: whether the scrape is complete.
    pub(super) fn add(&mut self, start: Instant, done: bool) {
        self.duration += start.elapsed();
        if done && let Some(registry) = &self.registry {
            registry.observe_scrape(self.duration);
        }
    }
}
