//! The command `schedule`: a schedule in words, and its next due times.
//!
//! `cli` parses the flags and `kube_cron` evaluates the schedule. This module reads no configuration and no API. `table` is
//! the output for terminals.

use std::borrow::Cow;

use jiff::{Timestamp, ZonedDateTime, civil::Time, tz::TimeZone};
use kube_cron::{Schedule, Seconds, Zone};
use serde::Serialize;

use crate::cli::{OutputFormat, ScheduleFlags, StartTime};

mod table;

/// RFC 3339 with the offset from UTC.
const LOCAL_FORMAT: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// Why there is nothing to print.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The schedule is invalid.
    #[error("invalid schedule")]
    Invalid(#[source] kube_cron::Error),
    /// The time zone does not exist.
    #[error("{error}")]
    Zone {
        /// What is wrong.
        error: kube_cron::Error,
        /// The name that may be meant.
        similar: Option<String>,
    },
    /// The start is no time in this zone, or too far away.
    #[error("invalid value of --from")]
    Start(#[source] jiff::Error),
}

impl ScheduleError {
    /// What to write instead.
    pub(super) fn hint(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Zone {
                similar: Some(name),
                ..
            } => Some(format!("did you mean `{name}`?").into()),
            Self::Invalid(error) | Self::Zone { error, .. } => error.hint().map(Cow::Borrowed),
            Self::Start(_) => None,
        }
    }
}

/// What is known of a schedule. The serialized form is the output of `--output json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Listing {
    /// As written.
    schedule: String,
    /// In words.
    description: String,
    /// The IANA name of the time zone.
    time_zone: String,
    /// The time from which due times are listed, in RFC 3339.
    from: String,
    /// The due times, in ascending order.
    due: Vec<Due>,
    /// Whether no date and time matches, such as 30 February.
    never_due: bool,
    /// Sentences about the schedule, each without a full stop.
    notes: Vec<String>,
}

/// A due time.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Due {
    /// Local time in RFC 3339.
    local: String,
    /// UTC in RFC 3339.
    utc: String,
    /// `Mon` to `Sun`, in local time.
    weekday: String,
    /// How far clocks went forward since the due time before, in seconds. Negative if they went back.
    clock_change_seconds: i32,
}

/// What the command prints. `now` is the start without `--from`.
pub(super) fn output(flags: &ScheduleFlags, now: Timestamp) -> Result<String, ScheduleError> {
    let listing = Listing::new(flags, now)?;
    Ok(match flags.output {
        OutputFormat::Table => table::render(&listing),
        // Text and numbers always have a form in JSON.
        OutputFormat::Json => serde_json::to_string_pretty(&listing).unwrap_or_default() + "\n",
    })
}

impl Listing {
    fn new(flags: &ScheduleFlags, now: Timestamp) -> Result<Self, ScheduleError> {
        let text = &flags.schedule;
        let schedule =
            Schedule::parse(text, flags.time_zone.as_deref(), &Zone::UTC).map_err(|error| {
                explain(error, || {
                    let named_in_text = zone_in_text(text).map(|(_, zone)| zone);
                    flags.time_zone.as_deref().or(named_in_text)
                })
            })?;
        let time_zone = schedule.zone().time_zone();
        let start = match flags.from {
            None => now,
            Some(StartTime::Time(time)) => time,
            // If clocks skip midnight, the day starts after the gap.
            Some(StartTime::Date(date)) => time_zone
                .to_timestamp(date.to_datetime(Time::midnight()))
                .map_err(ScheduleError::Start)?,
        };
        let due = due_times(&schedule, start, usize::from(flags.count));
        let is_complete = due.len() == usize::from(flags.count);
        let mut notes = notes(flags, &schedule);
        if !is_complete && !schedule.is_never_due() {
            notes.push(
                "the CronJob controller searches five years, and finds no further due time".into(),
            );
        }
        Ok(Self {
            schedule: text.clone(),
            description: schedule.describe(),
            time_zone: schedule.zone().name().to_owned(),
            from: local(start, time_zone).strftime(LOCAL_FORMAT).to_string(),
            due,
            never_due: schedule.is_never_due(),
            notes,
        })
    }
}

/// Separates errors of the time zone from those of the schedule. `name` is the name of the zone.
fn explain<'a>(error: kube_cron::Error, name: impl FnOnce() -> Option<&'a str>) -> ScheduleError {
    match &error {
        kube_cron::Error::UnknownZone { suggestion, .. } => {
            // The message has the suggestion.
            let similar = suggestion.is_none().then(name).flatten();
            let similar = similar.and_then(Zone::similar_name);
            ScheduleError::Zone { error, similar }
        }
        _ => ScheduleError::Invalid(error),
    }
}

/// The first `count` due times at or after `start`.
fn due_times(schedule: &Schedule, start: Timestamp, count: usize) -> Vec<Due> {
    let time_zone = schedule.zone().time_zone();
    let (anchor, before) = (floor(start, 0), floor(start, 1));
    // `@every` counts from the start, which is no due time itself.
    let after = if schedule.interval().is_some() {
        anchor
    } else {
        before
    };
    let times = schedule.upcoming(anchor, after).take(count);
    let times = times.map_while(|due| Timestamp::from_second(due).ok());
    let mut offset = time_zone.to_offset(start);
    times
        .map(|time| {
            let local = local(time, time_zone);
            let change = local.offset().seconds() - offset.seconds();
            offset = local.offset();
            Due {
                local: local.strftime(LOCAL_FORMAT).to_string(),
                utc: time.to_string(),
                weekday: local.strftime("%a").to_string(),
                clock_change_seconds: change,
            }
        })
        .collect()
}

/// The whole seconds of a time that is `nanoseconds` earlier.
fn floor(time: Timestamp, nanoseconds: i128) -> Seconds {
    let seconds = (time.as_nanosecond() - nanoseconds).div_euclid(1_000_000_000);
    // All times of jiff fit.
    Seconds::try_from(seconds).unwrap_or(Seconds::MAX)
}

fn local(time: Timestamp, time_zone: &TimeZone) -> ZonedDateTime {
    time.to_zoned_datetime(time_zone.clone())
}

/// What the author of the schedule should know.
fn notes(flags: &ScheduleFlags, schedule: &Schedule) -> Vec<String> {
    let mut notes = Vec::new();
    if schedule.is_never_due() {
        notes.push("it is never due: no date and time matches, and no run will start".to_owned());
    }
    let in_text = zone_in_text(&flags.schedule);
    if let Some((prefix, _)) = in_text {
        notes.push(format!(
            "the API server rejects `{prefix}` in the schedule of a new CronJob: set `timeZone` instead"
        ));
    }
    if flags.time_zone.is_none() && in_text.is_none_or(|(_, zone)| zone == "Local") {
        notes.push(
            "UTC is assumed: a CronJob without `timeZone` has the time zone of kube-controller-manager"
                .to_owned(),
        );
    }
    if schedule.interval().is_some() {
        notes.push(
            "the list counts from its start: the CronJob controller counts from the last start, or from the creation"
                .to_owned(),
        );
    }
    notes
}

/// `TZ=` or `CRON_TZ=` at the start of a schedule, and the name that follows.
fn zone_in_text(text: &str) -> Option<(&'static str, &str)> {
    ["TZ=", "CRON_TZ="].into_iter().find_map(|prefix| {
        let (zone, _) = text.strip_prefix(prefix)?.split_once(' ')?;
        Some((prefix, zone))
    })
}

#[cfg(test)]
mod tests;
