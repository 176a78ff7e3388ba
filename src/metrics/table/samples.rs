//! Sample lines: name, labels, value.
//!
//! The constant text of the lines of a family is rendered once, into a [`Frame`]. A line is copied from the frame and the
//! values of the record, without an allocation. The quote after a label value is written together with the text that
//! follows it.

use bytes::BytesMut;

use crate::{
    metrics::format::{Bound, Format, LabelValue, Number, Value, escape},
    model::{Histogram, Name},
};

/// The constant text of the lines of a family: the text around the values that identify a record.
#[derive(Debug)]
pub(super) struct Frame {
    /// The text before the first value: `batch_job_info{target="prod",namespace="`.
    open: String,
    /// The length of the name at the start of `open`.
    name: usize,
    /// The text between one value and the next: `",job_name="`, ...
    between: Vec<String>,
    /// Whether the frame has any labels.
    labelled: bool,
}

/// Writes the samples of one record.
#[derive(Debug)]
pub(in crate::metrics) struct Samples<'a> {
    pub(super) frame: &'a Frame,
    /// Values of the identity labels.
    pub(super) identity: &'a [&'a str],
    /// Names of the row's own labels.
    pub(super) labels: &'a [&'a str],
    pub(super) format: Format,
    pub(super) buffer: &'a mut BytesMut,
}

// === impl Frame ===

impl Frame {
    /// The frame of family `name` in one target, for records with these identity labels.
    pub(super) fn new<'a>(
        name: &str,
        target: Option<&str>,
        mut identity: impl Iterator<Item = &'a str>,
    ) -> Self {
        let mut open = name.to_owned();
        if let Some(target) = target {
            open.push_str("{target=\"");
            escape(target, &mut open);
        }
        let mut labelled = target.is_some();
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
            self.line("", labels, None, number);
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
        let none = Histogram::default();
        let observed = if observed.buckets.len() == bounds.len() + 1 {
            observed
        } else {
            &none
        };
        let buckets = observed.buckets.iter().chain(std::iter::repeat(&0));
        let cumulative = bounds.iter().zip(buckets).scan(0, |below, (bound, here)| {
            *below += here;
            Some((*bound, *below))
        });
        self.histogram(labels, cumulative, observed.count(), observed.sum);
    }

    /// Adds the creation time of the counter or histogram that was added last. Only `OpenMetrics` has such a sample.
    pub(in crate::metrics) fn created(&mut self, labels: &[&dyn LabelValue], since: impl Value) {
        if self.format == Format::OpenMetrics
            && let Some(number) = since.number()
        {
            self.line("_created", labels, None, number);
        }
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
        if let Some((first, others)) = identity.split_first() {
            escape(first, self.buffer);
            for (between, value) in frame.between.iter().zip(others) {
                self.put(between);
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
        value.write(self.buffer);
        *labelled = true;
    }

    #[inline]
    fn put(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }
}
