//! Times, states and findings in words for people: the only module of the stage with text.
//!
//! The phrases are plain text without markup. Names of objects occur in them as the API has them: who writes HTML or to a
//! terminal escapes the whole phrase.

use jiff::{Timestamp, fmt::strtime, tz::Offset};
use kube_cron::Zone;

use crate::model::Seconds;

mod findings;
mod names;
mod targets;

pub use findings::{brief, finding, health};
pub use names::{
    cause, column, not_started, outcome, reason, run_state, source, state, threshold, waiting,
};
pub use targets::{feed, mode, scope, shard};

const MINUTE: Seconds = 60;
const HOUR: Seconds = 60 * MINUTE;
const DAY: Seconds = 24 * HOUR;

/// A duration in two units, such as `41 s`, `4 m 02 s`, `2 h 41 m` and `9 d 3 h`. A negative one is `0 s`.
#[must_use]
pub fn duration(seconds: Seconds) -> String {
    let seconds = seconds.max(0);
    let (unit, name, next, next_name) = match seconds {
        DAY.. => (DAY, "d", HOUR, "h"),
        HOUR.. => (HOUR, "h", MINUTE, "m"),
        MINUTE.. => (MINUTE, "m", 1, "s"),
        _ => return format!("{seconds} s"),
    };
    let (count, rest) = (seconds / unit, seconds % unit / next);
    match rest {
        0 => format!("{count} {name}"),
        rest if unit == DAY => format!("{count} {name} {rest} {next_name}"),
        rest => format!("{count} {name} {rest:02} {next_name}"),
    }
}

/// How far a time is from now, such as `12 min ago`, `now` and `in 2 min`.
#[must_use]
pub fn relative(at: Seconds, now: Seconds) -> String {
    let distance = at.saturating_sub(now);
    match distance {
        0 => "now".to_owned(),
        1.. => format!("in {}", rough(distance)),
        _ => format!("{} ago", rough(distance.saturating_neg())),
    }
}

/// A duration in one unit, such as `41 s`, `12 min`, `20 h` and `4 days`. Fractions are dropped.
#[must_use]
pub fn rough(seconds: Seconds) -> String {
    match seconds.max(0) {
        seconds @ 0..MINUTE => format!("{seconds} s"),
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds if seconds < 2 * DAY => "1 day".to_owned(),
        seconds => format!("{} days", seconds / DAY),
    }
}

/// The exact time, such as `2026-11-28 22:43:07 UTC`. A time that no calendar has is a number of seconds.
#[must_use]
pub fn time(at: Seconds) -> String {
    format("%Y-%m-%d %H:%M:%S UTC", at, 0)
}

/// The day of a time in UTC, such as `28 Nov 2026`.
#[must_use]
pub fn day(at: Seconds) -> String {
    format("%-d %b %Y", at, 0)
}

/// When something is due, in its zone: `22:15 Europe/Berlin` today, `tomorrow 22:15 Europe/Berlin`, else with the date:
/// `Fri 4 Dec 22:15 Europe/Berlin`, in another year with that. Seconds are shown if there are any.
#[must_use]
pub fn due(at: Seconds, now: Seconds, zone: &Zone) -> String {
    let (offset, today) = (zone.offset(at), local_day(now, zone.offset(now)));
    let day = local_day(at, offset);
    let year = |at, offset| format("%Y", at, offset);
    let clock = if at.rem_euclid(MINUTE) == 0 {
        "%H:%M"
    } else {
        "%H:%M:%S"
    };
    let date = match day.saturating_sub(today) {
        0 => "",
        1 => "tomorrow ",
        -1 => "yesterday ",
        _ if year(at, offset) == year(now, zone.offset(now)) => "%a %-d %b ",
        _ => "%-d %b %Y ",
    };
    let pattern = format!("{date}{clock}");
    format!("{} {}", self::format(&pattern, at, offset), zone.name())
}

/// The number of the day in local time.
fn local_day(at: Seconds, offset: Seconds) -> Seconds {
    at.saturating_add(offset).div_euclid(DAY)
}

/// A time that is `offset` seconds ahead of UTC, in the format of `strftime`.
fn format(pattern: &str, at: Seconds, offset: Seconds) -> String {
    let offset = i32::try_from(offset).ok();
    let offset = offset.and_then(|offset| Offset::from_seconds(offset).ok());
    let time = Timestamp::from_second(at).ok().zip(offset);
    let text = time.and_then(|(at, offset)| strtime::format(pattern, offset.to_datetime(at)).ok());
    text.unwrap_or_else(|| format!("{at} s"))
}

/// A number with its noun: `1 run`, `4 runs`.
fn counted(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests;
