//! Messages, read by a decoder that shares no code with the encoder.

use super::*;

#[path = "../../../../tests/it/protobuf/decoder.rs"]
mod decoder;

use decoder::{Histogram, Value};

fn decoded(kind: Kind, metrics: impl FnOnce(&mut BytesMut)) -> Vec<decoder::Family> {
    let mut buffer = BytesMut::new();
    put_family(("a_seconds_total", kind, "Help."), &mut buffer, metrics);
    decoder::families(&buffer)
}

/// The only metric of a family.
fn only(kind: Kind, metrics: impl FnOnce(&mut BytesMut)) -> decoder::Metric {
    let [family] = &mut decoded(kind, metrics)[..] else {
        panic!("not one family");
    };
    family.metrics.pop().unwrap()
}

fn histogram(seconds: &[i64]) -> Histogram {
    let mut native = NativeBuckets::default();
    for seconds in seconds {
        native.observe(*seconds);
    }
    let count = seconds.len() as u64;
    let metric = only(Kind::Histogram, |buffer| {
        put_metric(buffer, |buffer| {
            let classic = std::iter::empty();
            put_histogram((count, 1.5), classic, Some(&native), None, buffer);
        });
    });
    let Value::Histogram(histogram) = metric.value else {
        panic!("{metric:?}");
    };
    histogram
}

#[test]
fn a_family_without_metrics_is_no_message() {
    assert_eq!(decoded(Kind::Gauge, |_| {}), []);
}

#[test]
fn a_family_has_its_whole_name_its_type_and_its_unit() {
    for (kind, number, unit) in [
        (Kind::Counter, 0, Some("seconds".to_owned())),
        (Kind::Gauge, 1, None),
        (Kind::Histogram, 4, None),
    ] {
        let [family] = &decoded(kind, |buffer| {
            put_metric(buffer, |buffer| put_gauge(1.0, buffer));
        })[..] else {
            panic!("not one family");
        };
        assert_eq!(family.name, "a_seconds_total");
        assert_eq!(family.help, "Help.");
        assert_eq!(family.kind, number, "{kind:?}");
        assert_eq!(family.unit, unit, "{kind:?}");
    }
}

#[test]
fn labels_and_values_are_not_escaped() {
    let long = "x".repeat(70_000);
    let values = ["", "a\\b\"c\nd", "\u{1f600}", "\0", &long];
    let metric = only(Kind::Gauge, |buffer| {
        put_metric(buffer, |buffer| {
            for value in values {
                put_label("name", &value, buffer);
            }
            put_gauge(f64::NEG_INFINITY, buffer);
        });
    });
    let found: Vec<&str> = metric.labels.iter().map(|(_, value)| &**value).collect();
    assert!(found == values, "{found:?}");
    assert!(metric.labels.iter().all(|(name, _)| name == "name"));
    assert_eq!(metric.value, Value::Gauge(f64::NEG_INFINITY));
}

#[test]
fn a_counter_has_an_exemplar_and_its_start() {
    let uid = Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc");
    let at = Timestamp::from_second(1_795_445_736).unwrap();
    let created = Timestamp::from_millisecond(-1).unwrap();
    let metric = only(Kind::Counter, |buffer| {
        put_metric(buffer, |buffer| {
            let exemplar = Some(Exemplar { uid: &uid, at });
            put_counter(7.0, exemplar, Some(created), buffer);
        });
    });
    let expected = Value::Counter {
        value: 7.0,
        exemplar: Some(decoder::Exemplar {
            labels: vec![("uid".to_owned(), uid.to_string())],
            value: 1.0,
            at: Some((1_795_445_736, 0)),
        }),
        created: Some((-1, 999_000_000)),
    };
    assert_eq!(metric.value, expected);
}

#[test]
fn a_classic_histogram_has_no_native_part() {
    let metric = only(Kind::Histogram, |buffer| {
        put_metric(buffer, |buffer| {
            let classic = [(0.5, 1), (1.0, 3)].into_iter();
            put_histogram((4, 2.5), classic, None, Some(Timestamp::UNIX_EPOCH), buffer);
        });
    });
    let expected = Histogram {
        count: 4,
        sum: 2.5,
        classic: vec![(0.5, 1), (1.0, 3)],
        native: None,
        created: Some((0, 0)),
    };
    assert_eq!(metric.value, Value::Histogram(expected));
}

/// Prometheus tells a native histogram by its zero threshold or its spans.
#[test]
fn an_empty_native_histogram_is_still_a_native_one() {
    let native = histogram(&[]).native.unwrap();
    assert_eq!(native.schema, 3);
    assert!(native.zero_threshold > 0.0);
    assert_eq!((native.spans.len(), native.deltas.len()), (0, 0));
}

#[test]
fn adjacent_buckets_are_one_span() {
    // 2^(8/8) is 2, 2^(13/8) is 3.08, 2^(16/8) is 4, 2^(17/8) is 4.36.
    for (seconds, spans, deltas) in [
        (&[1][..], &[(0, 1)][..], &[1][..]),
        (&[2], &[(8, 1)], &[1]),
        (&[2, 2, 3], &[(8, 1), (4, 1)], &[2, -1]),
        (&[60, 62, 56, 56, 0], &[(47, 2)], &[2, 0]),
        (&[i64::MAX], &[(504, 1)], &[1]),
    ] {
        let native = histogram(seconds).native.unwrap();
        assert_eq!(native.spans, spans, "{seconds:?}");
        assert_eq!(native.deltas, deltas, "{seconds:?}");
        let zeros = seconds.iter().filter(|seconds| **seconds == 0).count();
        assert_eq!(native.zero_count, zeros as u64);
    }
}

proptest::proptest! {
    #[test]
    fn the_buckets_have_all_observations(
        seconds in proptest::collection::vec(proptest::prop_oneof![0..100_i64, 0..i64::MAX], 0..200),
    ) {
        let histogram = histogram(&seconds);
        let native = histogram.native.unwrap();
        let buckets = native.buckets();
        let count: i64 = buckets.iter().map(|(_, count)| count).sum();
        proptest::prop_assert_eq!(count.cast_unsigned() + native.zero_count, histogram.count);
        proptest::prop_assert!(buckets.iter().all(|(_, count)| *count > 0));
        proptest::prop_assert!(buckets.is_sorted_by(|(a, _), (b, _)| a < b));
    }
}
