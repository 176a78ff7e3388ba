//! Due times of Kubernetes CronJobs, computed exactly as the CronJob controller computes them.
//!
//! The controller reads schedules with [robfig/cron] v3. Around clock changes, for the two day fields and for `@every`,
//! that library has rules of its own. This crate implements its parser and its search step by step, and the functions
//! with which the controller of Kubernetes 1.36 decides which run to start. Test vectors that the original Go code
//! computed are in `tests/fixtures`.
//!
//! A **due time** is a time for which a schedule asks for a run. All times are whole [`Seconds`] since the Unix epoch.
//! The crate does no I/O: it reads no clock and no file, and the binary includes the time zone data.
//!
//! # Map
//!
//! | item | use |
//! |---|---|
//! | [`Schedule::parse`] | parse `spec.schedule` and `spec.timeZone` |
//! | [`Schedule::next`] | the first due time after a given time |
//! | [`Schedule::next_anchored`] | the same, with `@every` counted from an anchor |
//! | [`Schedule::upcoming`] | the due times after a given time, one after the other |
//! | [`Schedule::describe`] | the schedule in words, such as `daily at 02:15` |
//! | [`Schedule::due`] | the due times of a [`Window`], and the run that the controller starts for them |
//! | [`Zone`] | a time zone of the IANA database |
//! | [`KsmSchedule`] | the same schedules as kube-state-metrics evaluates them |
//! | [`Error`], [`PartError`], [`Field`] | the reason why a schedule is invalid |
//!
//! The modules are private: `parse` reads the fields, macros and `@every`; `every` reads durations; `search` finds the
//! next match of five fields; `due` has the functions of the controller; `days` combines the fields of days; `words` puts
//! schedules into words; `zone` looks up time zones; `ksm` has the differences of kube-state-metrics.
//!
//! # Examples
//!
//! ```
//! use kube_cron::{Schedule, Window, Zone};
//!
//! // spec.schedule, spec.timeZone, and the time zone of kube-controller-manager.
//! let schedule = Schedule::parse("*/5 * * * *", Some("Europe/Berlin"), &Zone::UTC)?;
//!
//! let last_schedule_time = 1_774_774_800; // 2026-03-29T09:00:00Z
//! let due = schedule.due(
//!     Window {
//!         since: last_schedule_time,
//!         starting_deadline: None,
//!         now: last_schedule_time + 11 * 60,
//!     },
//!     100,
//! );
//! let due = due.expect("the schedule has due times");
//! assert_eq!(due.count, 2); // 09:05 and 09:10 UTC
//! assert_eq!(due.start, Some(last_schedule_time + 10 * 60));
//! # Ok::<(), kube_cron::Error>(())
//! ```
//!
//! [robfig/cron]: https://github.com/robfig/cron

mod days;
mod due;
mod error;
mod every;
mod ksm;
mod parse;
mod schedule;
mod search;
mod words;
mod zone;

#[cfg(test)]
mod tests;

pub use due::{DueTimes, Window};
pub use error::{Error, Field, PartError};
pub use ksm::KsmSchedule;
pub use schedule::Schedule;
pub use zone::Zone;

/// A point in time, in whole seconds since the Unix epoch, or a duration in whole seconds.
///
/// Due times are whole seconds. Callers drop the fraction of other times; this does not change any result.
pub type Seconds = i64;

const MINUTE: Seconds = 60;
const HOUR: Seconds = 60 * MINUTE;
const DAY: Seconds = 24 * HOUR;

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
