//! The reasons why a schedule is invalid.
//!
//! Schedules are untrusted input. All text that errors quote is [truncated and escaped](quote), so it fits a log line.

use std::fmt;

/// The reason why a schedule or its time zone is invalid.
///
/// The message is one line for the author of the schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The schedule is not a macro and does not have five fields. Holds the number of fields.
    #[error("a schedule has 5 fields (minute, hour, day of month, month, day of week), not {0}")]
    FieldCount(usize),
    /// One part of a field is invalid. Commas separate the parts.
    #[error("{field} `{part}`: {reason}")]
    Part {
        /// The field that contains the part.
        field: Field,
        /// The text of the part.
        part: String,
        /// Why it is invalid.
        reason: PartError,
    },
    /// The schedule starts with `@` and is not a known macro. Holds the schedule.
    #[error(
        "`{0}` is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and `@every 1h30m`"
    )]
    UnknownMacro(String),
    /// The text after `@every` is not a Go duration. Holds that text.
    #[error(
        "`@every {0}`: not a duration such as `1h30m` or `90s` (units are h, m, s, ms, us and ns)"
    )]
    InvalidDuration(String),
    /// No time zone has this name.
    #[error("`{name}` is not a time zone{}", hint(suggestion.as_deref()))]
    UnknownZone {
        /// The unknown name.
        name: String,
        /// The existing name that differs only in case, if there is one.
        suggestion: Option<String>,
    },
    /// `TZ=` or `CRON_TZ=` is not followed by a blank and a schedule. Holds the whole text.
    #[error("no schedule follows the time zone in `{0}`")]
    MissingSchedule(String),
    /// The schedule contains `TZ=` or `CRON_TZ=`, and `spec.timeZone` is set.
    #[error("the time zone is named twice, in the schedule and in `timeZone`")]
    DuplicateZone,
}

impl Error {
    /// What to write instead, if that can be said in one sentence.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::FieldCount(1) => Some("put all five fields into one pair of quotes"),
            Self::FieldCount(6..) => Some("CronJobs have no fields for seconds and years"),
            Self::FieldCount(_) => Some("write `*` in each field that does not matter"),
            Self::Part {
                field,
                part,
                reason,
            } => reason.hint(*field, part),
            Self::UnknownMacro(_) => Some("or write five fields, such as `0 0 * * *`"),
            Self::InvalidDuration(_) => Some("a day is `24h`"),
            Self::UnknownZone { .. } => {
                Some("use an IANA name such as `UTC` or `Europe/Berlin`, in its exact case")
            }
            Self::MissingSchedule(_) | Self::DuplicateZone => {
                Some("write the schedule alone, and name the zone in `timeZone`")
            }
        }
    }
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!(", but `{name}` is"))
}

/// The reason why one part of a field is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// A number is missing, as in `*/`.
    #[error("a number is missing")]
    MissingNumber,
    /// The text is neither a number nor a name of the field.
    #[error("`{text}` is not {expected}")]
    InvalidNumber {
        /// The text.
        text: String,
        /// What the field accepts, in words.
        expected: &'static str,
    },
    /// The number is outside the range of the field.
    #[error("{value} is not in {range}")]
    OutOfRange {
        /// The number.
        value: u64,
        /// The range of the field, in words.
        range: &'static str,
    },
    /// The range ends before it begins, as in `22-6`. Ranges do not wrap around.
    #[error("the range ends before it begins")]
    ReversedRange,
    /// The step is 0, as in `*/0`.
    #[error("the step is 0")]
    ZeroStep,
    /// The step is as large as the range, as in `*/60`. Only [`KsmSchedule`](crate::KsmSchedule) rejects this.
    #[error("the step is as large as the range")]
    StepTooLarge,
}

impl PartError {
    fn hint(&self, field: Field, part: &str) -> Option<&'static str> {
        match self {
            Self::OutOfRange { value: 7, .. } if field == Field::DayOfWeek => {
                Some("Sunday is `0` or `sun`")
            }
            Self::OutOfRange { value: 24, .. } if field == Field::Hour => Some("midnight is `0`"),
            Self::OutOfRange { .. } if part.contains('/') => {
                Some("a step follows a range, as in `*/5` or `10-50/5`")
            }
            Self::OutOfRange { .. } => None,
            Self::ReversedRange => Some("write two ranges, such as `22-23,0-6`"),
            Self::ZeroStep => Some("the smallest step is 1, which is the same as none"),
            Self::StepTooLarge => Some("write the first number alone"),
            Self::MissingNumber => {
                Some("write a number, a range such as `1-5`, or a step such as `*/5`")
            }
            Self::InvalidNumber { .. } => match field {
                Field::DayOfMonth | Field::DayOfWeek => Some(
                    "CronJobs have no `L`, `W` and `#`: write lists, ranges and steps of numbers or names",
                ),
                Field::Month => Some("names have three letters, such as `jun`"),
                Field::Minute | Field::Hour => {
                    Some("write `*`, or numbers, ranges and steps such as `0,10-20,*/15`")
                }
            },
        }
    }
}

/// A field of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// 0 to 59.
    Minute,
    /// 0 to 23.
    Hour,
    /// 1 to 31.
    DayOfMonth,
    /// 1 to 12, or `jan` to `dec`.
    Month,
    /// 0 (Sunday) to 6, or `sun` to `sat`.
    DayOfWeek,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::DayOfMonth => "day of month",
            Self::Month => "month",
            Self::DayOfWeek => "day of week",
        })
    }
}

/// The first 60 characters of `text`, with control characters escaped.
pub(super) fn quote(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut quoted = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == MAX_CHARS {
            quoted.push('…');
            break;
        }
        if c.is_control() {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    quoted
}
