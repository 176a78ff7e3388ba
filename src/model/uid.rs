//! The uid of an object.

use std::fmt;

/// The `metadata.uid` of an object. A UUID is stored in 16 bytes, any other text unchanged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A UUID in the usual lower-case form.
    Uuid([u8; 16]),
    /// Any other text.
    Other(Box<str>),
}

// === impl Uid ===

impl Uid {
    /// Uses the compact form only if it displays as exactly the same text.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::parse_uuid(text).map_or_else(|| Self::Other(text.into()), Self::Uuid)
    }

    fn parse_uuid(text: &str) -> Option<[u8; 16]> {
        let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (i, &c) in text.iter().enumerate() {
            if matches!(i, 8 | 13 | 18 | 23) {
                if c != b'-' {
                    return None;
                }
                continue;
            }
            let digit = match c {
                b'0'..=b'9' => c - b'0',
                b'a'..=b'f' => c - b'a' + 10,
                _ => return None,
            };
            bytes[digits / 2] |= digit << (4 * (1 - digits % 2));
            digits += 1;
        }
        Some(bytes)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (i, byte) in bytes.iter().enumerate() {
                    if matches!(i, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_displays_as_the_text_it_was_parsed_from() {
        for text in [
            "4ba7b5e6-d01a-4327-95ea-e845886801bc",
            "00000000-0000-0000-0000-000000000042",
            "4BA7B5E6-D01A-4327-95EA-E845886801BC",
            "4ba7b5e6-d01a-4327-95ea-e845886801b",
            "4ba7b5e6+d01a-4327-95ea-e845886801bc",
            "",
            "not a uuid at all, but a name of 36 b",
        ] {
            assert_eq!(Uid::parse(text).to_string(), text);
        }
        assert!(matches!(
            Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc"),
            Uid::Uuid(_)
        ));
    }
}
