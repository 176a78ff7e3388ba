//! Durations as other exporters take them: those of Go (`1.5s`, `250us`) and of Prometheus (`1d12h`, `0`).
//!
//! Each duration of the configuration is one too, and means the same.

use std::time::Duration;

/// The units with their length in nanoseconds. A year of Prometheus has 365 days.
const UNITS: [(&str, u64); 11] = [
    ("ns", 1),
    ("us", 1_000),
    // Go accepts both characters: the micro sign and the Greek letter.
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
    ("w", 604_800_000_000_000),
    ("y", 31_536_000_000_000_000),
];

/// The problem with other text.
const INVALID: &str = "is not a duration such as `1s`, `500ms`, `1m30s` or `1.5s`";
/// The problem with a number alone, which would be nanoseconds in Go.
const NO_UNIT: &str = "is a number without a unit; write it as `5s` or `1m`";

/// Parses numbers with units, in any order, or `0`.
///
/// The error completes a sentence that starts with the text.
pub(super) fn parse(text: &str) -> Result<Duration, &'static str> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err("is negative");
    }
    if text.is_empty() {
        return Err(INVALID);
    }
    let mut nanoseconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        let (number, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        if unit.is_empty() && !number.is_empty() {
            return Err(NO_UNIT);
        }
        let (_, length) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or(INVALID)?;
        let part = part(number, *length)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or("is too long")?;
        rest = tail;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// `number` times `length`, rounded down. `number` may have a fraction.
fn part(number: &str, length: u64) -> Result<u64, &'static str> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(INVALID);
    }
    let mut nanoseconds: u64 = 0;
    for digit in whole.bytes() {
        nanoseconds = nanoseconds
            .checked_mul(10)
            .and_then(|sum| sum.checked_add(u64::from(digit - b'0') * length))
            .ok_or("is too long")?;
    }
    let mut place = length;
    for digit in fraction.bytes() {
        place /= 10;
        nanoseconds = nanoseconds
            .checked_add(u64::from(digit - b'0') * place)
            .ok_or("is too long")?;
    }
    Ok(nanoseconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::duration;

    #[test]
    fn durations_of_go_and_prometheus_are_parsed() {
        for (text, nanoseconds) in [
            ("0", 0),
            ("0s", 0),
            ("1s", 1_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("250us", 250_000),
            ("250\u{b5}s", 250_000),
            ("7ns", 7),
            ("1.5h", 5_400_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("30m1h", 5_400_000_000_000),
            ("1d12h", 129_600_000_000_000),
            ("2w", 1_209_600_000_000_000),
            ("1y", 31_536_000_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(nanoseconds)), "{text}");
        }
    }

    #[test]
    fn other_text_is_not_a_duration() {
        for text in [
            "",
            "s",
            "1",
            "1.5",
            "1 s",
            "1S",
            "1s1",
            "one second",
            ".s",
            "1..5s",
            "1.2.3s",
            "-1s",
            "+1s",
            "1sm",
            "1\u{e9}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in [
            "585y",
            "99999999999999999999s",
            "18446744073709551616ns",
            "584y1y",
        ] {
            assert_eq!(parse(text), Err("is too long"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_duration_of_the_configuration_means_the_same(milliseconds in 0..=1u64 << 40) {
            let wanted = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&duration::format(wanted)), Ok(wanted));
        }

        #[test]
        fn any_text_is_a_duration_or_an_error(text in "[0-9.smhdwyu\u{b5} -]{0,24}|.*") {
            let _ = parse(&text);
        }
    }
}
