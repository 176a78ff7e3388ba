//! Responses as text.

use std::borrow::Cow;

/// Stands for bytes that are not UTF-8: the escape of half a character. serde accepts it where a string is skipped, and
/// rejects it where a string is read. A second half follows, because the first may complete an escape before it.
const INVALID: &str = "\\udc00\\udc00";

/// Returns JSON as text. Bytes that are not UTF-8 make invalid only the strings that they are in: an object is undecodable
/// if a field that is read has such a string, and the objects around it are not affected.
#[must_use]
pub fn text(json: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(json) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(json.len() + INVALID.len());
    for chunk in json.utf8_chunks() {
        text.push_str(chunk.valid());
        if chunk.invalid().is_empty() {
            continue;
        }
        // A backslash before it is that of an escape, unless it is escaped itself.
        let backslashes = text.bytes().rev().take_while(|byte| *byte == b'\\').count();
        text.push_str(&INVALID[backslashes % 2..]);
    }
    Cow::Owned(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_text_is_borrowed() {
        assert!(matches!(text("{\"ä\":1}".as_bytes()), Cow::Borrowed(_)));
    }

    #[test]
    fn a_string_with_invalid_bytes_can_be_skipped_but_not_read() {
        for before in ["", "a", r"\\", r"\ud83d", "\\ud83d\u{e9}"] {
            for after in ["", "b", r"\udc00", r"\ud800"] {
                for invalid in [&b"\xff"[..], b"\xe2\x82", b"\xff\xfe\xff", b"\xed\xa0\x80"] {
                    let json =
                        [b"\"", before.as_bytes(), invalid, after.as_bytes(), b"\""].concat();
                    let text = text(&json);
                    let skipped = serde_json::from_str::<serde::de::IgnoredAny>(&text);
                    assert!(skipped.is_ok(), "{text}");
                    assert!(serde_json::from_str::<String>(&text).is_err(), "{text}");
                }
            }
        }
        // Half of an escape, where any byte would be invalid.
        assert!(serde_json::from_str::<String>(&text(b"\"\\\xff\"")).is_err());
        assert!(serde_json::from_str::<String>(&text(b"\"\\\\\\\xff\"")).is_err());
    }
}
