//! The grammar of the two text formats: headers, escaping, the end.
//!
//! The formats differ in headers and in the mark at the end only; see [`Format`].

use bytes::BytesMut;
use memchr::memchr3;

use super::{Format, family::Kind};

/// Units that a name may end in; `OpenMetrics` has a line for them.
const UNITS: [&str; 2] = ["seconds", "bytes"];

/// Where text goes.
pub(super) trait Output {
    /// Appends `text`.
    fn put(&mut self, text: &str);
}

impl Output for BytesMut {
    fn put(&mut self, text: &str) {
        self.extend_from_slice(text.as_bytes());
    }
}

impl Output for String {
    fn put(&mut self, text: &str) {
        self.push_str(text);
    }
}

/// Writes what stands before the samples of family `name`.
pub(super) fn header(format: Format, name: &str, kind: Kind, help: &str, page: &mut BytesMut) {
    // OpenMetrics names a family of counters without the ending that its samples have.
    let family = match (format, kind) {
        (Format::OpenMetrics, Kind::Counter) => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    for text in ["# HELP ", family, " "] {
        page.put(text);
    }
    escape_help(format, help, page);
    for text in ["\n# TYPE ", family, " ", kind.as_str(), "\n"] {
        page.put(text);
    }
    let unit = UNITS.iter().find(|unit| has_unit(family, unit));
    if let (Format::OpenMetrics, Some(unit)) = (format, unit) {
        for text in ["# UNIT ", family, " ", unit, "\n"] {
            page.put(text);
        }
    }
}

/// Writes what stands at the end of all: in `OpenMetrics` the mark by which a reader knows that nothing was cut off.
pub(super) fn end(format: Format, page: &mut BytesMut) {
    match format {
        Format::Text => {}
        Format::OpenMetrics => page.put("# EOF\n"),
    }
}

/// Writes a label value, escaped.
#[inline]
pub(super) fn escape(value: &str, out: &mut impl Output) {
    if is_plain(value.as_bytes()) {
        out.put(value);
    } else {
        escape_special(value, out);
    }
}

/// Whether nothing needs escaping. That is so for nearly all of the many short names in a scrape; a look at all bytes,
/// eight at a time and without a way out in between, is cheaper for them than to set up a search.
#[inline]
fn is_plain(value: &[u8]) -> bool {
    let special =
        |byte: u8| u8::from(byte == b'\\') | u8::from(byte == b'"') | u8::from(byte == b'\n');
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | special(*byte));
    let (eights, rest) = value.as_chunks::<8>();
    eights
        .iter()
        .fold(any(rest), |found, eight| found | any(eight))
        == 0
}

#[cold]
fn escape_special(value: &str, out: &mut impl Output) {
    let mut rest = value;
    while let Some(at) = memchr3(b'\\', b'"', b'\n', rest.as_bytes()) {
        out.put(&rest[..at]);
        out.put(match rest.as_bytes()[at] {
            b'\n' => "\\n",
            b'"' => "\\\"",
            _ => "\\\\",
        });
        rest = &rest[at + 1..];
    }
    out.put(rest);
}

fn escape_help(format: Format, help: &str, page: &mut BytesMut) {
    let escaped = help.replace('\\', r"\\").replace('\n', r"\n");
    match format {
        // A quote stands for itself here, and a backslash before it would be shown.
        Format::Text => page.put(&escaped),
        Format::OpenMetrics => page.put(&escaped.replace('"', "\\\"")),
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
        let mut page = BytesMut::new();
        header(format, name, kind, help, &mut page);
        String::from_utf8(page.to_vec()).unwrap()
    }

    #[test]
    fn a_label_value_is_escaped() {
        let mut out = String::new();
        escape("a\\b\"c\nd\r\t\u{e9}", &mut out);
        assert_eq!(out, "a\\\\b\\\"c\\nd\r\t\u{e9}");
    }

    #[test]
    fn a_header_in_text_has_quotes_as_they_are() {
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
    fn a_header_in_openmetrics_names_the_family_of_a_counter_and_the_unit() {
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
