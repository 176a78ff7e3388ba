//! How a `CronJob` stands with its schedule: the next due time, the missed runs, and why nothing started.
//!
//! The API reports only the last start and the present state. Everything in between is computed from the schedule and from
//! the observed changes: a resume, another schedule, the end of a blocking run. A status is evaluated when its object changes
//! and when [`ScheduleStatus::next_evaluation`] has come, never in between.

use std::sync::Arc;

use kube_cron::{Schedule, Window, Zone};

use crate::model::{ConcurrencyPolicy, CronJob, NotStarted, Seconds};

/// Missed runs are counted up to this number, which bounds the cost of one evaluation.
const MAX_MISSED: u64 = 1_000;

/// How a `CronJob` stands with its schedule, as of its last evaluation.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// The parsed schedule; `None` if it or its time zone is invalid.
    schedule: Option<Arc<Schedule>>,
    /// Whether the controller would ever start a run for the schedule.
    pub valid: bool,
    /// The next due time; `None` while the `CronJob` is suspended.
    pub next: Option<Seconds>,
    /// Number of due times since the last start that should have started a run and did not.
    pub missed: u64,
    /// The first missed due time.
    pub missed_since: Option<Seconds>,
    /// Why the last due time started no run.
    pub not_started: Option<NotStarted>,
    /// When the status changes next, unless the object changes earlier.
    pub(super) next_evaluation: Option<Seconds>,
    observed: ObservedChanges,
    overdue: OverdueCount,
}

/// When the exporter observed changes that the object itself does not report.
#[derive(Clone, Copy, Debug)]
struct ObservedChanges {
    first_seen: Seconds,
    /// The last resume.
    resumed: Option<Seconds>,
    /// The last change of the schedule or its time zone.
    rescheduled: Option<Seconds>,
    /// The last end of a run that blocked others under the policy Forbid.
    unblocked: Option<Seconds>,
}

/// The overdue due times counted so far. The next evaluation continues from here.
#[derive(Clone, Copy, Debug, Default)]
struct OverdueCount {
    /// The last start, from which due times are computed.
    since: Seconds,
    /// Only due times after this are counted.
    after: Seconds,
    count: u64,
    first: Option<Seconds>,
    /// The last counted due time; `after` before the first one.
    last: Seconds,
}

/// The inputs of an evaluation besides the `CronJob`.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationContext<'a> {
    pub(super) now: Seconds,
    /// How late a run may start before it is missed, in seconds.
    pub(super) grace: Seconds,
    /// The time zone of `CronJobs` without `spec.timeZone`.
    pub(super) zone: &'a Zone,
}

/// The due times of one `CronJob` since its last start.
#[derive(Clone, Copy)]
struct DueTimes<'a> {
    schedule: &'a Schedule,
    /// The last start, or the creation before the first one.
    since: Seconds,
    /// Due times up to this one are ignored: the controller does not have to start them.
    ignored_until: Seconds,
    /// `spec.startingDeadlineSeconds`.
    deadline: Option<Seconds>,
    now: Seconds,
}

/// A due run that an active run delayed.
#[derive(Clone, Copy)]
struct DelayedRun {
    due: Seconds,
    /// When the blocking run ended: from then on the controller can start this run.
    startable_since: Seconds,
}

// === impl ScheduleStatus ===

impl ScheduleStatus {
    /// The status of a `CronJob` that is seen for the first time.
    pub(super) fn new(cronjob: &CronJob, context: EvaluationContext<'_>) -> Self {
        let observed = ObservedChanges {
            first_seen: context.now,
            resumed: None,
            rescheduled: None,
            unblocked: None,
        };
        let mut status = Self {
            schedule: parse_schedule(cronjob, context.zone),
            valid: false,
            next: None,
            missed: 0,
            missed_since: None,
            not_started: None,
            next_evaluation: None,
            observed,
            overdue: OverdueCount::default(),
        };
        status.evaluate(cronjob, context);
        status
    }

    /// The status of the same `CronJob` after it changed from `old` to `new`.
    pub(super) fn after_change(
        mut self,
        old: &CronJob,
        new: &CronJob,
        context: EvaluationContext<'_>,
    ) -> Self {
        let now = Some(context.now);
        if old.suspended && !new.suspended {
            self.observed.resumed = now;
        }
        if old.schedule != new.schedule || old.time_zone != new.time_zone {
            self.schedule = parse_schedule(new, context.zone);
            self.observed.rescheduled = now;
            self.overdue = OverdueCount::default();
        }
        if is_blocked(old) && !is_blocked(new) {
            self.observed.unblocked = now;
        }
        self.evaluate(new, context);
        self
    }

    /// Computes the status as of `context.now`.
    pub(super) fn evaluate(&mut self, cronjob: &CronJob, context: EvaluationContext<'_>) {
        (self.valid, self.next, self.next_evaluation) = (false, None, None);
        (self.missed, self.missed_since, self.not_started) = (0, None, None);
        let Some(schedule) = self.schedule.clone() else {
            return;
        };
        let due_times = self.due_times(cronjob, &schedule, context.now);
        if due_times.is_empty() {
            return;
        }
        self.valid = true;
        let next = due_times.after(context.now);
        self.next_evaluation = next;
        if cronjob.suspended {
            let due = due_times.due_after(due_times.since);
            self.not_started = due.map(|_| NotStarted::Suspended);
            return;
        }
        self.next = next;
        match due_times.due_after(due_times.ignored_until) {
            None => self.not_started = self.reason_for_ignored(due_times),
            Some(_) if is_blocked(cronjob) => {
                self.not_started = Some(NotStarted::ForbiddenByActiveRun);
            }
            Some(first_due) => self.evaluate_due_runs(due_times, first_due, context.grace),
        }
    }

    fn due_times<'a>(
        &self,
        cronjob: &CronJob,
        schedule: &'a Schedule,
        now: Seconds,
    ) -> DueTimes<'a> {
        let last_start = cronjob.last_schedule.or(cronjob.created);
        let deadline = cronjob.starting_deadline.filter(|deadline| *deadline >= 0);
        DueTimes {
            schedule,
            since: last_start.unwrap_or(self.observed.first_seen),
            ignored_until: self.observed.ignored_until(deadline),
            deadline,
            now,
        }
    }

    /// Why nothing started when all due times are ignored: they may have passed during a suspension.
    fn reason_for_ignored(&self, due_times: DueTimes<'_>) -> Option<NotStarted> {
        let resumed = self.observed.resumed;
        let suspended = resumed.is_some_and(|resumed| resumed > due_times.since)
            && due_times.due_after(due_times.since).is_some();
        suspended.then_some(NotStarted::Suspended)
    }

    /// Evaluates due times that the controller can start a run for, of which `first_due` is the first.
    fn evaluate_due_runs(&mut self, due_times: DueTimes<'_>, first_due: Seconds, grace: Seconds) {
        let next_overdue = self.count_overdue(due_times, grace);
        (self.missed, self.missed_since) = (self.overdue.count, self.overdue.first);
        let delayed = self.delayed_run(due_times, first_due);
        if let Some(delayed) = delayed
            && delayed.startable_since + grace < due_times.now
        {
            self.missed += 1;
            self.missed_since = Some(delayed.due);
        }
        self.not_started = due_times.reason_for_missed(self.missed);
        let changes = [
            self.next_evaluation,
            next_overdue.map(|due| due + grace + 1),
            next_overdue.and_then(|due| due_times.deadline_passed_at(due)),
            due_times.deadline_passed_at(self.overdue.last),
            delayed.map(|delayed| delayed.startable_since + grace + 1),
        ];
        let future = changes.into_iter().flatten();
        self.next_evaluation = future.filter(|at| *at > due_times.now).min();
    }

    /// Counts the due times whose grace is over, except those that an active run delayed. Returns the first due time that is
    /// not counted.
    fn count_overdue(&mut self, due_times: DueTimes<'_>, grace: Seconds) -> Option<Seconds> {
        let start = due_times.start();
        let unblocked = self.observed.unblocked;
        let after = unblocked.map_or(start, |unblocked| unblocked.max(start));
        let until = due_times.now - grace;
        self.overdue
            .count(due_times.schedule, due_times.since, after, until)
    }

    /// The run that the controller starts once the active run that delayed it has ended.
    fn delayed_run(&self, due_times: DueTimes<'_>, first_due: Seconds) -> Option<DelayedRun> {
        let startable_since = self.observed.unblocked?;
        if startable_since <= first_due {
            return None;
        }
        let window = Window {
            since: due_times.start(),
            starting_deadline: due_times.deadline,
            now: startable_since,
        };
        Some(DelayedRun {
            due: due_times.schedule.due(window, 0)?.start?,
            startable_since,
        })
    }
}

// === impl DueTimes ===

impl DueTimes<'_> {
    /// Whether the schedule has no due times at all, such as `0 0 30 2 *`.
    fn is_empty(&self) -> bool {
        self.schedule.next(self.since).is_none()
    }

    fn after(&self, time: Seconds) -> Option<Seconds> {
        self.schedule
            .next_anchored(self.since, time.max(self.since))
    }

    /// The first due time after `time`, if it has come.
    fn due_after(&self, time: Seconds) -> Option<Seconds> {
        self.after(time).filter(|due| *due <= self.now)
    }

    /// The controller has to start only runs that are due after this.
    fn start(&self) -> Seconds {
        self.since.max(self.ignored_until)
    }

    /// From when on a run that was due at `due` is too late by `startingDeadlineSeconds`.
    fn deadline_passed_at(&self, due: Seconds) -> Option<Seconds> {
        let deadline = self.deadline?;
        Some(due.saturating_add(deadline).saturating_add(1))
    }

    /// Why the last due time started no run, with this number of missed ones.
    fn reason_for_missed(&self, missed: u64) -> Option<NotStarted> {
        let startable = self.deadline.is_none_or(|deadline| {
            self.due_after(self.now.saturating_sub(deadline).saturating_sub(1))
                .is_some()
        });
        match (startable, missed) {
            (false, _) => Some(NotStarted::DeadlinePassed),
            (true, 0) => None,
            (true, _) => Some(NotStarted::Unexplained),
        }
    }
}

// === impl ObservedChanges ===

impl ObservedChanges {
    /// Due times up to this one are ignored: they precede a resume or a change of the schedule, or may do so.
    fn ignored_until(&self, deadline: Option<Seconds>) -> Seconds {
        // The CronJob may have been suspended before the exporter first saw it. Without a deadline, the controller starts the
        // latest due run at the resume, which then shows as the last start.
        let unobserved = deadline.map(|deadline| self.first_seen.saturating_sub(deadline));
        [self.resumed, self.rescheduled, unobserved]
            .into_iter()
            .flatten()
            .max()
            .unwrap_or(Seconds::MIN)
    }
}

// === impl OverdueCount ===

impl OverdueCount {
    /// Counts due times later than `after` and earlier than `until`. Continues the previous count if `since` and `after` are
    /// the same. Returns the first due time that is not counted.
    fn count(
        &mut self,
        schedule: &Schedule,
        since: Seconds,
        after: Seconds,
        until: Seconds,
    ) -> Option<Seconds> {
        if (self.since, self.after) != (since, after) {
            *self = Self {
                since,
                after,
                count: 0,
                first: None,
                last: after,
            };
        }
        loop {
            let due = schedule.next_anchored(since, self.last)?;
            if due >= until || self.count >= MAX_MISSED {
                return Some(due);
            }
            self.count += 1;
            self.first = self.first.or(Some(due));
            self.last = due;
        }
    }
}

/// Whether an active run keeps the next one from starting.
fn is_blocked(cronjob: &CronJob) -> bool {
    cronjob.concurrency_policy == Some(ConcurrencyPolicy::Forbid) && cronjob.active_jobs > 0
}

fn parse_schedule(cronjob: &CronJob, zone: &Zone) -> Option<Arc<Schedule>> {
    let zone_name = cronjob.time_zone.as_deref();
    Schedule::parse(&cronjob.schedule, zone_name, zone)
        .ok()
        .map(Arc::new)
}
