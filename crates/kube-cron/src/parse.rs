//! Reads the text of a schedule into sets of numbers, with the rules of robfig/cron: what it takes is taken, however
//! odd (`1,,2`, `*-x`), and what it refuses is refused, however common elsewhere (Sunday as 7, `22-6`, `L`).

use jiff::civil::Date;

use super::{
    Reader, Rule,
    error::{Error, Field, Problem, quote},
    every,
};

/// The numbers that each of the five fields names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) minutes: Set,
    pub(super) hours: Set,
    pub(super) months: Set,
    days: Set,
    weekdays: Set,
    /// Whether a day has to match both of its fields, or only either.
    both: bool,
    /// Whether what is due in an hour that the clocks leave out is done after it.
    pub(super) catches_up: bool,
}

impl Fields {
    /// Whether the fields name this day, whatever its month.
    pub(super) fn name_day(&self, date: Date) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self
            .weekdays
            .contains(date.weekday().to_sunday_zero_offset());
        if self.both {
            day && weekday
        } else {
            day || weekday
        }
    }
}

/// A set of numbers below 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn contains(self, number: i8) -> bool {
        self.0 >> number & 1 == 1
    }

    fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<u64> for Set {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        Self(numbers.into_iter().fold(0, |set, number| set | 1 << number))
    }
}

impl Field {
    /// The smallest and the largest number.
    fn bounds(self) -> (u64, u64) {
        match self {
            Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::DayOfMonth => (1, 31),
            Self::Month => (1, 12),
            Self::DayOfWeek => (0, 6),
        }
    }

    /// The bounds in words.
    fn range(self) -> &'static str {
        match self {
            Self::Minute => "0 to 59",
            Self::Hour => "0 to 23",
            Self::DayOfMonth => "1 to 31",
            Self::Month => "1 to 12",
            Self::DayOfWeek => "0 (Sunday) to 6",
        }
    }

    /// Names for the numbers, from the smallest on.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => &[],
            Self::Month => &[
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ],
            Self::DayOfWeek => &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
        }
    }

    /// What can stand for a number, in words.
    fn wanted(self) -> &'static str {
        match self {
            Self::Minute | Self::Hour | Self::DayOfMonth => NUMBER,
            Self::Month => "a number or one of `jan` to `dec`",
            Self::DayOfWeek => "a number or one of `sun` to `sat`",
        }
    }
}

const NUMBER: &str = "a number";

/// The zone that a schedule begins with, if it does, and the rest. The zone ends at a blank and may be empty.
pub(super) fn split_zone(schedule: &str) -> Result<(Option<&str>, &str), Error> {
    let prefix = ["TZ=", "CRON_TZ="]
        .iter()
        .find_map(|prefix| schedule.strip_prefix(prefix));
    let Some(text) = prefix else {
        return Ok((None, schedule));
    };
    let (zone, rest) = text
        .split_once(' ')
        .ok_or_else(|| Error::ZoneAlone(quote(schedule)))?;
    Ok((Some(zone), rest.trim()))
}

/// Reads what follows the zone.
pub(super) fn rule(reader: Reader, text: &str) -> Result<Rule, Error> {
    if let Some(duration) = text.strip_prefix("@every ") {
        let step = every::seconds(duration).and_then(|seconds| match reader {
            Reader::Controller => Some(seconds.max(1)),
            Reader::KubeStateMetrics => (seconds > 0).then_some(seconds),
        });
        return step
            .map(Rule::Every)
            .ok_or_else(|| Error::Every(quote(duration)));
    }
    let text = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ if text.starts_with('@') => return Err(Error::Macro(quote(text))),
        _ => text,
    };
    fields(reader, text).map(Rule::Clock)
}

fn fields(reader: Reader, text: &str) -> Result<Fields, Error> {
    let fields: Vec<_> = text.split_whitespace().take(6).collect();
    let [minute, hour, day, month, weekday] = fields[..] else {
        return Err(Error::FieldCount(text.split_whitespace().count()));
    };
    let (minutes, _) = field(reader, Field::Minute, minute)?;
    let (hours, _) = field(reader, Field::Hour, hour)?;
    let (days, any_day) = field(reader, Field::DayOfMonth, day)?;
    let (months, _) = field(reader, Field::Month, month)?;
    let (weekdays, any_weekday) = field(reader, Field::DayOfWeek, weekday)?;
    Ok(Fields {
        minutes,
        hours,
        months,
        days,
        weekdays,
        both: any_day || any_weekday || reader == Reader::KubeStateMetrics,
        catches_up: reader == Reader::KubeStateMetrics,
    })
}

/// The numbers of a field, and whether it holds a star. Without any part, as in `,`, it never matches.
fn field(reader: Reader, field: Field, text: &str) -> Result<(Set, bool), Error> {
    let (mut set, mut star) = (Set::default(), false);
    for text in text.split(',').filter(|part| !part.is_empty()) {
        let (numbers, whole) = part(reader, field, text).map_err(|problem| Error::Part {
            field,
            part: quote(text),
            problem,
        })?;
        set = set.union(numbers);
        star |= whole;
    }
    Ok((set, star))
}

/// The numbers of a part, and whether it counts as a star: `*/2` does not, but neither does `1-31`.
fn part(reader: Reader, field: Field, text: &str) -> Result<(Set, bool), Problem> {
    let (min, max) = field.bounds();
    let (range, step) = match text.split_once('/') {
        Some((range, step)) => (range, Some(number(step, NUMBER)?)),
        None => (text, None),
    };
    let (low, high) = match range.split_once('-') {
        Some((low, high)) => (low, Some(high)),
        None => (range, None),
    };
    let star = matches!(low, "*" | "?");
    let end = match (reader, field) {
        (Reader::KubeStateMetrics, Field::DayOfWeek) => max + 1,
        _ => max,
    };
    let first = if star { min } else { value(field, low)? };
    let last = match high {
        // Whatever follows `*-` is passed over.
        _ if star => end,
        Some(high) => value(field, high)?,
        None if step.is_some() => end,
        None => first,
    };
    if first > last {
        return Err(Problem::Backwards);
    }
    let step = step.unwrap_or(1);
    if step == 0 {
        return Err(Problem::NoStep);
    }
    if reader == Reader::KubeStateMetrics && step > 1 && step > last - first {
        return Err(Problem::LongStep);
    }
    let stride = usize::try_from(step).unwrap_or(usize::MAX);
    // The number after the last weekday is the first.
    let numbers = (first..=last)
        .step_by(stride)
        .map(|number| if number > max { min } else { number });
    Ok((numbers.collect(), star && step == 1))
}

/// A number or a name within the bounds of the field.
fn value(field: Field, text: &str) -> Result<u64, Problem> {
    let (min, max) = field.bounds();
    let mut named = (min..).zip(field.names());
    if let Some((value, _)) = named.find(|(_, name)| text.eq_ignore_ascii_case(name)) {
        return Ok(value);
    }
    let value = number(text, field.wanted())?;
    if value < min || value > max {
        return Err(Problem::OutOfRange {
            value,
            range: field.range(),
        });
    }
    Ok(value)
}

/// Digits, with a plus and zeros in front allowed, up to the largest signed number of 64 bits.
fn number(text: &str, wanted: &'static str) -> Result<u64, Problem> {
    if text.is_empty() {
        return Err(Problem::Missing);
    }
    let number = text.parse().ok();
    number
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| Problem::Unreadable {
            text: quote(text),
            wanted,
        })
}
