//! How a `CronJob` stands with its schedule: the next due time, the overdue runs, and why nothing started.
//!
//! The API reports only the last start and the present state. Everything in between is computed from the schedule and from
//! the observed changes in [`ScheduleState`]: a resume, another schedule, the end of a blocking run.
//!
//! Two clocks matter. The next due time follows the wall clock. Everything else is judged as of the time until which all
//! changes were received, because a start that was not reported yet is not missing.

use std::sync::Arc;

use kube_cron::{Schedule, Window, Zone};

use crate::model::{CronJob, FeedId, NotStarted, OverdueRuns, ScheduleState, Seconds};

/// One evaluation counts up to this many overdue runs, which bounds its cost.
const MAX_OVERDUE: u64 = 1_000;

/// How a `CronJob` stands with its schedule, as of its last evaluation.
#[derive(Clone, Debug)]
pub struct ScheduleStatus {
    /// The parsed schedule; `None` if it or its time zone is invalid.
    schedule: Option<Arc<Schedule>>,
    /// Whether the controller would ever start a run for the schedule; `None` if it is too long to be evaluated.
    pub valid: Option<bool>,
    /// The next due time; `None` while the `CronJob` is suspended.
    pub next: Option<Seconds>,
    /// Number of due times since the last start that are past their grace; `None` if that cannot be judged yet.
    pub overdue_runs: Option<u64>,
    /// The first overdue due time.
    pub overdue_since: Option<Seconds>,
    /// The first due time that an active run holds up under the policy Forbid.
    pub blocked_since: Option<Seconds>,
    /// Why the last due time started no run.
    pub not_started: Option<NotStarted>,
    /// From when on schedules such as `@every 1h` repeat: the last start.
    anchor: Seconds,
    /// The time as of which the status was first judged.
    first_judged: Option<Seconds>,
    /// The status changes when it is judged as of this time, unless the object changes earlier.
    pub(super) next_evaluation: Option<Seconds>,
    /// The time as of which it was judged last.
    pub(super) judged_until: Option<Seconds>,
    /// The feed whose queue has its next evaluation.
    pub(super) queued_for: Option<FeedId>,
}

/// The inputs of an evaluation besides the `CronJob`.
#[derive(Clone, Copy, Debug)]
pub(super) struct EvaluationContext {
    /// The wall clock.
    pub(super) now: Seconds,
    /// Until when all changes were received; `None` if not everything was read yet.
    pub(super) judged_until: Option<Seconds>,
    /// How late a run may start before it is overdue, in seconds.
    pub(super) grace: Seconds,
    /// The latest due time for which a Job was seen.
    pub(super) last_started: Option<Seconds>,
}

/// The due times of one `CronJob` since its last start.
#[derive(Clone, Copy)]
struct DueTimes<'a> {
    schedule: &'a Schedule,
    /// The last start, or the creation before the first one.
    since: Seconds,
    /// The controller has to start only runs that are due after this: the last start, a resume, or a change of the schedule.
    start: Seconds,
    /// Due times up to this one are ignored, because the `CronJob` may have been suspended then. Without a deadline, the
    /// controller starts the latest due run at the resume, which then shows as the last start.
    unobserved: Seconds,
    /// `spec.startingDeadlineSeconds`.
    deadline: Option<Seconds>,
    /// Until when due times are judged.
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
    /// The status of a `CronJob` before its first evaluation.
    pub(super) fn new(cronjob: &CronJob, controller_zone: &Zone) -> Self {
        let zone = cronjob.time_zone.as_deref();
        let schedule = cronjob.evaluated_schedule();
        let schedule = schedule.and_then(|it| Schedule::parse(it, zone, controller_zone).ok());
        Self {
            schedule: schedule.map(Arc::new),
            ..Self::unknown()
        }
    }

    /// The status of the same `CronJob` after a change.
    pub(super) fn after_change(self, old: &CronJob, new: &CronJob, controller_zone: &Zone) -> Self {
        if old.whole_schedule() == new.whole_schedule() && old.time_zone == new.time_zone {
            return self;
        }
        self.with_schedule_of(new, controller_zone)
    }

    /// The status with the schedule parsed again.
    pub(super) fn with_schedule_of(self, cronjob: &CronJob, controller_zone: &Zone) -> Self {
        Self {
            first_judged: self.first_judged,
            judged_until: self.judged_until,
            ..Self::new(cronjob, controller_zone)
        }
    }

    /// Evaluates the schedule, and counts overdue runs in `state`. Returns the due times that are overdue now and were not
    /// at the last evaluation, each with whether it counts as missed now.
    pub(super) fn evaluate(
        &mut self,
        cronjob: &CronJob,
        state: &mut ScheduleState,
        context: EvaluationContext,
    ) -> Vec<(Seconds, bool)> {
        *self = Self {
            schedule: self.schedule.take(),
            valid: cronjob.evaluated_schedule().map(|_| false),
            first_judged: self.first_judged.or(context.judged_until),
            judged_until: context.judged_until,
            ..Self::unknown()
        };
        let Some(schedule) = self.schedule.clone() else {
            return Vec::new();
        };
        let last_start = cronjob.last_schedule.max(context.last_started);
        let judged_until = context.judged_until.unwrap_or(context.now);
        let since = last_start.max(cronjob.created).unwrap_or(judged_until);
        let changed = state.resumed.max(state.rescheduled);
        let deadline = cronjob.starting_deadline.filter(|deadline| *deadline >= 0);
        let unobserved = self.first_judged.zip(deadline);
        let due_times = DueTimes {
            schedule: &schedule,
            since,
            start: changed.map_or(since, |changed| changed.max(since)),
            unobserved: unobserved.map_or(Seconds::MIN, |(judged, deadline)| {
                judged.saturating_sub(deadline)
            }),
            deadline,
            now: judged_until,
        };
        self.anchor = since;
        if due_times.is_empty() {
            return Vec::new();
        }
        self.valid = Some(true);
        if !cronjob.suspended {
            self.next = due_times.after(context.now);
        }
        if context.judged_until.is_none() {
            return Vec::new();
        }
        self.judge(cronjob, state, due_times, context.grace)
    }

    /// The time zone in which the schedule is evaluated; `None` if it is invalid.
    #[must_use]
    pub fn time_zone(&self) -> Option<&Zone> {
        Some(self.schedule.as_ref()?.zone())
    }

    /// The schedule in words; `None` if it is invalid.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        self.schedule.as_ref().map(|it| it.describe())
    }

    /// The due times from [`next`](Self::next) on, in ascending order; none while the `CronJob` is suspended.
    pub fn upcoming(&self) -> impl Iterator<Item = Seconds> {
        let schedule = self.schedule.as_deref();
        std::iter::successors(self.next, move |due| {
            schedule?.next_anchored(self.anchor, *due)
        })
    }

    /// Computes the next due time from the wall clock.
    pub(super) fn advance_next(&mut self, cronjob: &CronJob, now: Seconds) {
        let schedule = self.schedule.as_deref().filter(|_| !cronjob.suspended);
        self.next = schedule.and_then(|it| it.next_anchored(self.anchor, now.max(self.anchor)));
    }

    fn unknown() -> Self {
        Self {
            schedule: None,
            valid: None,
            next: None,
            overdue_runs: None,
            overdue_since: None,
            blocked_since: None,
            not_started: None,
            anchor: 0,
            first_judged: None,
            next_evaluation: None,
            judged_until: None,
            queued_for: None,
        }
    }

    fn judge(
        &mut self,
        cronjob: &CronJob,
        state: &mut ScheduleState,
        due_times: DueTimes<'_>,
        grace: Seconds,
    ) -> Vec<(Seconds, bool)> {
        self.next_evaluation = due_times.after(due_times.now);
        self.overdue_runs = Some(0);
        // What was overdue before the exporter first saw this CronJob is no new missed run.
        let before = due_times.now - grace - 1;
        state.overdue_before.get_or_insert(before);
        if cronjob.suspended {
            let due = due_times.due_after(due_times.since);
            self.not_started = due.map(|_| NotStarted::Suspended);
            return Vec::new();
        }
        // Due times that were overdue before a restart of the exporter stay so.
        let known = state.overdue;
        let known = known
            .first
            .filter(|_| known.since == due_times.since && known.after >= due_times.start);
        match known.or_else(|| due_times.due_after(due_times.observed_start())) {
            None => {
                let resumed = state.resumed > Some(due_times.since);
                let suspended = resumed && due_times.due_after(due_times.since).is_some();
                self.not_started = suspended.then_some(NotStarted::Suspended);
                Vec::new()
            }
            Some(first_due) if state.blocked => {
                self.not_started = Some(NotStarted::ForbiddenByActiveRun);
                self.blocked_since = Some(first_due);
                Vec::new()
            }
            Some(first_due) => self.judge_due_runs(state, due_times, first_due, grace),
        }
    }

    /// Judges due times that the controller can start a run for, of which `first_due` is the first.
    fn judge_due_runs(
        &mut self,
        state: &mut ScheduleState,
        due_times: DueTimes<'_>,
        first_due: Seconds,
        grace: Seconds,
    ) -> Vec<(Seconds, bool)> {
        let start = due_times.start;
        let after_block = state.unblocked.map_or(start, |ended| ended.max(start));
        let until = due_times.now - grace;
        let (later, next_overdue) = state.overdue.count(due_times, after_block, until);
        let (mut overdue, mut overdue_since) = (state.overdue.count, state.overdue.first);
        let mut new = Vec::new();
        // The one that was delayed was due before the others, and due times are counted in their order.
        let delayed = delayed_run(state, due_times, first_due);
        if let Some(delayed) = delayed
            && delayed.startable_since + grace < due_times.now
        {
            overdue += 1;
            overdue_since = Some(delayed.due);
            if state.count_delayed(delayed.due, due_times.now) {
                new.push((delayed.due, true));
            }
        }
        for due in later {
            new.push((due, state.count_missed(due, due_times.now)));
        }
        (self.overdue_runs, self.overdue_since) = (Some(overdue), overdue_since);
        self.not_started = due_times.reason_for_overdue(overdue);
        let changes = [
            self.next_evaluation,
            next_overdue.map(|due| due + grace + 1),
            next_overdue.and_then(|due| due_times.deadline_passed_at(due)),
            due_times.deadline_passed_at(state.overdue.last),
            delayed.map(|delayed| delayed.startable_since + grace + 1),
        ];
        let future = changes.into_iter().flatten();
        self.next_evaluation = future.filter(|at| *at > due_times.now).min();
        new
    }
}

/// The run that the controller starts once the active run that delayed it has ended.
fn delayed_run(
    state: &ScheduleState,
    due_times: DueTimes<'_>,
    first_due: Seconds,
) -> Option<DelayedRun> {
    let startable_since = state.unblocked?;
    if startable_since <= first_due {
        return None;
    }
    let window = Window {
        // `@every` repeats from the last start, whatever happened since.
        since: due_times.since,
        starting_deadline: due_times.deadline,
        now: startable_since,
    };
    let due = due_times.schedule.due(window, 0)?.start?;
    (due > due_times.observed_start()).then_some(DelayedRun {
        due,
        startable_since,
    })
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

    /// Only due times after this are known to be ones that the controller has to start.
    fn observed_start(&self) -> Seconds {
        self.start.max(self.unobserved)
    }

    /// The first due time after `time`, if it has come.
    fn due_after(&self, time: Seconds) -> Option<Seconds> {
        self.after(time).filter(|due| *due <= self.now)
    }

    /// From when on a run that was due at `due` is too late by `startingDeadlineSeconds`.
    fn deadline_passed_at(&self, due: Seconds) -> Option<Seconds> {
        let deadline = self.deadline?;
        Some(due.saturating_add(deadline).saturating_add(1))
    }

    /// Why the last due time started no run, with this number of overdue ones.
    fn reason_for_overdue(&self, overdue: u64) -> Option<NotStarted> {
        let startable = self.deadline.is_none_or(|deadline| {
            self.due_after(self.now.saturating_sub(deadline).saturating_sub(1))
                .is_some()
        });
        match (startable, overdue) {
            (false, _) => Some(NotStarted::DeadlinePassed),
            (true, 0) => None,
            (true, _) => Some(NotStarted::Unexplained),
        }
    }
}

// === impl OverdueRuns ===

impl OverdueRuns {
    /// Counts due times later than `after` and earlier than `until`, except those that were not observed. Continues the
    /// previous count if the last start and `after` are the same. Returns the due times that are counted now, and the first
    /// one that is not counted yet.
    fn count(
        &mut self,
        due_times: DueTimes<'_>,
        after: Seconds,
        until: Seconds,
    ) -> (Vec<Seconds>, Option<Seconds>) {
        let since = due_times.since;
        // A step back of a clock undoes what was counted since.
        let undone = self.count > 0 && self.last >= until;
        if (self.since, self.after) != (since, after) || undone {
            *self = Self {
                since,
                after,
                count: 0,
                first: None,
                last: after,
            };
        }
        self.last = self.last.max(due_times.unobserved);
        let mut new = Vec::new();
        loop {
            let Some(due) = due_times.after(self.last) else {
                return (new, None);
            };
            if due >= until {
                return (new, Some(due));
            }
            if new.len() as u64 >= MAX_OVERDUE {
                // The rest was overdue long ago.
                self.last = until - 1;
                continue;
            }
            self.count += 1;
            self.first = self.first.or(Some(due));
            self.last = due;
            new.push(due);
        }
    }
}
