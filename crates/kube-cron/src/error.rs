//! What can be wrong with a schedule, said to the person who wrote it.
//!
//! Schedules come from strangers: what is quoted of them is [cut and escaped](quote), fit for a log line.

use std::fmt;

/// Why a schedule or its zone is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Neither a macro nor five fields.
    #[error("a schedule has 5 fields (minute, hour, day of month, month, day of week), not {0}")]
    FieldCount(usize),
    /// A part of a field, which is a list at commas, cannot be read.
    #[error("{field} `{part}`: {problem}")]
    Part {
        /// The field it stands in.
        field: Field,
        /// The part.
        part: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// Begins with `@` and is no macro.
    #[error(
        "`{0}` is not one of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly and `@every 1h30m`"
    )]
    Macro(String),
    /// What follows `@every` is not a duration as Go reads it.
    #[error(
        "`@every {0}`: not a duration such as `1h30m` or `90s` (units are h, m, s, ms, us and ns)"
    )]
    Every(String),
    /// No time zone has this name, in this case.
    #[error("`{name}` is not a time zone{}", hint(exact.as_deref()))]
    UnknownZone {
        /// The name.
        name: String,
        /// The name that differs from it in case only.
        exact: Option<String>,
    },
    /// `TZ=` in the schedule, and no blank to end it.
    #[error("no schedule follows the time zone in `{0}`")]
    ZoneAlone(String),
    /// `TZ=` in the schedule, and `timeZone` too.
    #[error("the time zone is named twice, in the schedule and in `timeZone`")]
    TwoZones,
}

fn hint(exact: Option<&str>) -> String {
    exact.map_or_else(String::new, |exact| format!(", but `{exact}` is"))
}

/// What can be wrong with a part of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing stands where a number should.
    #[error("a number is missing")]
    Missing,
    /// Something else stands where a number or a name should.
    #[error("`{text}` is not {wanted}")]
    Unreadable {
        /// What stands there.
        text: String,
        /// What could stand there.
        wanted: &'static str,
    },
    /// A number that the field does not have.
    #[error("{value} is not in {range}")]
    OutOfRange {
        /// The number.
        value: u64,
        /// What the field has.
        range: &'static str,
    },
    /// As `22-6`: ranges do not go over the end.
    #[error("the range ends before it begins")]
    Backwards,
    /// As `*/0`.
    #[error("the step is 0")]
    NoStep,
    /// As `*/60`, which is refused only where kube-state-metrics is followed.
    #[error("the step is as large as the range")]
    LongStep,
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
    /// 0 to 6 from Sunday on, or `sun` to `sat`.
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

/// The beginning of `text`, on one line.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut quoted = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == LONGEST {
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
