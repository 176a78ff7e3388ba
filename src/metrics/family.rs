//! What a metric family is: a row of a table, which says how one record becomes samples.
//!
//! The labels that identify a record belong to its [`Table`] and are added here, once for all rows of a table: a row
//! cannot miss them. Rows give their own labels only.

use std::{fmt, marker::PhantomData};

use bytes::BytesMut;

use super::{
    Format,
    mapped::Labels,
    samples::{Frame, Samples},
};
use crate::{
    model::{Name, Seconds},
    store::TargetSnapshot,
};

/// The type of a family, as Prometheus knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up; its name ends in `_total`.
    Counter,
    /// Counts of observations, in cumulative buckets.
    Histogram,
}

/// One family: what it is called, what it means, and what it says of a record. A row of table `T`.
#[derive(Debug)]
pub(super) struct Row<R: 'static, T = R> {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    /// Names of the labels beside those that identify the record.
    labels: &'static [&'static str],
    samples: fn(&R, &mut Samples<'_>),
    table: PhantomData<fn() -> T>,
}

/// Names of labels, and where their values come from.
pub(super) type Identity<R> = &'static [(&'static str, fn(&R) -> &str)];

/// Where the values of the mapped labels are; nowhere for records that are not about one object.
pub(super) type Mapped<R> = Option<fn(&R) -> Option<&[Name]>>;

/// Families about one kind of record. Where there is one table of a kind, the record itself stands for it.
pub(super) trait Table: fmt::Debug + Sized + 'static {
    /// Something of the store that series are about.
    type Record: fmt::Debug + 'static;

    /// The labels that tell one record from another within a target.
    const IDENTITY: Identity<Self::Record>;

    /// The labels of its object that the configuration asks for.
    const MAPPED: Mapped<Self::Record> = None;

    /// The families.
    const ROWS: &'static [Row<Self::Record, Self>];

    /// How many blocks of records there are in `slice`.
    fn blocks(slice: &TargetSnapshot) -> usize;

    /// The records of one block.
    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Self::Record>;
}

/// How a reader wants all families.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// In which format.
    pub(super) format: Format,
    /// With which labels beside those of the tables.
    pub(super) labels: &'a Labels,
    /// As of when.
    pub(super) date: Seconds,
}

/// A row, whatever its table is about.
pub(super) trait Family: fmt::Debug + Send + Sync {
    /// Full name, `_total` included.
    fn name(&self) -> &'static str;

    /// Its type.
    fn kind(&self) -> Kind;

    /// What it means.
    fn help(&self) -> &'static str;

    /// Names of the row's own labels.
    fn labels(&self) -> &'static [&'static str];

    /// How many blocks of records there are in `slice`.
    fn blocks(&self, slice: &TargetSnapshot) -> usize;

    /// Adds the samples of one block of records to `page`.
    fn render(&self, view: View<'_>, slice: &TargetSnapshot, block: usize, page: &mut BytesMut);
}

// === impl Kind ===

impl Kind {
    /// The word of the `TYPE` line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

// === impl View ===

impl View<'static> {
    /// The text format without any mapped labels, on a day in 2026.
    pub(super) const PLAIN: Self = View {
        format: Format::Text,
        labels: &Labels::NONE,
        date: 1_795_445_772,
    };
}

// === impl Row ===

impl<R, T> Row<R, T> {
    /// A gauge. For each of `labels`, the labels of its own, its samples give a value in the same order.
    pub(super) const fn gauge(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self {
            name,
            kind: Kind::Gauge,
            help,
            labels,
            samples,
            table: PhantomData,
        }
    }

    /// The same as a counter.
    pub(super) const fn counter(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self {
            kind: Kind::Counter,
            ..Self::gauge(name, labels, help, samples)
        }
    }

    /// The same as a histogram.
    pub(super) const fn histogram(
        name: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
        samples: fn(&R, &mut Samples<'_>),
    ) -> Self {
        Self {
            kind: Kind::Histogram,
            ..Self::gauge(name, labels, help, samples)
        }
    }
}

impl<T: Table> Row<T::Record, T> {
    /// Adds the samples of these records to `page`.
    pub(super) fn render_all<'a>(
        &self,
        view: View<'_>,
        target: Option<&str>,
        records: impl Iterator<Item = &'a T::Record>,
        page: &mut BytesMut,
    ) {
        let identity_labels = T::IDENTITY.iter().map(|(label, _)| *label);
        let mapped = T::MAPPED.map(|values| (view.labels.of(self.name), values));
        let mapped = mapped.filter(|(labels, _)| !labels.is_empty());
        let mapped_labels = mapped.iter().flat_map(|(labels, _)| *labels);
        let labels = identity_labels.chain(mapped_labels.map(String::as_str));
        let frame = Frame::new(self.name, target, labels);
        let mut identity = Vec::with_capacity(T::IDENTITY.len());
        for record in records {
            identity.clear();
            identity.extend(T::IDENTITY.iter().map(|(_, value)| value(record)));
            if let Some((labels, values)) = mapped {
                let values = values(record).unwrap_or_default();
                let value = |place| values.get(place).map_or("", |value: &Name| &**value);
                identity.extend((0..labels.len()).map(value));
            }
            let samples = Samples::new(&frame, &identity, self.labels, view.format, page);
            let mut samples = samples.at(view.date);
            (self.samples)(record, &mut samples);
        }
    }
}

impl<T: Table> Family for Row<T::Record, T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn labels(&self) -> &'static [&'static str] {
        self.labels
    }

    fn blocks(&self, slice: &TargetSnapshot) -> usize {
        T::blocks(slice)
    }

    fn render(&self, view: View<'_>, slice: &TargetSnapshot, block: usize, page: &mut BytesMut) {
        let records = T::block(slice, block);
        self.render_all(view, slice.target.as_deref(), records, page);
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! Rendering for tests of tables.

    use super::*;

    /// All lines that the only table of a kind of record shows of one, in the single unnamed target.
    pub(in crate::metrics) fn lines<T: Table<Record = T>>(record: &T) -> Vec<String> {
        let mut page = BytesMut::new();
        for row in T::ROWS {
            row.render_all(View::PLAIN, None, std::iter::once(record), &mut page);
        }
        let text = String::from_utf8(page.to_vec()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}
