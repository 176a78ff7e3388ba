//! The formats: headers, label values, numbers and the end of a response.
//!
//! Sample lines are the same in both text formats. The headers and the end differ. `protobuf` has the messages of the third
//! format.

use bytes::BytesMut;

mod escape;
mod label;
mod number;
pub(super) mod protobuf;
mod wire;

pub(super) use escape::{Notation, escape, is_plain};
pub(super) use label::{Bound, LabelValue};
pub(super) use number::{Number, Value};

use escape::escape_help;

/// The units for which `OpenMetrics` has a `UNIT` line. A family name ends in its unit.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// A format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
    /// Delimited protobuf messages, the only format with native histograms.
    Protobuf,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up. The family name ends in `_total`.
    Counter,
    /// Counts of observations in cumulative buckets.
    Histogram,
}

// === impl Format ===

impl Format {
    /// The `Content-Type` of a response.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// Writes the header of a family, which precedes its samples. In protobuf each message of the family has it instead.
    pub(super) fn write_header(self, name: &str, kind: Kind, help: &str, buffer: &mut BytesMut) {
        if self == Self::Protobuf {
            return;
        }
        let mut put = |text: &str| buffer.extend_from_slice(text.as_bytes());
        // OpenMetrics omits the suffix of a counter in the name of the family.
        let family = match self {
            Self::OpenMetrics => kind.base(name),
            _ => name,
        };
        for text in ["# HELP ", family, " ", &escape_help(self, help)] {
            put(text);
        }
        for text in ["\n# TYPE ", family, " ", kind.as_str(), "\n"] {
            put(text);
        }
        if let (Self::OpenMetrics, Some(unit)) = (self, kind.unit(name)) {
            for text in ["# UNIT ", family, " ", unit, "\n"] {
                put(text);
            }
        }
    }

    /// Writes the end of a response. In `OpenMetrics` this is a mark that shows that the response is complete.
    pub(super) fn write_end(self, buffer: &mut BytesMut) {
        match self {
            Self::Text | Self::Protobuf => {}
            Self::OpenMetrics => buffer.extend_from_slice(b"# EOF\n"),
        }
    }
}

// === impl Kind ===

impl Kind {
    /// The word in the `TYPE` line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }

    /// The number in protobuf.
    fn number(self) -> u64 {
        match self {
            Self::Counter => 0,
            Self::Gauge => 1,
            Self::Histogram => 4,
        }
    }

    /// The name of a family without the suffix of counters.
    fn base(self, name: &str) -> &str {
        let base = name.strip_suffix("_total");
        base.filter(|_| self == Self::Counter).unwrap_or(name)
    }

    /// The unit of the family with this name.
    fn unit(self, name: &str) -> Option<&'static str> {
        let base = self.base(name);
        UNITS.into_iter().find(|unit| has_unit(base, unit))
    }
}

fn has_unit(family: &str, unit: &str) -> bool {
    family
        .strip_suffix(unit)
        .is_some_and(|stem| stem.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header_of(format: Format, name: &str, kind: Kind, help: &str) -> String {
        let mut buffer = BytesMut::new();
        format.write_header(name, kind, help, &mut buffer);
        String::from_utf8(buffer.to_vec()).unwrap()
    }

    #[test]
    fn a_text_header_does_not_escape_quotes() {
        assert_eq!(
            header_of(
                Format::Text,
                "a_total",
                Kind::Counter,
                "one \\ \"two\"\nthree"
            ),
            "# HELP a_total one \\\\ \"two\"\\nthree\n# TYPE a_total counter\n"
        );
    }

    #[test]
    fn an_openmetrics_header_names_the_family_of_a_counter_and_the_unit() {
        assert_eq!(
            header_of(
                Format::OpenMetrics,
                "a_seconds_total",
                Kind::Counter,
                "one \\ \"two\"\nthree"
            ),
            "# HELP a_seconds one \\\\ \\\"two\\\"\\nthree\n\
             # TYPE a_seconds counter\n\
             # UNIT a_seconds seconds\n"
        );
        assert_eq!(
            header_of(Format::OpenMetrics, "milliseconds", Kind::Gauge, "no unit"),
            "# HELP milliseconds no unit\n# TYPE milliseconds gauge\n"
        );
    }
}
