//! Makes text of others safe to log.
//!
//! Names of objects, messages of servers and paths of requests can contain line breaks that forge a line, escape sequences that
//! change a terminal, and marks that reorder text.

use std::fmt::{self, Write as _};

/// Maximum length of a value in bytes.
const MAX_BYTES: usize = 4096;

/// Whether `c` is visible, and nothing but itself: no control or format character, no separator of lines.
fn is_printable(c: char) -> bool {
    "\\\"'".contains(c) || c.escape_debug().len() == 1
}

/// Whether `text` needs no quotes: nobody mistakes its end or its parts.
pub(super) fn is_word(text: &str) -> bool {
    let is_plain = |c: char| is_printable(c) && !c.is_whitespace() && !"\"\\=".contains(c);
    !text.is_empty() && text.chars().all(is_plain)
}

/// `text` as a part of a line of text.
pub(crate) fn text(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if is_printable(c) {
            line.push(c);
        } else {
            line.extend(c.escape_debug());
        }
    }
    line
}

/// A JSON document with the same content and only printable characters. JSON itself requires it for U+0000 to U+001F only.
pub(crate) fn json(document: &str) -> String {
    let mut line = String::with_capacity(document.len());
    for c in document.chars() {
        if is_printable(c) {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\u{unit:04x}");
            }
        }
    }
    line
}

/// The text of `value`. If it is long, only its beginning, and how long it is.
pub(super) fn shortened(value: fmt::Arguments<'_>) -> String {
    let mut text = Beginning::default();
    // An error of a `Display` is no reason to lose the line.
    let _ = text.write_fmt(value);
    if text.length > text.kept.len() {
        let _ = write!(text.kept, "... ({} bytes)", text.length);
    }
    text.kept
}

/// Keeps the first [`MAX_BYTES`] of what is written.
#[derive(Default)]
struct Beginning {
    kept: String,
    /// The bytes that were written.
    length: usize,
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nothing is kept behind a gap.
        if self.length == self.kept.len() {
            let room = MAX_BYTES - self.kept.len();
            self.kept.push_str(&text[..text.floor_char_boundary(room)]);
        }
        self.length += text.len();
        Ok(())
    }
}
