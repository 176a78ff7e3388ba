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

/// The problem with other text.
const INVALID: &str = "is not a duration such as `30s`, `2m`, `1h30m`, `500ms` or `1d`";
/// The problem with a duration of more milliseconds than fit into 64 bits.
const TOO_LONG: &str = "is too long";

/// Parses a duration such as `30s` or `1h30m`: whole numbers with units, each unit at most once, larger ones first.
///
/// The error completes a sentence that starts with the text.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    if text.is_empty() {
        return Err(INVALID);
    }
    let mut milliseconds: u64 = 0;
    let mut units = UNITS.as_slice();
    let mut rest = text;
    while !rest.is_empty() {
        let (number, tail) = split_at_end_of(rest, |c| c.is_ascii_digit());
        if number.is_empty() {
            return Err(INVALID);
        }
        let (unit, tail) = split_at_end_of(tail, |c| c.is_ascii_alphabetic());
        if unit.is_empty() && tail.is_empty() {
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

/// What invalid `text` probably means, as [`parse`] accepts it: `1h30m` for `1.5h`, `5m` for `5 minutes`.
pub(super) fn suggestion(text: &str) -> Option<String> {
    let mut rest = text.trim();
    let mut milliseconds = 0.0;
    while !rest.is_empty() {
        let (number, tail) = split_at_end_of(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, tail) = split_at_end_of(tail.trim_start(), |c| c.is_ascii_alphabetic());
        milliseconds += number.parse::<f64>().ok()? * unit_length(&unit.to_ascii_lowercase())?;
        rest = tail.trim_start();
    }
    let duration = Duration::try_from_secs_f64(milliseconds / 1000.0).ok()?;
    let duration = Duration::from_millis(u64::try_from(duration.as_millis()).ok()?);
    // The text is correct but too long, or too short for a millisecond.
    let is_useful = !duration.is_zero() && parse(text) != Err(TOO_LONG);
    is_useful.then(|| format(duration))
}

/// The length in milliseconds of a unit that people may write, in lower case.
fn unit_length(unit: &str) -> Option<f64> {
    Some(match unit {
        "ms" | "msec" | "millis" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1e3,
        "m" | "min" | "mins" | "minute" | "minutes" => 6e4,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3.6e6,
        "d" | "day" | "days" => 8.64e7,
        "w" | "week" | "weeks" => 6.048e8,
        _ => return None,
    })
}

/// Splits `text` after its first characters that `belongs` accepts.
fn split_at_end_of(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
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

    #[test]
    fn common_ways_to_write_a_duration_have_a_suggestion() {
        for (text, expected) in [
            ("5 minutes", Some("5m")),
            ("1.5h", Some("1h30m")),
            ("0.5s", Some("500ms")),
            ("1h 30m", Some("1h30m")),
            ("30s1m", Some("1m30s")),
            ("90 Seconds", Some("1m30s")),
            ("1w", Some("7d")),
            ("2 hrs", Some("2h")),
            ("30S", Some("30s")),
            // Not a duration, or no unit, or nothing that is left of it.
            ("", None),
            ("30", None),
            ("soon", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("1m30", None),
            ("0.1ms", None),
            ("PT5M", None),
            ("5 parsecs", None),
            ("999999999999d", None),
            ("1e9 weeks", None),
        ] {
            assert_eq!(suggestion(text).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_suggestion_is_valid(text in "[0-9.]{1,20} ?(ms|s|minutes|h|days|w)") {
            if let Some(suggestion) = suggestion(&text) {
                prop_assert!(parse(&suggestion).is_ok(), "{}", suggestion);
            }
        }

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
