//! Escaping of label values and HELP texts.

use bytes::BytesMut;
use memchr::memchr3;

use super::Format;

/// A buffer for text.
pub(in crate::metrics) trait Output {
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

/// How a label value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metrics) enum Notation {
    /// Escaped, for the text formats.
    Escaped,
    /// As it is.
    Raw,
}

impl Notation {
    /// Writes a label value.
    #[inline]
    pub(super) fn put(self, value: &str, out: &mut impl Output) {
        match self {
            Self::Escaped => escape(value, out),
            Self::Raw => out.put(value),
        }
    }
}

/// Writes a label value, escaped.
#[inline]
pub(in crate::metrics) fn escape(value: &str, out: &mut impl Output) {
    if is_plain(value) {
        out.put(value);
    } else {
        escape_special(value, out);
    }
}

/// Whether a value needs no escaping.
///
/// Most values in a scrape are short and plain. Checking all their bytes, eight at a time and without an early exit, is
/// faster than setting up a search.
#[inline]
pub(in crate::metrics) fn is_plain(value: &str) -> bool {
    let special =
        |byte: u8| u8::from(byte == b'\\') | u8::from(byte == b'"') | u8::from(byte == b'\n');
    let any = |bytes: &[u8]| bytes.iter().fold(0, |any, byte| any | special(*byte));
    let (eights, rest) = value.as_bytes().as_chunks::<8>();
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

/// Escapes a HELP text.
pub(super) fn escape_help(format: Format, help: &str) -> String {
    let escaped = help.replace('\\', r"\\").replace('\n', r"\n");
    match format {
        // The text format has no escape for quotes, so a backslash before a quote would be shown.
        Format::Text | Format::Protobuf => escaped,
        Format::OpenMetrics => escaped.replace('"', "\\\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_value_is_escaped() {
        let mut out = String::new();
        escape("a\\b\"c\nd\r\t\u{e9}", &mut out);
        assert_eq!(out, "a\\\\b\\\"c\\nd\r\t\u{e9}");
    }
}
