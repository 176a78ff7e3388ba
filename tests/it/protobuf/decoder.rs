//! A strict decoder of the protobuf format. It panics on whatever a writer must not write.
//!
//! It shares no code with the writer that it checks.

/// A `MetricFamily`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) help: String,
    /// A `MetricType`.
    pub(crate) kind: u64,
    pub(crate) unit: Option<String>,
    pub(crate) metrics: Vec<Metric>,
}

/// A `Metric`.
#[derive(Debug, PartialEq)]
pub(crate) struct Metric {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: Value,
}

/// The value of a metric.
#[derive(Debug, PartialEq)]
pub(crate) enum Value {
    Gauge(f64),
    Counter {
        value: f64,
        exemplar: Option<Exemplar>,
        created: Option<(i64, u64)>,
    },
    Histogram(Histogram),
}

/// An `Exemplar`.
#[derive(Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    pub(crate) at: Option<(i64, u64)>,
}

/// A `Histogram`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Upper bounds and cumulative counts.
    pub(crate) classic: Vec<(f64, u64)>,
    pub(crate) native: Option<Native>,
    /// Seconds and nanoseconds.
    pub(crate) created: Option<(i64, u64)>,
}

/// The native part of a `Histogram`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Native {
    pub(crate) schema: i64,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: u64,
    /// Offset and length.
    pub(crate) spans: Vec<(i64, u64)>,
    pub(crate) deltas: Vec<i64>,
}

impl Native {
    /// The number and the count of each bucket.
    pub(crate) fn buckets(&self) -> Vec<(i64, i64)> {
        let (mut number, mut count) = (0, 0);
        let mut deltas = self.deltas.iter();
        let mut buckets = Vec::new();
        for (offset, length) in &self.spans {
            number += offset;
            for _ in 0..*length {
                count += deltas.next().expect("a delta for each bucket");
                buckets.push((number, count));
                number += 1;
            }
        }
        assert_eq!(deltas.next(), None, "more deltas than buckets");
        buckets
    }
}

/// A value on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Varint(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

/// All families of a body, in order.
pub(crate) fn families(mut body: &[u8]) -> Vec<Family> {
    let mut families = Vec::new();
    while !body.is_empty() {
        families.push(family(delimited(&mut body)));
    }
    families
}

fn family(message: &[u8]) -> Family {
    let mut family = Family::default();
    for (number, value) in fields(message, &[4]) {
        match number {
            1 => family.name = text(value),
            2 => family.help = text(value),
            3 => family.kind = varint(value),
            4 => family.metrics.push(metric(bytes(value))),
            5 => family.unit = Some(text(value)),
            _ => panic!("field {number} of a family"),
        }
    }
    assert!(!family.metrics.is_empty(), "{} is empty", family.name);
    family
}

fn metric(message: &[u8]) -> Metric {
    let (mut labels, mut found) = (Vec::new(), None);
    for (number, value) in fields(message, &[1]) {
        let value = match number {
            1 => {
                labels.push(pair(bytes(value)));
                continue;
            }
            2 => gauge(bytes(value)),
            3 => counter(bytes(value)),
            7 => Value::Histogram(histogram(bytes(value))),
            _ => panic!("field {number} of a metric"),
        };
        assert!(found.replace(value).is_none(), "two values");
    }
    let value = found.expect("a value");
    Metric { labels, value }
}

fn pair(message: &[u8]) -> (String, String) {
    let fields = fields(message, &[]);
    let [(1, name), (2, value)] = fields[..] else {
        panic!("a label with {fields:?}");
    };
    (text(name), text(value))
}

fn gauge(message: &[u8]) -> Value {
    let fields = fields(message, &[]);
    let [(1, value)] = fields[..] else {
        panic!("a gauge with {fields:?}");
    };
    Value::Gauge(double(value))
}

fn counter(message: &[u8]) -> Value {
    let (mut number, mut exemplar, mut created) = (None, None, None);
    for (field, value) in fields(message, &[]) {
        match field {
            1 => number = Some(double(value)),
            2 => exemplar = Some(read_exemplar(bytes(value))),
            3 => created = Some(timestamp(bytes(value))),
            _ => panic!("field {field} of a counter"),
        }
    }
    let value = number.expect("a value");
    Value::Counter {
        value,
        exemplar,
        created,
    }
}

fn read_exemplar(message: &[u8]) -> Exemplar {
    let (mut labels, mut number, mut at) = (Vec::new(), None, None);
    for (field, value) in fields(message, &[1]) {
        match field {
            1 => labels.push(pair(bytes(value))),
            2 => number = Some(double(value)),
            3 => at = Some(timestamp(bytes(value))),
            _ => panic!("field {field} of an exemplar"),
        }
    }
    let value = number.expect("a value");
    Exemplar { labels, value, at }
}

fn histogram(message: &[u8]) -> Histogram {
    let mut histogram = Histogram::default();
    let mut native = Native::default();
    let mut is_native = false;
    for (number, value) in fields(message, &[3, 12]) {
        is_native |= (5..15).contains(&number);
        match number {
            1 => histogram.count = varint(value),
            2 => histogram.sum = double(value),
            3 => histogram.classic.push(bucket(bytes(value))),
            5 => native.schema = unzigzag(varint(value)),
            6 => native.zero_threshold = double(value),
            7 => native.zero_count = varint(value),
            12 => native.spans.push(span(bytes(value))),
            13 => {
                let mut packed = bytes(value);
                while !packed.is_empty() {
                    native.deltas.push(unzigzag(read_varint(&mut packed)));
                }
            }
            15 => histogram.created = Some(timestamp(bytes(value))),
            _ => panic!("field {number} of a histogram"),
        }
    }
    histogram.native = is_native.then_some(native);
    histogram
}

fn bucket(message: &[u8]) -> (f64, u64) {
    let fields = fields(message, &[]);
    let [(1, count), (2, bound)] = fields[..] else {
        panic!("a bucket with {fields:?}");
    };
    (double(bound), varint(count))
}

fn span(message: &[u8]) -> (i64, u64) {
    let fields = fields(message, &[]);
    let [(1, offset), (2, length)] = fields[..] else {
        panic!("a span with {fields:?}");
    };
    (unzigzag(varint(offset)), varint(length))
}

fn timestamp(message: &[u8]) -> (i64, u64) {
    let mut at = (0, 0);
    for (number, value) in fields(message, &[]) {
        match number {
            1 => at.0 = varint(value).cast_signed(),
            2 => at.1 = varint(value),
            _ => panic!("field {number} of a timestamp"),
        }
    }
    assert!(at.1 < 1_000_000_000, "{at:?}");
    at
}

/// The fields of a message. Only those in `repeated` may be there more than once.
fn fields<'a>(mut message: &'a [u8], repeated: &[u64]) -> Vec<(u64, Wire<'a>)> {
    let mut fields: Vec<(u64, Wire<'a>)> = Vec::new();
    while !message.is_empty() {
        let tag = read_varint(&mut message);
        let number = tag >> 3;
        let value = match tag & 7 {
            0 => Wire::Varint(read_varint(&mut message)),
            1 => {
                let (bytes, rest) = message.split_first_chunk().expect("eight bytes");
                message = rest;
                Wire::Double(f64::from_le_bytes(*bytes))
            }
            2 => Wire::Bytes(delimited(&mut message)),
            other => panic!("wire type {other}"),
        };
        let again = fields.iter().any(|(known, _)| *known == number);
        assert!(!again || repeated.contains(&number), "{number} twice");
        fields.push((number, value));
    }
    fields
}

fn delimited<'a>(input: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::try_from(read_varint(input)).unwrap();
    assert!(length <= input.len(), "{length} of {} bytes", input.len());
    let (bytes, rest) = input.split_at(length);
    *input = rest;
    bytes
}

fn read_varint(input: &mut &[u8]) -> u64 {
    let mut value = 0_u128;
    for at in 0..10 {
        let byte = input[at];
        value |= u128::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            assert!(byte > 0 || at == 0, "a varint with leading zeros");
            *input = &input[at + 1..];
            return u64::try_from(value).expect("64 bits");
        }
    }
    panic!("a varint of more than ten bytes");
}

fn unzigzag(value: u64) -> i64 {
    let half = (value / 2).cast_signed();
    if value.is_multiple_of(2) {
        half
    } else {
        -half - 1
    }
}

fn varint(value: Wire<'_>) -> u64 {
    let Wire::Varint(value) = value else {
        panic!("{value:?} is no varint");
    };
    value
}

fn double(value: Wire<'_>) -> f64 {
    let Wire::Double(value) = value else {
        panic!("{value:?} is no double");
    };
    value
}

fn bytes(value: Wire<'_>) -> &[u8] {
    let Wire::Bytes(value) = value else {
        panic!("{value:?} has no length");
    };
    value
}

fn text(value: Wire<'_>) -> String {
    str::from_utf8(bytes(value)).expect("UTF-8").to_owned()
}
