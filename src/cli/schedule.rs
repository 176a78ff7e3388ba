//! The flags of the command `schedule`.
//!
//! The module only parses. `app` evaluates the schedule, because the meaning of a date depends on the time zone.

use std::str::FromStr;

use clap::Args;
use jiff::{Timestamp, civil::Date};

use super::OutputFormat;

/// The most due times that one call prints.
const MAX_COUNT: i64 = 1_000;

/// Flags of the command `schedule`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ScheduleFlags {
    /// The schedule as in `spec.schedule`, in quotes: "15 2 * * *", "@hourly", "@every 90m".
    pub schedule: String,
    /// Time zone as in `spec.timeZone`, such as Europe/Berlin [default: UTC].
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// List due times from this time on: RFC 3339, or a date for its start in the time zone [default: now].
    #[arg(long, value_name = "TIME")]
    pub from: Option<StartTime>,
    /// Number of due times, up to 1000.
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        value_parser = clap::value_parser!(u16).range(1..=MAX_COUNT)
    )]
    pub count: u16,
    /// Format of the output.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub output: OutputFormat,
}

/// The start of a list of due times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTime {
    /// A point in time.
    Time(Timestamp),
    /// The start of a day in the time zone of the schedule.
    Date(Date),
}

/// The text is neither a time nor a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a date such as 2026-03-28 nor a time such as 2026-03-28T12:00:00+01:00")]
pub struct InvalidStartTime;

impl FromStr for StartTime {
    type Err = InvalidStartTime;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // jiff takes the date of any longer text, too.
        if text.len() == "2026-03-28".len()
            && let Ok(date) = text.parse()
        {
            return Ok(Self::Date(date));
        }
        let time = text.parse().map_err(|_| InvalidStartTime)?;
        Ok(Self::Time(time))
    }
}
