//! The order of a scrape: families, their sections, and the blocks of these.

use bytes::BytesMut;

use super::{
    cache::BlockKey,
    selection::FamilySelection,
    snapshot::ScrapeSnapshot,
    table::{Family, PlainBlocks, View},
};
use crate::store::Version;

/// Goes through the blocks of a scrape. A family must be contiguous, so sections and blocks are nested in families.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) view: View,
    selection: FamilySelection,
    snapshot: ScrapeSnapshot,
    family: usize,
    section: usize,
    block: usize,
    /// Whether the header of the family is written. It is written with the first sample, so a family without samples has
    /// no header.
    has_header: bool,
    plain: PlainBlocks,
}

/// One block of one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) family: &'static dyn Family,
    section: usize,
    block: usize,
}

impl Walk {
    pub(super) fn new(view: View, selection: FamilySelection, snapshot: ScrapeSnapshot) -> Self {
        Self {
            view,
            selection,
            snapshot,
            family: 0,
            section: 0,
            block: 0,
            has_header: false,
            plain: PlainBlocks::default(),
        }
    }

    /// The next block; `None` at the end.
    pub(super) fn next(&mut self) -> Option<Place> {
        loop {
            let family = *self.selection.families.get(self.family)?;
            let (section, block) = (self.section, self.block);
            match family.blocks(&self.snapshot, section) {
                Some(blocks) if block < blocks => {
                    self.block += 1;
                    return Some(Place {
                        family,
                        section,
                        block,
                    });
                }
                Some(_) => {
                    self.section += 1;
                    self.block = 0;
                }
                None => {
                    self.family += 1;
                    self.section = 0;
                    self.block = 0;
                    self.has_header = false;
                }
            }
        }
    }

    /// The name and the version of a block; `None` if it has to be rendered each time.
    pub(super) fn version(&self, place: &Place) -> Option<(BlockKey, Version)> {
        let Place {
            family,
            section,
            block,
        } = *place;
        let (section, version) = family.version(&self.snapshot, section, block)?;
        let key = (self.view, family.name(), section, block);
        Some((key, version))
    }

    /// Adds the samples of a block, and the header of the family before its first sample.
    pub(super) fn render_with_header(&mut self, place: &Place, buffer: &mut BytesMut) {
        let start = buffer.len();
        let had_header = self.has_header;
        self.write_header(place, buffer);
        let samples = buffer.len();
        self.render(place, buffer);
        if buffer.len() == samples {
            buffer.truncate(start);
            self.has_header = had_header;
        }
    }

    /// Adds the samples of a block.
    pub(super) fn render(&mut self, place: &Place, buffer: &mut BytesMut) {
        let Place {
            family,
            section,
            block,
        } = *place;
        let Self {
            view,
            snapshot,
            plain,
            ..
        } = self;
        family.render(*view, snapshot, section, block, plain, buffer);
    }

    /// Adds the header of the family, unless it is written. Samples must follow.
    pub(super) fn write_header(&mut self, place: &Place, buffer: &mut BytesMut) {
        if !self.has_header {
            let Place { family, .. } = place;
            let format = self.view.format;
            format.write_header(family.name(), family.kind(), family.help(), buffer);
            self.has_header = true;
        }
    }
}
