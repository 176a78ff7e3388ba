//! The messages of the protobuf format, `io.prometheus.client`: a body is a sequence of `MetricFamily`, each after its length.
//!
//! The fields are those of `metrics.proto` in <https://github.com/prometheus/client_model>.

use bytes::BytesMut;
use jiff::Timestamp;

use super::{
    Kind, LabelValue, Notation,
    wire::{self, Delimited, Double, Varint},
};
use crate::model::{NativeBuckets, Uid};

/// The fields of `MetricFamily`.
mod family {
    use super::{Delimited, Varint};

    pub(super) const NAME: Delimited = Delimited::field(1);
    pub(super) const HELP: Delimited = Delimited::field(2);
    pub(super) const TYPE: Varint = Varint::field(3);
    pub(super) const METRIC: Delimited = Delimited::field(4);
    pub(super) const UNIT: Delimited = Delimited::field(5);
}

/// The fields of `Metric`.
mod metric {
    use super::Delimited;

    pub(super) const LABEL: Delimited = Delimited::field(1);
    pub(super) const GAUGE: Delimited = Delimited::field(2);
    pub(super) const COUNTER: Delimited = Delimited::field(3);
    pub(super) const HISTOGRAM: Delimited = Delimited::field(7);
}

/// The fields of `LabelPair`.
mod label {
    use super::Delimited;

    pub(super) const NAME: Delimited = Delimited::field(1);
    pub(super) const VALUE: Delimited = Delimited::field(2);
}

/// The fields of `Gauge` and `Counter`.
mod sample {
    use super::{Delimited, Double};

    pub(super) const VALUE: Double = Double::field(1);
    pub(super) const EXEMPLAR: Delimited = Delimited::field(2);
    pub(super) const CREATED: Delimited = Delimited::field(3);
}

/// The fields of `Exemplar`.
mod exemplar {
    use super::{Delimited, Double};

    pub(super) const LABEL: Delimited = Delimited::field(1);
    pub(super) const VALUE: Double = Double::field(2);
    pub(super) const TIMESTAMP: Delimited = Delimited::field(3);
}

/// The fields of `Timestamp`.
mod timestamp {
    use super::Varint;

    pub(super) const SECONDS: Varint = Varint::field(1);
    pub(super) const NANOS: Varint = Varint::field(2);
}

/// The fields of `Histogram`.
mod histogram {
    use super::{Delimited, Double, Varint};

    pub(super) const COUNT: Varint = Varint::field(1);
    pub(super) const SUM: Double = Double::field(2);
    pub(super) const BUCKET: Delimited = Delimited::field(3);
    pub(super) const SCHEMA: Varint = Varint::field(5);
    pub(super) const ZERO_THRESHOLD: Double = Double::field(6);
    pub(super) const ZERO_COUNT: Varint = Varint::field(7);
    pub(super) const POSITIVE_SPAN: Delimited = Delimited::field(12);
    pub(super) const POSITIVE_DELTA: Delimited = Delimited::field(13);
    pub(super) const CREATED: Delimited = Delimited::field(15);
}

/// The fields of `Bucket`.
mod bucket {
    use super::{Double, Varint};

    pub(super) const CUMULATIVE_COUNT: Varint = Varint::field(1);
    pub(super) const UPPER_BOUND: Double = Double::field(2);
}

/// The fields of `BucketSpan`.
mod span {
    use super::Varint;

    pub(super) const OFFSET: Varint = Varint::field(1);
    pub(super) const LENGTH: Varint = Varint::field(2);
}

/// The width of the zero bucket, as client libraries set it: 2^-128. Our zeros are exact.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// A run that was counted.
#[derive(Clone, Copy, Debug)]
pub(in crate::metrics) struct Exemplar<'a> {
    /// The uid of its Job.
    pub(in crate::metrics) uid: &'a Uid,
    /// When it ended.
    pub(in crate::metrics) at: Timestamp,
}

/// Appends a family with the metrics that `metrics` appends; nothing if there are none.
///
/// A body may have a family in several messages.
pub(in crate::metrics) fn put_family(
    (name, kind, help): (&str, Kind, &str),
    buffer: &mut BytesMut,
    metrics: impl FnOnce(&mut BytesMut),
) {
    let start = buffer.len();
    let mut is_empty = true;
    wire::put_delimited(buffer, |buffer| {
        family::NAME.put(name.as_bytes(), buffer);
        family::HELP.put(help.as_bytes(), buffer);
        family::TYPE.put(kind.number(), buffer);
        if let Some(unit) = kind.unit(name) {
            family::UNIT.put(unit.as_bytes(), buffer);
        }
        let header = buffer.len();
        metrics(buffer);
        is_empty = buffer.len() == header;
    });
    if is_empty {
        buffer.truncate(start);
    }
}

/// Appends a metric, in a family, with the labels and the value that `content` appends.
pub(in crate::metrics) fn put_metric(buffer: &mut BytesMut, content: impl FnOnce(&mut BytesMut)) {
    family::METRIC.put_with(buffer, content);
}

/// Appends a label of a metric.
pub(in crate::metrics) fn put_label(name: &str, value: &dyn LabelValue, buffer: &mut BytesMut) {
    put_pair(metric::LABEL, name, value, buffer);
}

/// Appends the value of a gauge.
pub(in crate::metrics) fn put_gauge(value: f64, buffer: &mut BytesMut) {
    metric::GAUGE.put_with(buffer, |buffer| sample::VALUE.put(value, buffer));
}

/// Appends the value of a counter, the run that it counted last, and when it started at 0.
pub(in crate::metrics) fn put_counter(
    value: f64,
    exemplar: Option<Exemplar<'_>>,
    created: Option<Timestamp>,
    buffer: &mut BytesMut,
) {
    metric::COUNTER.put_with(buffer, |buffer| {
        sample::VALUE.put(value, buffer);
        if let Some(Exemplar { uid, at }) = exemplar {
            sample::EXEMPLAR.put_with(buffer, |buffer| {
                put_pair(exemplar::LABEL, "uid", uid, buffer);
                // What one run adds to the counter.
                exemplar::VALUE.put(1.0, buffer);
                put_timestamp(exemplar::TIMESTAMP, at, buffer);
            });
        }
        if let Some(created) = created {
            put_timestamp(sample::CREATED, created, buffer);
        }
    });
}

/// Appends a histogram. `classic` are upper bounds with cumulative counts, without the infinite bucket, which is implied.
pub(in crate::metrics) fn put_histogram(
    (count, sum): (u64, f64),
    classic: impl Iterator<Item = (f64, u64)>,
    native: Option<&NativeBuckets>,
    created: Option<Timestamp>,
    buffer: &mut BytesMut,
) {
    metric::HISTOGRAM.put_with(buffer, |buffer| {
        histogram::COUNT.put(count, buffer);
        histogram::SUM.put(sum, buffer);
        for (bound, below) in classic {
            histogram::BUCKET.put_with(buffer, |buffer| {
                bucket::CUMULATIVE_COUNT.put(below, buffer);
                bucket::UPPER_BOUND.put(bound, buffer);
            });
        }
        if let Some(native) = native {
            put_native(native, buffer);
        }
        if let Some(created) = created {
            put_timestamp(histogram::CREATED, created, buffer);
        }
    });
}

/// Appends buckets as spans of adjacent ones, and the difference of each count to the one before.
fn put_native(native: &NativeBuckets, buffer: &mut BytesMut) {
    histogram::SCHEMA.put_signed(NativeBuckets::SCHEMA, buffer);
    histogram::ZERO_THRESHOLD.put(ZERO_THRESHOLD, buffer);
    histogram::ZERO_COUNT.put(native.zeros(), buffer);
    let mut end = 0;
    for span in native.positive().chunk_by(|(a, _), (b, _)| a + 1 == *b) {
        let start = span.first().map_or(0, |(index, _)| i64::from(*index));
        let length = span.len();
        histogram::POSITIVE_SPAN.put_with(buffer, |buffer| {
            span::OFFSET.put_signed(start - end, buffer);
            span::LENGTH.put(length as u64, buffer);
        });
        end = start + i64::try_from(length).unwrap_or(0);
    }
    if end > 0 {
        histogram::POSITIVE_DELTA.put_with(buffer, |buffer| {
            let mut before = 0;
            for &(_, count) in native.positive() {
                wire::put_packed_signed(count.wrapping_sub(before).cast_signed(), buffer);
                before = count;
            }
        });
    }
}

fn put_pair(field: Delimited, name: &str, value: &dyn LabelValue, buffer: &mut BytesMut) {
    field.put_with(buffer, |buffer| {
        label::NAME.put(name.as_bytes(), buffer);
        label::VALUE.put_with(buffer, |buffer| value.write(Notation::Raw, buffer));
    });
}

fn put_timestamp(field: Delimited, at: Timestamp, buffer: &mut BytesMut) {
    field.put_with(buffer, |buffer| {
        // The nanoseconds count forward from the second, also before the epoch.
        let nanos = at.as_nanosecond();
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).unwrap_or(0);
        timestamp::SECONDS.put(seconds.cast_unsigned(), buffer);
        let rest = u64::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0);
        if rest > 0 {
            timestamp::NANOS.put(rest, buffer);
        }
    });
}

#[cfg(test)]
mod tests;
