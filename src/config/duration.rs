//! Durations as people write them: `30s`, `2m`, `1h30m`, `500ms`, `1d`.
//!
//! A number without a unit is an error, because `30` could mean seconds or milliseconds.

use std::time::Duration;

/// The units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Parses a duration such as `30s` or `1h30m`: whole numbers with units, each unit at most once, larger ones first.
///
/// The error completes a sentence that starts with the text.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    const INVALID: &str = "is not a duration such as `30s`, `2m`, `1h30m`, `500ms` or `1d`";
    const TOO_LONG: &str = "is too long";
    if text.is_empty() {
        return Err(INVALID);
    }
    let mut milliseconds: u64 = 0;
    let mut units = UNITS.as_slice();
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        if number.is_empty() {
            return Err(INVALID);
        }
        let letters = tail.len()
            - tail
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        let (unit, tail) = tail.split_at(letters);
        if unit.is_empty() {
            return Err("has a number without a unit; write it as `30s` or `2m`");
        }
        let position = units
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or(INVALID)?;
        milliseconds = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(units[position].1))
            .and_then(|part| milliseconds.checked_add(part))
            .ok_or(TOO_LONG)?;
        units = &units[position + 1..];
        rest = tail;
    }
    Ok(Duration::from_millis(milliseconds))
}

/// Formats `duration` as [`parse`] accepts it, to the millisecond.
pub(super) fn format(duration: Duration) -> String {
    let mut milliseconds = duration.as_millis();
    if milliseconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, length) in UNITS {
        let count = milliseconds / u128::from(length);
        milliseconds %= u128::from(length);
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_parsed_from_large_to_small() {
        for (text, milliseconds) in [
            ("30s", 30_000),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("1d2h3m4s5ms", 93_784_005),
            ("0s", 0),
        ] {
            assert_eq!(
                parse(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn everything_else_is_an_error() {
        for text in [
            "",
            "s",
            "30",
            "1.5h",
            "-1s",
            "1m 30s",
            "30s1m",
            "1s1s",
            "1w",
            "30S",
            "5 m",
            "1m30",
            "½h",
            "99999999999999999999s",
            "999999999999999d",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_formatted_duration_parses_to_itself(milliseconds in 0..u64::MAX) {
            let duration = Duration::from_millis(milliseconds);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
