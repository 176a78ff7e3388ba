//! The due times of a window, and the run that the CronJob controller starts for them.
//!
//! The controller starts one run for all due times: for the most recent one. It finds that one through an estimate, which
//! can miss it for irregular schedules. So [`DueTimes::latest`] and [`DueTimes::start`] can differ.

use super::{Schedule, Seconds};

/// How many due times the search for the latest one visits in sequence, before it bisects.
const LINEAR_STEPS: u32 = 100;

/// The time range for [`Schedule::due`]: after `since`, up to and including `now`, and not before the starting deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// `status.lastScheduleTime`, or `metadata.creationTimestamp` while that is not set. Seconds since the Unix epoch.
    pub since: Seconds,
    /// `spec.startingDeadlineSeconds`: how many seconds after its due time a run may start. `None` for no limit.
    pub starting_deadline: Option<Seconds>,
    /// The current time without its fraction. Seconds since the Unix epoch.
    pub now: Seconds,
}

impl Window {
    /// The `earliestTime` of the controller. Due times are later than this.
    fn earliest_time(self) -> Seconds {
        let deadline = self
            .starting_deadline
            .map(|deadline| self.now.saturating_sub(deadline));
        deadline.map_or(self.since, |deadline| deadline.max(self.since))
    }
}

/// The due times of a [`Window`]. All times are in seconds since the Unix epoch.
///
/// Without a starting deadline, the values stay valid until `next`. At `next`, one more due time exists, and
/// [`Schedule::next`] returns the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueTimes {
    /// The number of due times, up to the limit of the call.
    pub count: u64,
    /// The earliest due time. `None` if there is none.
    pub earliest: Option<Seconds>,
    /// The latest due time, even if `count` is at its limit. `None` if there is none.
    pub latest: Option<Seconds>,
    /// The due time for which the controller starts a run (`nextScheduleTime`). If it is `None` although due times exist,
    /// the estimate of the controller missed them, and it starts nothing.
    pub start: Option<Seconds>,
    /// The number of due times that the controller estimates. Above 100 it reports the event `TooManyMissedTimes` and
    /// still starts the run.
    pub estimate: u64,
    /// The due time at which the controller syncs the CronJob again (`nextScheduleTimeDuration`). It ignores the starting
    /// deadline.
    pub next: Option<Seconds>,
}

/// The result of [`Schedule::most_recent_schedule_time`].
#[derive(Clone, Copy)]
struct MissedSchedules {
    earliest: Option<Seconds>,
    most_recent: Option<Seconds>,
    estimate: u64,
}

impl Schedule {
    /// The due times of `window`, and the run that the controller starts for them. Counting stops at `max_count`.
    ///
    /// `None` if the search finds no due time, as for `0 0 31 2 *`, or none after the first that is due. The controller then
    /// reports the event `InvalidSchedule` and starts nothing until the object changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use kube_cron::{Schedule, Window, Zone};
    ///
    /// let schedule = Schedule::parse("@hourly", None, &Zone::UTC)?;
    /// let window = Window {
    ///     since: 0,
    ///     starting_deadline: None,
    ///     now: 3 * 3_600 + 60,
    /// };
    /// let due = schedule.due(window, 1_000).expect("due times exist");
    /// assert_eq!(due.count, 3);
    /// assert_eq!(due.earliest, Some(3_600));
    /// assert_eq!(due.start, Some(3 * 3_600));
    /// assert_eq!(due.next, Some(4 * 3_600));
    ///
    /// // A run may start 30 seconds late. None is due in this time.
    /// let window = Window {
    ///     starting_deadline: Some(30),
    ///     ..window
    /// };
    /// let due = schedule.due(window, 1_000).expect("due times exist");
    /// assert_eq!((due.count, due.start), (0, None));
    /// # Ok::<(), kube_cron::Error>(())
    /// ```
    #[must_use]
    pub fn due(&self, window: Window, max_count: u64) -> Option<DueTimes> {
        let Window { since, now, .. } = window;
        let missed = self.most_recent_schedule_time(window.earliest_time(), now)?;
        let counted = (missed.earliest).map(|earliest| self.count_due(earliest, now, max_count));
        Some(DueTimes {
            count: counted.map_or(0, |(count, _)| count),
            earliest: missed.earliest,
            latest: counted.map(|(_, last)| self.latest_due(last, now)),
            start: missed.most_recent,
            estimate: missed.estimate,
            next: self.next_schedule_time(since, now),
        })
    }

    /// The function `mostRecentScheduleTime` of the controller. `None` stands for its error.
    fn most_recent_schedule_time(
        &self,
        earliest_time: Seconds,
        now: Seconds,
    ) -> Option<MissedSchedules> {
        let first = self.next_raw(earliest_time)?;
        if now < first {
            return Some(MissedSchedules {
                earliest: None,
                most_recent: None,
                estimate: 0,
            });
        }
        let second = self.next_raw(first)?;
        if now < second {
            return Some(MissedSchedules {
                earliest: Some(first),
                most_recent: Some(first),
                estimate: 1,
            });
        }
        // The controller assumes that all due times are as far apart as the first two. It goes back one more interval and
        // searches from there. If later intervals are longer, the search can start behind the latest due time.
        let interval = second - first;
        if interval < 1 {
            return None;
        }
        let intervals = now.saturating_sub(first) / interval;
        let found = self.next_raw(first + (intervals - 1) * interval);
        Some(MissedSchedules {
            earliest: Some(first),
            most_recent: found
                .filter(|due| *due <= now)
                .map(|due| self.latest_due(due, now)),
            estimate: intervals.unsigned_abs() + 1,
        })
    }

    /// The function `nextScheduleTimeDuration` of the controller, as a point in time.
    fn next_schedule_time(&self, since: Seconds, now: Seconds) -> Option<Seconds> {
        let from = match self.most_recent_schedule_time(since, now) {
            Some(MissedSchedules {
                most_recent: Some(due),
                ..
            }) => due,
            Some(MissedSchedules { earliest: None, .. }) => since,
            _ => now,
        };
        self.next(from)
    }

    /// The number of due times from `earliest`, which is one, to `now`, at most `max_count`; and the last one counted.
    fn count_due(&self, earliest: Seconds, now: Seconds, max_count: u64) -> (u64, Seconds) {
        if let Some(interval) = self.interval() {
            let more = now.saturating_sub(earliest) / interval;
            let count = (more.unsigned_abs() + 1).min(max_count);
            return (count, earliest + more * interval);
        }
        let (mut count, mut last) = (max_count.min(1), earliest);
        while count < max_count
            && let Some(due) = self.due_after(last, now)
        {
            count += 1;
            last = due;
        }
        (count, last)
    }

    /// The latest due time up to `now`, given any due time.
    ///
    /// The controller visits all due times in sequence, which can be a year of minutes. This function bisects long ranges.
    /// The result is the same, except for a due time that only searches from certain times find, near a clock change.
    fn latest_due(&self, due: Seconds, now: Seconds) -> Seconds {
        let mut latest = due;
        for _ in 0..LINEAR_STEPS {
            match self.due_after(latest, now) {
                Some(next) => latest = next,
                None => return latest,
            }
        }
        let mut none_after = now;
        while latest < none_after {
            let middle = latest + (none_after - latest) / 2;
            match self.due_after(middle, now) {
                Some(next) => latest = next,
                None => none_after = middle,
            }
        }
        latest
    }

    /// The first due time after `after`, if it is not later than `now`.
    fn due_after(&self, after: Seconds, now: Seconds) -> Option<Seconds> {
        self.next(after).filter(|due| *due <= now)
    }
}
