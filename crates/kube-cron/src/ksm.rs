//! Schedules as kube-state-metrics 2.20 evaluates them.
//!
//! It uses netresearch/go-cron v0.15, a fork of robfig/cron. For some schedules that the API server accepts, the two
//! libraries differ.

use super::{Error, Schedule, Seconds, Zone};

/// The library whose rules apply to a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// robfig/cron v3, which the CronJob controller uses.
    Controller,
    /// netresearch/go-cron, which kube-state-metrics uses. It
    /// - requires both day fields to match, where the controller requires either;
    /// - moves a due time in an hour that a clock change skips to the next hour, from 2:30 to 3:30;
    /// - rejects a step as large as its range (`*/60`), and `@every` with less than a second;
    /// - extends a step that starts at a weekday (`1/2`) to Sunday as 7;
    /// - rejects an empty time zone (`TZ= 0 9 * * *`).
    KubeStateMetrics,
}

/// A schedule as kube-state-metrics 2.20 evaluates it.
///
/// Use it only to reproduce the values of `kube_cronjob_next_schedule_time` and `kube_cronjob_schedule_invalid`. No run
/// starts at these times: the controller evaluates the same text as [`Schedule`] does.
///
/// # Examples
///
/// The controller runs on each 13th and on each Friday. kube-state-metrics expects only a Friday the 13th.
///
/// ```
/// use kube_cron::{KsmSchedule, Schedule, Zone};
///
/// let text = "0 0 13 * 5";
/// let now = 1_777_593_600; // Friday, 2026-05-01T00:00:00Z
///
/// let controller = Schedule::parse(text, None, &Zone::UTC)?;
/// assert_eq!(controller.next(now), Some(1_778_198_400)); // Friday, 2026-05-08
/// let ksm = KsmSchedule::parse(text, None)?;
/// assert_eq!(ksm.next(now), Some(1_794_528_000)); // Friday, 2026-11-13
/// # Ok::<(), kube_cron::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct KsmSchedule(Schedule);

impl KsmSchedule {
    /// Parses `spec.schedule` and `spec.timeZone` of a CronJob.
    ///
    /// If neither names a time zone, the schedule uses UTC: the local time zone in the image of kube-state-metrics.
    ///
    /// # Errors
    ///
    /// Returns an [`Error`] if kube-state-metrics rejects the schedule or the time zone. This includes schedules that
    /// [`Schedule::parse`] accepts.
    pub fn parse(schedule: &str, time_zone: Option<&str>) -> Result<Self, Error> {
        Schedule::parse_as(Dialect::KubeStateMetrics, schedule, time_zone, &Zone::UTC).map(Self)
    }

    /// The next due time after `after`, exactly as the library returns it. Where clocks go back in the middle of an hour,
    /// it can lie before `after`.
    ///
    /// `None` if no due time lies in the year of `after` or in the five years that follow it.
    #[must_use]
    pub fn next(&self, after: Seconds) -> Option<Seconds> {
        self.0.next_raw(after)
    }
}
