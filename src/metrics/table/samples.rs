//! Samples: name, labels, value. In the text formats each is a line, in protobuf a metric.
//!
//! The constant text of the lines of a family is rendered once, into a [`Frame`]. A line is copied from the frame and the
//! values of the record, without an allocation. The quote after a label value is written together with the text that
//! follows it.

use std::iter;

use bytes::BytesMut;

use jiff::Timestamp;

use crate::{
    config::NativeHistograms,
    metrics::format::{
        Bound, Format, Kind, LabelValue, Notation, Number, Value, escape,
        protobuf::{self, Exemplar},
    },
    model::{Histogram, Name, NativeBuckets},
};

/// The constant text of the lines of a family: the text around the values that identify a record.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// The text before the first value: `batch_job_info{target="prod",namespace="`.
    open: String,
    /// The length of the name at the start of `open`.
    name: usize,
    /// The text between one value and the next: `",job_name="`, ...
    between: Vec<String>,
    /// Whether the frame has any labels.
    labelled: bool,
    /// The labels of the section.
    section: Vec<(&'static str, &'a str)>,
    /// The names of the identity labels.
    names: Vec<&'a str>,
}

/// Writes the samples of one record.
#[derive(Debug)]
pub(in crate::metrics) struct Samples<'a> {
    pub(super) frame: &'a Frame<'a>,
    /// Values of the identity labels.
    pub(super) identity: &'a [&'a str],
    /// So many of them, from the first, need no escaping.
    pub(super) plain: usize,
    /// Names of the row's own labels.
    pub(super) labels: &'a [&'a str],
    pub(super) format: Format,
    pub(super) kind: Kind,
    pub(super) buffer: &'a mut BytesMut,
}

/// Observations since a known time, as histograms of one or both kinds.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Distribution<'a> {
    /// The classic histogram.
    pub(in crate::metrics) observed: &'a Histogram,
    /// The upper bounds of its buckets.
    pub(in crate::metrics) bounds: &'a [f64],
    /// The same observations in native buckets, if they are kept.
    pub(in crate::metrics) native: Option<&'a NativeBuckets>,
    /// What protobuf shows. The text formats have classic histograms only.
    pub(in crate::metrics) shown: NativeHistograms,
    /// When both started at 0.
    pub(in crate::metrics) created: Option<Timestamp>,
}

// === impl Frame ===

impl<'a> Frame<'a> {
    /// The frame of family `name` in a section with these labels, for records with these identity labels.
    pub(super) fn new(
        name: &str,
        section: Vec<(&'static str, &'a str)>,
        identity: impl Iterator<Item = &'a str>,
    ) -> Self {
        let names: Vec<&str> = identity.collect();
        let mut identity = names.iter();
        let mut open = name.to_owned();
        let mut labelled = false;
        for (label, value) in &section {
            open.push_str(if labelled { "\"," } else { "{" });
            open.push_str(label);
            open.push_str("=\"");
            escape(value, &mut open);
            labelled = true;
        }
        if let Some(first) = identity.next() {
            open.push_str(if labelled { "\"," } else { "{" });
            open.push_str(first);
            open.push_str("=\"");
            labelled = true;
        }
        let between = identity.map(|label| format!("\",{label}=\"")).collect();
        Self {
            open,
            name: name.len(),
            between,
            labelled,
            section,
            names,
        }
    }
}

// === impl Samples ===

impl Samples<'_> {
    /// Adds the only sample of a row without labels. An unknown value adds none.
    pub(in crate::metrics) fn value(&mut self, value: impl Value) {
        self.sample(&[], value);
    }

    /// Adds a sample with values for the row's labels. An unknown value adds none.
    pub(in crate::metrics) fn sample(&mut self, labels: &[&dyn LabelValue], value: impl Value) {
        if let Some(number) = value.number() {
            self.number(labels, number, None, None);
        }
    }

    /// Adds a sample of a counter that started at 0 at a known time. The exemplar is the run that it counted last; the text
    /// formats do not show it.
    pub(in crate::metrics) fn counter(
        &mut self,
        labels: &[&dyn LabelValue],
        value: impl Value,
        exemplar: Option<Exemplar<'_>>,
        created: Option<Timestamp>,
    ) {
        if let Some(number) = value.number() {
            self.number(labels, number, exemplar, created);
        }
    }

    /// Adds a sample whose label names come from the record.
    pub(in crate::metrics) fn labelled(&mut self, labels: &[(Name, Name)], value: impl Value) {
        let labels = labels
            .iter()
            .map(|(name, value)| (&**name, value as &dyn LabelValue));
        let (names, values): (Vec<_>, Vec<_>) = labels.unzip();
        let mut samples = Samples {
            labels: &names,
            buffer: self.buffer,
            ..*self
        };
        samples.sample(&values, value);
    }

    /// Adds a histogram. `buckets` are upper bounds with cumulative counts, without the infinite bucket.
    pub(in crate::metrics) fn histogram(
        &mut self,
        labels: &[&dyn LabelValue],
        buckets: impl Iterator<Item = (f64, u64)>,
        count: u64,
        sum: f64,
    ) {
        if self.format == Format::Protobuf {
            self.metric(labels, |buffer| {
                protobuf::put_histogram((count, sum), buckets, None, None, buffer);
            });
            return;
        }
        let all = (f64::INFINITY, count);
        for (bound, below) in buckets.chain(std::iter::once(all)) {
            let below = Number::Unsigned(below);
            self.line("_bucket", labels, Some(Bound(bound)), below);
        }
        self.line("_sum", labels, None, Number::Float(sum));
        self.line("_count", labels, None, Number::Unsigned(count));
    }

    /// Adds a histogram of observations with these bounds.
    ///
    /// The histogram is empty if there are no observations yet, or if an earlier process made them with other bounds. In
    /// the second case it restarts from zero with the next observation.
    pub(in crate::metrics) fn observations(
        &mut self,
        labels: &[&dyn LabelValue],
        observed: &Histogram,
        bounds: &[f64],
    ) {
        let (count, sum) = totals(observed, bounds);
        self.histogram(labels, cumulative(observed, bounds), count, sum);
    }

    /// Adds a histogram of observations that started at a known time.
    pub(in crate::metrics) fn distribution(
        &mut self,
        labels: &[&dyn LabelValue],
        distribution: Distribution<'_>,
    ) {
        let Distribution {
            observed,
            bounds,
            native,
            shown,
            created,
        } = distribution;
        if self.format != Format::Protobuf {
            self.observations(labels, observed, bounds);
            self.created(labels, created);
            return;
        }
        let (count, sum) = totals(observed, bounds);
        // A message has one count for both. A file that somebody edited may have others.
        let native = native.filter(|native| native.have(count));
        let hides_classic = shown == NativeHistograms::Only && native.is_some();
        let bounds = if hides_classic { &[] } else { bounds };
        self.metric(labels, |buffer| {
            let classic = cumulative(observed, bounds);
            protobuf::put_histogram((count, sum), classic, native, created, buffer);
        });
    }

    /// Adds the creation time of the counter or histogram that was added last. Only `OpenMetrics` has such a sample.
    fn created(&mut self, labels: &[&dyn LabelValue], since: Option<Timestamp>) {
        if self.format == Format::OpenMetrics
            && let Some(number) = since.number()
        {
            self.line("_created", labels, None, number);
        }
    }

    fn number(
        &mut self,
        labels: &[&dyn LabelValue],
        number: Number,
        exemplar: Option<Exemplar<'_>>,
        created: Option<Timestamp>,
    ) {
        if self.format != Format::Protobuf {
            self.line("", labels, None, number);
            self.created(labels, created);
            return;
        }
        let (kind, value) = (self.kind, number.to_f64());
        self.metric(labels, |buffer| match kind {
            Kind::Counter => protobuf::put_counter(value, exemplar, created, buffer),
            Kind::Gauge | Kind::Histogram => protobuf::put_gauge(value, buffer),
        });
    }

    /// Adds a metric with these labels of the row, and what `value` appends.
    fn metric(&mut self, labels: &[&dyn LabelValue], value: impl FnOnce(&mut BytesMut)) {
        let Self {
            frame, identity, ..
        } = *self;
        debug_assert_eq!(self.labels.len(), labels.len(), "{}", frame.open);
        let own = self.labels.iter().zip(labels);
        protobuf::put_metric(self.buffer, |buffer| {
            for (name, value) in &frame.section {
                protobuf::put_label(name, value, buffer);
            }
            for (name, value) in frame.names.iter().zip(identity) {
                protobuf::put_label(name, value, buffer);
            }
            for (name, value) in own {
                protobuf::put_label(name, *value, buffer);
            }
            value(buffer);
        });
    }

    fn line(&mut self, suffix: &str, labels: &[&dyn LabelValue], le: Option<Bound>, value: Number) {
        let Self {
            frame, identity, ..
        } = *self;
        debug_assert_eq!(self.labels.len(), labels.len(), "{}", frame.open);
        if suffix.is_empty() {
            self.put(&frame.open);
        } else {
            let (name, labels) = frame.open.split_at(frame.name);
            self.put(name.strip_suffix("_total").unwrap_or(name));
            self.put(suffix);
            self.put(labels);
        }
        let between = iter::once("").chain(frame.between.iter().map(String::as_str));
        for (place, (between, value)) in between.zip(identity).enumerate() {
            self.put(between);
            if place < self.plain {
                self.put(value);
            } else {
                escape(value, self.buffer);
            }
        }
        let mut labelled = frame.labelled;
        for (name, label) in self.labels.iter().zip(labels) {
            self.label(&mut labelled, name, *label);
        }
        if let Some(bound) = le {
            self.label(&mut labelled, "le", &bound);
        }
        if labelled {
            self.put("\"} ");
        } else {
            self.put(" ");
        }
        value.write(self.buffer);
        self.put("\n");
    }

    fn label(&mut self, labelled: &mut bool, name: &str, value: &dyn LabelValue) {
        self.put(if *labelled { "\"," } else { "{" });
        self.put(name);
        self.put("=\"");
        value.write(Notation::Escaped, self.buffer);
        *labelled = true;
    }

    #[inline]
    fn put(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }
}

/// Number and sum of the observations.
fn totals(observed: &Histogram, bounds: &[f64]) -> (u64, f64) {
    if has_bounds(observed, bounds) {
        (observed.count(), observed.sum)
    } else {
        (0, 0.0)
    }
}

/// Upper bounds with cumulative counts, without the infinite bucket.
fn cumulative<'a>(
    observed: &'a Histogram,
    bounds: &'a [f64],
) -> impl Iterator<Item = (f64, u64)> + 'a {
    let buckets = if has_bounds(observed, bounds) {
        &observed.buckets[..]
    } else {
        &[]
    };
    let buckets = buckets.iter().chain(std::iter::repeat(&0));
    bounds.iter().zip(buckets).scan(0, |below, (bound, here)| {
        *below += here;
        Some((*bound, *below))
    })
}

fn has_bounds(observed: &Histogram, bounds: &[f64]) -> bool {
    observed.buckets.len() == bounds.len() + 1
}
