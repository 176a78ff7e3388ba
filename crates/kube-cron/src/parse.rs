//! Parses the text of a schedule into sets of numbers, by the rules of robfig/cron.
//!
//! It accepts whatever the library accepts (`1,,2`, `*-x`), and rejects whatever it rejects, even if other cron
//! implementations support it (Sunday as 7, `22-6`, `L`).

use jiff::civil::Date;

use super::{
    Seconds,
    error::{Error, Field, PartError, quote},
    every,
    ksm::Dialect,
};

/// The two kinds of schedules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Five fields, matched against local time in the zone.
    Fields(Fields),
    /// `@every`: the seconds from one due time to the next, independent of the zone. At least 1.
    Every(Seconds),
}

/// The numbers that match each of the five fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minutes: BitSet,
    pub(super) hours: BitSet,
    pub(super) months: BitSet,
    pub(super) days: BitSet,
    /// 0 is Sunday.
    pub(super) weekdays: BitSet,
    /// Whether a day must match both day fields, or only either.
    pub(super) match_both_days: bool,
    /// Whether a due time in an hour that a clock change skips moves to the next hour.
    pub(super) defer_skipped_hour: bool,
}

impl Fields {
    /// Whether the day fields match this date. Its month is ignored.
    pub(super) fn matches_day(&self, date: Date) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self
            .weekdays
            .contains(date.weekday().to_sunday_zero_offset());
        if self.match_both_days {
            day && weekday
        } else {
            day || weekday
        }
    }
}

/// A set of numbers from 0 to 63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BitSet(u64);

impl BitSet {
    pub(super) fn contains(self, number: i8) -> bool {
        self.0 >> number & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The numbers in ascending order.
    pub(super) fn numbers(self) -> impl Iterator<Item = i8> {
        (0..64).filter(move |number| self.contains(*number))
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<u64> for BitSet {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        Self(numbers.into_iter().fold(0, |set, number| set | 1 << number))
    }
}

impl Field {
    /// The smallest and the largest valid number.
    fn bounds(self) -> (u64, u64) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// The bounds in words, for errors.
    fn range(self) -> &'static str {
        match self {
            Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31",
            Self::Month => "1 to 12",
            Self::DayOfWeek => "0 (Sunday) to 6",
        }
    }

    /// The names of the numbers, in order from the smallest.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
            Self::Month => &[
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ],
            Self::DayOfWeek => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        }
    }

    /// The values that the field accepts, in words, for errors.
    fn expected(self) -> &'static str {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => NUMBER,
            Self::Month => "a number or one of `jan` to `dec`",
            Self::DayOfWeek => "a number or one of `sun` to `sat`",
        }
    }
}

const NUMBER: &str = "a number";

/// Splits a leading `TZ=` or `CRON_TZ=` off a schedule. The name of the zone ends at a blank and can be empty.
pub(super) fn split_zone(schedule: &str) -> Result<(Option<&str>, &str), Error> {
    let prefix = ["TZ=", "CRON_TZ="]
        .iter()
        .find_map(|prefix| schedule.strip_prefix(prefix));
    let Some(text) = prefix else {
        return Ok((None, schedule));
    };
    let (zone, rest) = text
        .split_once(' ')
        .ok_or_else(|| Error::MissingSchedule(quote(schedule)))?;
    Ok((Some(zone), rest.trim()))
}

/// Parses a schedule without its zone.
pub(super) fn parse_rule(dialect: Dialect, text: &str) -> Result<Rule, Error> {
    if let Some(duration) = text.strip_prefix("@every ") {
        let step = every::parse_seconds(duration).and_then(|seconds| match dialect {
            Dialect::Controller => Some(seconds.max(1)),
            Dialect::KubeStateMetrics => (seconds > 0).then_some(seconds),
        });
        return step
            .map(Rule::Every)
            .ok_or_else(|| Error::InvalidDuration(quote(duration)));
    }
    let text = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ if text.starts_with('@') => return Err(Error::UnknownMacro(quote(text))),
        _ => text,
    };
    parse_fields(dialect, text).map(Rule::Fields)
}

fn parse_fields(dialect: Dialect, text: &str) -> Result<Fields, Error> {
    let fields: Vec<_> = text.split_whitespace().take(6).collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(Error::FieldCount(text.split_whitespace().count()));
    };
    let (minutes, _) = parse_field(dialect, Field::Minute, minute)?;
    let (hours, _) = parse_field(dialect, Field::Hour, hour)?;
    let (days, any_day) = parse_field(dialect, Field::DayOfMonth, day)?;
    let (months, _) = parse_field(dialect, Field::Month, month)?;
    let (weekdays, any_weekday) = parse_field(dialect, Field::DayOfWeek, weekday)?;
    Ok(Fields {
        minutes,
        hours,
        months,
        days,
        weekdays,
        match_both_days: any_day || any_weekday || dialect == Dialect::KubeStateMetrics,
        defer_skipped_hour: dialect == Dialect::KubeStateMetrics,
    })
}

/// The numbers of a field, and whether one of its parts is a star. A field without parts (`,`) never matches.
fn parse_field(dialect: Dialect, field: Field, text: &str) -> Result<(BitSet, bool), Error> {
    let (mut set, mut star) = (BitSet::default(), false);
    for text in text.split(',').filter(|part| !part.is_empty()) {
        let (numbers, whole) = parse_part(dialect, field, text).map_err(|reason| Error::Part {
            field,
            part: quote(text),
            reason,
        })?;
        set = set.union(numbers);
        star |= whole;
    }
    Ok((set, star))
}

/// The numbers of a part, and whether it is a star. Neither `*/2` nor `1-31` is one.
fn parse_part(dialect: Dialect, field: Field, text: &str) -> Result<(BitSet, bool), PartError> {
    let (min, max) = field.bounds();
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(parse_number(step, NUMBER)?)),
        None => (text, None),
    };
    let (low, high) = match range.split_once('-') {
        Some((low, high)) => (low, Some(high)),
        None => (range, None),
    };
    let star = matches!(low, "*" | "?");
    let end = match (dialect, field) {
        (Dialect::KubeStateMetrics, Field::DayOfWeek) => max + 1,
        _ => max,
    };
    let first = if star { min } else { parse_value(field, low)? };
    let last = match high {
        // robfig/cron ignores the text after `*-`.
        _ if star => end,
        Some(high) => parse_value(field, high)?,
        None if step.is_some() => end,
        None => first,
    };
    if first > last {
        return Err(PartError::ReversedRange);
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(PartError::ZeroStep);
    }
    if dialect == Dialect::KubeStateMetrics && step > 1 && step > last - first {
        return Err(PartError::StepTooLarge);
    }
    let stride = usize::try_from(step).unwrap_or(usize::MAX);
    // 7 is Sunday, too.
    let numbers = (first..=last)
        .step_by(stride)
        .map(|number| if number > max { min } else { number });
    Ok((numbers.collect(), star && step == 1))
}

/// A number or a name within the bounds of the field.
fn parse_value(field: Field, text: &str) -> Result<u64, PartError> {
    let (min, max) = field.bounds();
    let mut named = (min..).zip(field.names());
    if let Some((value, _)) = named.find(|(_, name)| text.eq_ignore_ascii_case(name)) {
        return Ok(value);
    }
    let value = parse_number(text, field.expected())?;
    if value < min || value > max {
        return Err(PartError::OutOfRange {
            value,
            range: field.range(),
        });
    }
    Ok(value)
}

/// A decimal number up to `i64::MAX`. A leading plus and leading zeros are allowed.
fn parse_number(text: &str, expected: &'static str) -> Result<u64, PartError> {
    if text.is_empty() {
        return Err(PartError::MissingNumber);
    }
    let number = text.parse().ok();
    number
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| PartError::InvalidNumber {
            text: quote(text),
            expected,
        })
}
