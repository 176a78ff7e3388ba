//! Tables: each row is a metric family and defines the samples of one record.
//!
//! A [`Table`] adds the labels that identify a record to all of its rows. The rows define only their own labels.

use std::{fmt, marker::PhantomData};

use bytes::BytesMut;

use super::{
    format::{Format, Kind, protobuf},
    labels,
    snapshot::{ScrapeSnapshot, Section},
};
use crate::{config::LabelScope, model::Name, store::Version};

mod plain;
mod samples;

use samples::Frame;

pub(super) use plain::PlainBlocks;

pub(super) use samples::{Distribution, Samples};

/// Families about one type of record.
pub(super) trait Table: fmt::Debug + Sized + 'static {
    /// The part of a snapshot that has the records.
    type Section: Section;

    /// The type of the records.
    type Record: fmt::Debug + 'static;

    /// The heading in the reference.
    const TITLE: &'static str;

    /// The text below the heading, as Markdown.
    const ABOUT: &'static str;

    /// The labels that identify a record within a section.
    const IDENTITY: Identity<Self::Record> = &[];

    /// The values of the mapped labels.
    const MAPPED: Mapped<Self::Record> = None;

    /// Whether counters and histograms continue from those of an earlier process. They are not shown before these are known.
    const CONTINUES: bool = false;

    /// Whether the series are about what one shard sees, which their label `shard` tells from those of other shards.
    const OF_SHARD: bool = false;

    /// The families.
    const ROWS: Rows<Self>;

    /// The number of blocks of records in `section`.
    fn blocks(_section: &Self::Section) -> usize {
        1
    }

    /// The records of one block.
    fn block(section: &Self::Section, number: usize) -> impl Iterator<Item = &Self::Record>;

    /// The version of the records of one block. `None` if it is small or always another, so that it is rendered each time.
    fn version(_section: &Self::Section, _number: usize) -> Option<Version> {
        None
    }
}

/// The names of labels, and the functions that return their values.
pub(super) type Identity<R> = &'static [(&'static str, fn(&R) -> &str)];

/// The function that returns the values of the mapped labels. `None` for records that are not about one object.
pub(super) type Mapped<R> = Option<fn(&R) -> Option<&[Name]>>;

/// The rows of a table.
pub(super) type Rows<T> = &'static [Row<<T as Table>::Record, T>];

/// One family of table `T`, whose records are `R`.
#[derive(Debug)]
pub(super) struct Row<R, T> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// Names of the labels in addition to those that identify the record.
    labels: &'static [&'static str],
    /// Adds the samples of one record.
    samples: fn(&R, &mut Samples<'_>),
    /// Whether it is a native histogram, too.
    native: bool,
    table: PhantomData<fn() -> T>,
}

/// How one scrape renders all families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct View {
    /// The format.
    pub(super) format: Format,
    /// The families that have the mapped labels.
    pub(super) label_scope: LabelScope,
}

/// A row of any table.
pub(super) trait Family: fmt::Debug + Send + Sync {
    /// The full name, including `_total`.
    fn name(&self) -> &'static str;

    /// The type.
    fn kind(&self) -> Kind;

    /// Whether protobuf can show it as a native histogram.
    fn has_native_form(&self) -> bool;

    /// The HELP text.
    fn help(&self) -> &'static str;

    /// Names of the row's own labels.
    fn labels(&self) -> &'static [&'static str];

    /// The number of blocks in one section of `snapshot`. `None` if there is no such section.
    fn blocks(&self, snapshot: &ScrapeSnapshot, section: usize) -> Option<usize>;

    /// A hash of the labels that a section adds, and the version of the records of one of its blocks. The text is the same if both
    /// are. `None` if it is rendered each time.
    fn version(
        &self,
        snapshot: &ScrapeSnapshot,
        section: usize,
        block: usize,
    ) -> Option<(u64, Version)>;

    /// Adds the samples of one block of one section to `buffer`. In protobuf they are one message of the family, or none.
    fn render(
        &self,
        view: View,
        snapshot: &ScrapeSnapshot,
        section: usize,
        block: usize,
        plain: &mut PlainBlocks,
        buffer: &mut BytesMut,
    );
}

// === impl Row ===

impl<R, T> Row<R, T> {
    /// A gauge. Its samples have a value for each of `labels`, in the same order.
    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self::new(Kind::Gauge, name, labels, help, samples)
    }

    /// A counter.
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self::new(Kind::Counter, name, labels, help, samples)
    }

    /// A histogram.
    pub(super) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self::new(Kind::Histogram, name, labels, help, samples)
    }

    /// The same histogram, whose samples have native buckets, too.
    pub(super) const fn with_native_form(self) -> Self {
        Self {
            native: true,
            ..self
        }
    }

    const fn new(
        kind: Kind,
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self {
            name,
            kind,
            help,
            labels,
            samples,
            native: false,
            table: PhantomData,
        }
    }
}

impl<T: Table> Row<T::Record, T> {
    /// Adds the samples of these records to `buffer`.
    fn render_records<'a>(
        &self,
        view: View,
        section: Option<&T::Section>,
        records: impl Iterator<Item = &'a T::Record>,
        is_plain: bool,
        buffer: &mut BytesMut,
    ) {
        if view.format == Format::Protobuf {
            let header = (self.name, self.kind, self.help);
            protobuf::put_family(header, buffer, |buffer| {
                self.render_samples(view, section, records, is_plain, buffer);
            });
        } else {
            self.render_samples(view, section, records, is_plain, buffer);
        }
    }

    /// `is_plain`: whether no value that identifies a record needs escaping.
    fn render_samples<'a>(
        &self,
        view: View,
        section: Option<&T::Section>,
        records: impl Iterator<Item = &'a T::Record>,
        is_plain: bool,
        buffer: &mut BytesMut,
    ) {
        let identity_labels = T::IDENTITY.iter().map(|(label, _)| *label);
        let names = section.map_or(&[][..], Section::label_names);
        let names = labels::of_family(view.label_scope, self.name, names);
        let mapped = T::MAPPED.map(|values| (names, values));
        let mapped = mapped.filter(|(labels, _)| !labels.is_empty());
        let mapped_labels = mapped.iter().flat_map(|(labels, _)| *labels);
        let labels = identity_labels.chain(mapped_labels.map(String::as_str));
        let frame = Frame::new(self.name, section_labels::<T>(section), labels);
        let mut identity = Vec::with_capacity(T::IDENTITY.len());
        for record in records {
            identity.clear();
            identity.extend(T::IDENTITY.iter().map(|(_, value)| value(record)));
            if let Some((labels, values)) = mapped {
                let values = values(record).unwrap_or_default();
                let value = |place| values.get(place).map_or("", |value: &Name| &**value);
                identity.extend((0..labels.len()).map(value));
            }
            let mut samples = Samples {
                frame: &frame,
                identity: &identity,
                plain: if is_plain { T::IDENTITY.len() } else { 0 },
                labels: self.labels,
                format: view.format,
                kind: self.kind,
                buffer,
            };
            (self.samples)(record, &mut samples);
        }
    }
}

/// The labels that a section adds to all its series.
fn section_labels<T: Table>(section: Option<&T::Section>) -> Vec<(&'static str, &str)> {
    let target = section.and_then(Section::target);
    let shard = section.and_then(Section::shard).filter(|_| T::OF_SHARD);
    let target = target.map(|target| ("target", target));
    target
        .into_iter()
        .chain(shard.map(|shard| ("shard", shard)))
        .collect()
}

impl<T: Table> Family for Row<T::Record, T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn has_native_form(&self) -> bool {
        self.native
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    fn blocks(&self, snapshot: &ScrapeSnapshot, section: usize) -> Option<usize> {
        let section = T::Section::all(snapshot).get(section)?;
        let waits = T::CONTINUES && self.kind != Kind::Gauge && !section.counters_known();
        Some(if waits { 0 } else { T::blocks(section) })
    }

    fn version(
        &self,
        snapshot: &ScrapeSnapshot,
        section: usize,
        block: usize,
    ) -> Option<(u64, Version)> {
        let section = T::Section::all(snapshot).get(section)?;
        let version = T::version(section, block)?;
        Some((section.fingerprint(), version))
    }

    fn render(
        &self,
        view: View,
        snapshot: &ScrapeSnapshot,
        section: usize,
        block: usize,
        plain: &mut PlainBlocks,
        buffer: &mut BytesMut,
    ) {
        let place = (section, block);
        if let Some(section) = T::Section::all(snapshot).get(section) {
            let is_plain = plain.contains::<T>(place, section);
            let records = T::block(section, block);
            self.render_records(view, Some(section), records, is_plain, buffer);
        }
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Rendering for the tests of tables.

    use super::*;

    /// All lines of table `T` about one record in the single unnamed target, in the text format.
    pub(in crate::metrics) fn lines<T: Table>(record: &T::Record) -> Vec<String> {
        all_lines::<T>(|row, view, buffer| {
            row.render_records(view, None, std::iter::once(record), false, buffer);
        })
    }

    /// All lines of table `T` about one section.
    pub(in crate::metrics) fn section_lines<T: Table>(
        format: Format,
        section: &T::Section,
    ) -> Vec<String> {
        all_lines::<T>(|row, view, buffer| {
            for block in 0..T::blocks(section) {
                let view = View { format, ..view };
                let records = T::block(section, block);
                row.render_records(view, Some(section), records, false, buffer);
            }
        })
    }

    fn all_lines<T: Table>(
        render: impl Fn(&Row<T::Record, T>, View, &mut BytesMut),
    ) -> Vec<String> {
        let mut buffer = BytesMut::new();
        let view = View {
            format: Format::Text,
            label_scope: LabelScope::default(),
        };
        for row in T::ROWS {
            render(row, view, &mut buffer);
        }
        let text = String::from_utf8(buffer.to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}
