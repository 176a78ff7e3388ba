//! The duration after `@every`, as Go's `time.ParseDuration` parses it: `1h30m`, `1.5h`, `500ms`, `-5m`, `0`.

use super::Seconds;

/// The units and their lengths in nanoseconds. Unicode has two signs for micro.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The limit of Go's durations in nanoseconds, about 292 years. Only negative durations reach it.
const LIMIT: u128 = 1 << 63;

/// The whole seconds of a duration: 0 if it is negative or shorter than a second. `None` if it is invalid.
pub(super) fn parse_seconds(text: &str) -> Option<Seconds> {
    let negative = text.starts_with('-');
    let nanoseconds = parse_nanoseconds(text.strip_prefix(['-', '+']).unwrap_or(text))?;
    if negative {
        return Some(0);
    }
    let nanoseconds = i64::try_from(nanoseconds).ok()?;
    Some(nanoseconds / 1_000_000_000)
}

/// The nanoseconds of a duration without its sign.
fn parse_nanoseconds(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let mut sum = 0;
    let mut rest = text;
    loop {
        let (whole, tail) = split_digits(rest);
        let (fraction, tail) = tail.strip_prefix('.').map_or(("", tail), split_digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let end = tail.find(|c: char| c == '.' || c.is_ascii_digit());
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let whole: u128 = if whole.is_empty() {
            0
        } else {
            whole.parse().ok()?
        };
        sum = whole
            .checked_mul(*unit)?
            .checked_add(sum + fraction_nanoseconds(fraction, *unit))?;
        if sum > LIMIT {
            return None;
        }
        if tail.is_empty() {
            return Some(sum);
        }
        rest = tail;
    }
}

/// The nanoseconds of the digits after the decimal point. Go uses floating point here; the results are equal to the
/// nanosecond, and whole seconds are needed.
fn fraction_nanoseconds(digits: &str, unit: u128) -> u128 {
    let mut scale = 1;
    let mut sum = 0;
    for digit in digits.bytes().take(18) {
        scale *= 10;
        sum = sum * 10 + u128::from(digit - b'0');
    }
    sum * unit / scale
}

/// The leading digits, and the rest.
fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}
