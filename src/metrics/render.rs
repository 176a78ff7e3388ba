//! The rendering of a scrape, in bounded chunks.

use std::{
    iter::FusedIterator,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::config::LabelScope;

use super::{
    format::Format,
    registry::Registry,
    selection::FamilySelection,
    snapshot::ScrapeSnapshot,
    table::{Family, View},
};

/// A chunk is returned when it has at least this many bytes. The block that completes it is bounded, too.
const CHUNK: usize = 64 * 1024;

/// Capacity for a chunk and the block that completes it, with names of usual length.
const CAPACITY: usize = 4 * CHUNK;

/// One scrape: an iterator over the chunks of a response.
///
/// A scrape renders a snapshot, so it is consistent even if the reader is slow, and it holds no lock. Each chunk is rendered
/// on demand. The scrape reuses the memory of a chunk that the reader has dropped.
#[derive(Debug)]
pub struct Scrape {
    format: Format,
    selection: FamilySelection,
    label_scope: LabelScope,
    snapshot: ScrapeSnapshot,
    /// Observes the duration of the scrape. `None` for a probe.
    registry: Option<Arc<Registry>>,
    /// Rendered text that was not returned yet.
    buffer: BytesMut,
    position: Position,
    /// Time spent on rendering. It excludes the time that the reader spends between chunks.
    duration: Duration,
}

/// What is rendered next. A family must be contiguous, so sections and blocks are nested in families.
#[derive(Debug, Default)]
struct Position {
    family: usize,
    section: usize,
    block: usize,
    /// Whether the header of the family is written. It is written with the first sample, so a family without samples has
    /// no header.
    has_header: bool,
    /// Whether everything is rendered.
    done: bool,
}

impl Scrape {
    /// A scrape of `snapshot`.
    pub(super) fn new(
        format: Format,
        selection: FamilySelection,
        label_scope: LabelScope,
        snapshot: ScrapeSnapshot,
    ) -> Self {
        Self {
            format,
            selection,
            label_scope,
            snapshot,
            registry: None,
            buffer: BytesMut::new(),
            position: Position::default(),
            duration: Duration::ZERO,
        }
    }

    /// The same scrape. `registry` observes its duration, which includes the time since `start`.
    pub(super) fn observed_by(self, registry: Arc<Registry>, start: Instant) -> Self {
        Self {
            registry: Some(registry),
            duration: start.elapsed(),
            ..self
        }
    }

    /// Renders the next block, or moves to the next section or family.
    fn advance(&mut self) {
        let position = &mut self.position;
        let Some(&family) = self.selection.families.get(position.family) else {
            self.format.write_end(&mut self.buffer);
            position.done = true;
            return;
        };
        let Some(blocks) = family.blocks(&self.snapshot, position.section) else {
            *position = Position {
                family: position.family + 1,
                ..Position::default()
            };
            return;
        };
        if position.block < blocks {
            self.render_block(family);
            self.position.block += 1;
        } else {
            position.section += 1;
            position.block = 0;
        }
    }

    /// Renders one block of `family`, and the header before its first sample.
    fn render_block(&mut self, family: &dyn Family) {
        let Self {
            format,
            label_scope,
            snapshot,
            buffer,
            position,
            ..
        } = self;
        let start = buffer.len();
        if !position.has_header {
            format.write_header(family.name(), family.kind(), family.help(), buffer);
        }
        let samples = buffer.len();
        let view = View {
            format: *format,
            label_scope: *label_scope,
        };
        family.render(view, snapshot, position.section, position.block, buffer);
        if buffer.len() == samples {
            buffer.truncate(start);
        } else {
            position.has_header = true;
        }
    }
}

impl Iterator for Scrape {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.position.done {
            return None;
        }
        let start = Instant::now();
        self.buffer.reserve(CAPACITY);
        while self.buffer.len() < CHUNK && !self.position.done {
            self.advance();
        }
        self.duration += start.elapsed();
        if self.position.done
            && let Some(registry) = &self.registry
        {
            registry.observe_scrape(self.duration);
        }
        Some(self.buffer.split().freeze())
    }
}

impl FusedIterator for Scrape {}
