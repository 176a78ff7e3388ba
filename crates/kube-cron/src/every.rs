//! The duration after `@every`, as Go's `time.ParseDuration` reads it: `1h30m`, `1.5h`, `500ms`, `-5m`, `0`.

use super::Seconds;

/// The units, each with its length in nanoseconds. There are two signs for micro.
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

/// What Go's durations hold, in nanoseconds: about 292 years, and one more below zero.
const LONGEST: u128 = 1 << 63;

/// The whole seconds of a duration: none if it is shorter than one, zero or negative.
pub(super) fn seconds(text: &str) -> Option<Seconds> {
    let negative = text.starts_with('-');
    let nanoseconds = length(text.strip_prefix(['-', '+']).unwrap_or(text))?;
    if negative {
        return Some(0);
    }
    let nanoseconds = i64::try_from(nanoseconds).ok()?;
    Some(nanoseconds / 1_000_000_000)
}

/// The nanoseconds of a duration without its sign.
fn length(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let mut sum = 0;
    let mut rest = text;
    loop {
        let (whole, tail) = digits(rest);
        let (fraction, tail) = tail.strip_prefix('.').map_or(("", tail), digits);
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
            .checked_add(sum + part(fraction, *unit))?;
        if sum > LONGEST {
            return None;
        }
        if tail.is_empty() {
            return Some(sum);
        }
        rest = tail;
    }
}

/// The nanoseconds of the digits after a point. Go reckons in floating point here, which gives the same down to the
/// nanosecond; what is below is of no interest.
fn part(digits: &str, unit: u128) -> u128 {
    let mut scale = 1;
    let mut sum = 0;
    for digit in digits.bytes().take(18) {
        scale *= 10;
        sum = sum * 10 + u128::from(digit - b'0');
    }
    sum * unit / scale
}

/// The digits at the beginning, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}
