//! Sizes in bytes as people write them: `64GiB`, `512MiB`, `4096`.

use std::ops::RangeInclusive;

use super::reader::{Node, quoted};

/// Bytes in a mebibyte.
pub(super) const MIB: u64 = 1 << 20;
/// Bytes in a gibibyte.
pub(super) const GIB: u64 = 1 << 30;
/// Bytes in a tebibyte.
pub(super) const TIB: u64 = 1 << 40;

/// The units, largest first. A number without a unit is in bytes.
const UNITS: [(&str, u64); 5] = [
    ("TiB", TIB),
    ("GiB", GIB),
    ("MiB", MIB),
    ("KiB", 1 << 10),
    ("", 1),
];

/// Reads a size.
pub(super) fn read(node: &Node<'_>, range: RangeInclusive<u64>) -> Option<u64> {
    let text = match node.as_number() {
        Some(number) => number,
        None => node.text()?,
    };
    let size = parse(text).filter(|size| range.contains(size));
    if size.is_none() {
        let (least, most) = range.into_inner();
        let (text, least, most) = (quoted(text), format(least), format(most));
        node.problem(format!(
            "`{text}` is not a size such as `64GiB`, from {least} to {most}"
        ));
    }
    size
}

/// Parses a whole number with an optional unit.
fn parse(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*bytes)
}

/// Formats `size` with the largest unit of which it is a multiple, as [`parse`] accepts it.
pub(super) fn format(size: u64) -> String {
    let unit = UNITS.iter().find(|(_, bytes)| size.is_multiple_of(*bytes));
    unit.map_or_else(String::new, |(name, bytes)| {
        format!("{}{name}", size / bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_with_an_optional_unit() {
        for (text, size) in [
            ("1", Some(1)),
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("64GiB", Some(64 * GIB)),
            ("3KiB", Some(3 * 1024)),
            ("1TiB", Some(TIB)),
            ("", None),
            ("GiB", None),
            ("1GB", None),
            ("1 GiB", None),
            ("1gib", None),
            ("1.5GiB", None),
            ("-1", None),
            ("1GiB1", None),
            ("99999999999TiB", None),
        ] {
            assert_eq!(parse(text), size, "{text}");
        }
    }

    #[test]
    fn a_formatted_size_parses_to_itself() {
        for size in [1, 1023, 1024, 1025, 5 * MIB, 64 * GIB, 1024 * TIB, u64::MAX] {
            assert_eq!(parse(&format(size)), Some(size), "{size}");
        }
        assert_eq!(format(64 * GIB), "64GiB");
    }
}
