//! Sample lines: the name, the labels, the value. They read the same in both formats.
//!
//! What all lines of a family have in common is rendered once, into a [`Frame`]; a line is copied together from it and
//! from the record's values, without allocating. The quote after a label's value is written by what comes next.

use bytes::BytesMut;

use super::{
    Format,
    label::{Bound, Label},
    value::{Number, Value},
    writer,
};
use crate::model::{Histogram, Name, Seconds};

/// The constant text of a family's lines: what stands around the values that identify a record.
#[derive(Debug)]
pub(super) struct Frame {
    /// Everything before the first of those values: `batch_job_info{target="prod",namespace="`.
    open: String,
    /// How much of that is the name.
    name: usize,
    /// What stands between one of them and the next: `",job_name="`, ...
    between: Vec<String>,
    /// Whether these labels are followed by others, or are the first.
    labelled: bool,
}

/// Takes the samples of one record and writes them down.
#[derive(Debug)]
pub(super) struct Samples<'a> {
    frame: &'a Frame,
    /// Values of the identity labels.
    identity: &'a [&'a str],
    /// Names of the row's own labels.
    labels: &'a [&'a str],
    format: Format,
    date: Seconds,
    page: &'a mut BytesMut,
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
            writer::escape(target, &mut open);
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

impl<'a> Samples<'a> {
    /// Samples of the record with this `identity`, with the row's own `labels`, written to `page`.
    pub(super) fn new(
        frame: &'a Frame,
        identity: &'a [&'a str],
        labels: &'a [&'a str],
        format: Format,
        page: &'a mut BytesMut,
    ) -> Self {
        Self {
            frame,
            identity,
            labels,
            format,
            date: 0,
            page,
        }
    }

    /// The same for facts as of this date.
    pub(super) fn at(self, date: Seconds) -> Self {
        Self { date, ..self }
    }

    /// As of when the facts are that are written down.
    pub(super) fn date(&self) -> Seconds {
        self.date
    }

    /// The only sample of a row without labels. A value that is not known gives none.
    pub(super) fn value(&mut self, value: impl Value) {
        self.sample(&[], value);
    }

    /// A sample with values for the row's labels. A value that is not known gives none.
    pub(super) fn sample(&mut self, labels: &[&dyn Label], value: impl Value) {
        if let Some(number) = value.number() {
            self.line("", labels, None, number);
        }
    }

    /// A sample with labels that are the record's own, in name too.
    pub(super) fn labelled(&mut self, labels: &[(Name, Name)], value: impl Value) {
        let labels = labels
            .iter()
            .map(|(name, value)| (&**name, value as &dyn Label));
        let (names, values): (Vec<_>, Vec<_>) = labels.unzip();
        let mut samples = Samples {
            labels: &names,
            page: self.page,
            ..*self
        };
        samples.sample(&values, value);
    }

    /// A histogram: `buckets` are upper bounds with cumulative counts, the infinite one left out.
    pub(super) fn histogram(
        &mut self,
        labels: &[&dyn Label],
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

    /// The histogram of what was observed with these bounds. It is empty where nothing was observed yet, or by an earlier
    /// process with other bounds: then the next observation begins anew, too.
    pub(super) fn observations(
        &mut self,
        labels: &[&dyn Label],
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

    /// Since when the counter or histogram counts whose samples stand right before. Only `OpenMetrics` has a place for it.
    pub(super) fn created(&mut self, labels: &[&dyn Label], since: impl Value) {
        if self.format == Format::OpenMetrics
            && let Some(number) = since.number()
        {
            self.line("_created", labels, None, number);
        }
    }

    fn line(&mut self, suffix: &str, labels: &[&dyn Label], le: Option<Bound>, value: Number) {
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
            writer::escape(first, self.page);
            for (between, value) in frame.between.iter().zip(others) {
                self.put(between);
                writer::escape(value, self.page);
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
        value.write(self.page);
        self.put("\n");
    }

    fn label(&mut self, labelled: &mut bool, name: &str, value: &dyn Label) {
        self.put(if *labelled { "\"," } else { "{" });
        self.put(name);
        self.put("=\"");
        value.write(self.page);
        *labelled = true;
    }

    #[inline]
    fn put(&mut self, text: &str) {
        self.page.extend_from_slice(text.as_bytes());
    }
}
