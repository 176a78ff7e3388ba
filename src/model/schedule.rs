//! What was observed of the schedule of a `CronJob`.

use serde::{Deserialize, Serialize};

use super::{CronJob, Name, Seconds};

/// What the exporter observed of the schedule of a `CronJob`. The API does not report it, so it outlives restarts with the
/// history.
///
/// The serialized form is part of the file format of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleState {
    /// `spec.schedule` at the last observation.
    pub schedule: Option<Name>,
    /// `spec.timeZone` at the last observation.
    pub time_zone: Option<Name>,
    /// When the suspension was first observed; `None` while the `CronJob` is not suspended.
    pub suspended_since: Option<Seconds>,
    /// The last resume.
    pub resumed: Option<Seconds>,
    /// The last change of the schedule or its time zone.
    pub rescheduled: Option<Seconds>,
    /// Whether an active run held up others under the policy Forbid at the last observation.
    pub blocked: bool,
    /// The last end of a run that held up others under the policy Forbid.
    pub unblocked: Option<Seconds>,
    /// The overdue runs since the last start.
    pub overdue: OverdueRuns,
    /// Due times that became overdue.
    pub missed: u64,
    /// The latest due time that `missed` counts.
    pub missed_until: Option<Seconds>,
    /// When the last due times that `missed` counts were counted, up to [`Self::MAX_MISSED_AT`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed_at: Vec<Seconds>,
    /// Due times up to this one were overdue before the `CronJob` was first seen; `None` before the first evaluation.
    pub overdue_before: Option<Seconds>,
}

/// The overdue due times that were counted so far. The next evaluation continues from here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverdueRuns {
    /// The last start, from which due times are computed.
    pub since: Seconds,
    /// Only due times after this are counted.
    pub after: Seconds,
    /// Number of overdue due times.
    pub count: u64,
    /// The first of them.
    pub first: Option<Seconds>,
    /// The last due time that was evaluated.
    pub last: Seconds,
}

impl ScheduleState {
    /// How many times are kept of when due times were missed.
    pub const MAX_MISSED_AT: usize = 3;

    /// Takes note of what changed at the time `now`, as far as it was seen.
    pub fn observe(&mut self, cronjob: &CronJob, blocked: bool, now: Seconds) {
        // A step of the clock may have left times in the future.
        for time in [
            &mut self.suspended_since,
            &mut self.resumed,
            &mut self.rescheduled,
            &mut self.unblocked,
        ] {
            *time = time.map(|time| time.min(now));
        }
        match (cronjob.suspended, self.suspended_since) {
            (true, None) => self.suspended_since = Some(now),
            (false, Some(_)) => {
                self.suspended_since = None;
                self.resumed = Some(now);
            }
            _ => {}
        }
        let is_new = self.schedule.is_none();
        let schedule = cronjob.evaluated_schedule().unwrap_or(&cronjob.schedule);
        if self.schedule.as_ref() != Some(schedule) || self.time_zone != cronjob.time_zone {
            self.schedule = Some(schedule.clone());
            self.time_zone.clone_from(&cronjob.time_zone);
            self.rescheduled = (!is_new).then_some(now);
        }
        if self.blocked && !blocked {
            self.unblocked = Some(now);
        }
        self.blocked = blocked;
    }

    /// Takes note of the end of the last run under the policy Forbid. It held up others until then, even if nobody saw it run.
    pub fn observe_end(&mut self, ended: Option<Seconds>, now: Seconds) {
        self.unblocked = self.unblocked.max(ended.map(|ended| ended.min(now)));
    }

    /// Continues from what an earlier process observed, as of `now`.
    pub fn continue_from(&mut self, earlier: &Self, now: Seconds) {
        self.missed += earlier.missed;
        self.missed_until = self.missed_until.max(earlier.missed_until);
        let later = std::mem::replace(&mut self.missed_at, earlier.missed_at.clone());
        for at in later {
            self.add_missed_at(at);
        }
        self.overdue_before = earlier.overdue_before.or(self.overdue_before);
        self.resumed = self.resumed.max(earlier.resumed);
        match (earlier.suspended_since, &mut self.suspended_since) {
            (Some(earlier), Some(since)) => *since = earlier.min(*since),
            // It was resumed while nobody looked.
            (Some(_), None) => self.resumed = self.resumed.max(Some(now)),
            (None, _) => {}
        }
        self.rescheduled = self.rescheduled.max(earlier.rescheduled);
        if (&earlier.schedule, &earlier.time_zone) != (&self.schedule, &self.time_zone) {
            self.rescheduled = Some(now);
        }
        self.unblocked = self.unblocked.max(earlier.unblocked);
    }

    /// Counts a due time that was found to be overdue at the time `at`, unless it was counted before, or overdue before the
    /// `CronJob` was first seen. Returns whether it counts.
    pub fn count_missed(&mut self, due: Seconds, at: Seconds) -> bool {
        self.overdue_before < Some(due) && self.count_delayed(due, at)
    }

    /// Counts a due time that was found to be overdue at the time `at`, after an active run had held it up, unless it was
    /// counted before. Returns whether it counts.
    pub fn count_delayed(&mut self, due: Seconds, at: Seconds) -> bool {
        let is_new = self.missed_until < Some(due);
        if is_new {
            self.missed += 1;
            self.missed_until = Some(due);
            self.add_missed_at(at);
        }
        is_new
    }

    fn add_missed_at(&mut self, at: Seconds) {
        if self.missed_at.len() == Self::MAX_MISSED_AT {
            self.missed_at.remove(0);
        }
        self.missed_at.push(at);
    }
}
