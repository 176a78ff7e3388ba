//! The CronJobs of one target, each with its [`ScheduleStatus`].
//!
//! A status changes with time as well as with events. Each status has a time of its next evaluation, and only the due ones
//! are evaluated: 10,000 CronJobs cost nothing between their due times. The status also depends on the Jobs of the CronJob;
//! [`Workloads`] knows these, and keeps what was observed of the schedule.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::Arc,
};

use super::{
    StoreSettings,
    objects::{Absence, Key, Object, Objects, Record, Snapshot, Transition, Visibility},
    workloads::{OverdueRun, Workloads},
};
use crate::model::{
    Change, ConcurrencyPolicy, CronJob, FeedId, NotStarted, Seconds, Uid, WorkloadId,
};

mod configure;
mod schedule_status;

pub use schedule_status::ScheduleStatus;

use schedule_status::EvaluationContext;

/// A clock that goes back by this many seconds was set.
const CLOCK_STEP: Seconds = 5;

/// A `CronJob`, and how it stands with its schedule.
#[derive(Clone, Debug)]
pub struct CronJobRecord {
    /// The object as the API reports it.
    pub cronjob: CronJob,
    /// `None` before the first evaluation, and for a `CronJob` that is ignored.
    schedule_status: Option<ScheduleStatus>,
}

/// All CronJobs of one target.
#[derive(Debug)]
pub(super) struct CronJobStore {
    records: Objects<CronJobRecord>,
    /// The next due times, by the wall clock.
    due_times: Evaluations,
    /// The next evaluations by feed, by the time until which its schedules can be judged.
    evaluations: HashMap<FeedId, Evaluations>,
    /// The time until which the schedules of each feed can be judged.
    judged_until: HashMap<FeedId, Seconds>,
    /// The latest time of the wall clock.
    date: Seconds,
    settings: Arc<StoreSettings>,
}

/// Times of evaluation with their slots, earliest first. An entry is stale unless the status in the slot names the same time.
type Evaluations = BinaryHeap<Reverse<(Seconds, u32)>>;

/// A `CronJob` that was added or changed: its slot, and its record before the change.
pub(super) type Changed = (u32, Option<CronJobRecord>);

// === impl CronJobRecord ===

impl CronJobRecord {
    fn new(cronjob: CronJob) -> Self {
        Self {
            cronjob,
            schedule_status: None,
        }
    }

    /// How the `CronJob` stands with its schedule.
    #[must_use]
    pub fn schedule_status(&self) -> Option<&ScheduleStatus> {
        self.schedule_status.as_ref()
    }
}

impl Record for CronJobRecord {
    fn key(&self) -> Key<'_> {
        ("", &self.cronjob.namespace, &self.cronjob.name)
    }

    fn ignored(&self) -> bool {
        self.cronjob.ignored
    }
}

impl Object for CronJobRecord {
    fn uid(&self) -> &Uid {
        &self.cronjob.uid
    }

    fn same_state(&self, other: &Self) -> bool {
        self.cronjob == other.cronjob
    }

    /// The API repeats everything about a `CronJob`.
    fn continue_from(&mut self, _: &Self) {}
}

// === impl CronJobStore ===

impl CronJobStore {
    pub(super) fn new(settings: Arc<StoreSettings>) -> Self {
        Self {
            records: Objects::default(),
            due_times: Evaluations::new(),
            evaluations: HashMap::new(),
            judged_until: HashMap::new(),
            date: Seconds::MIN,
            settings,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Forgets the lists that did not end: their source was stopped.
    pub(super) fn forget_lists(&mut self) {
        self.records.forget_lists();
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<CronJobRecord> {
        self.records.snapshot(visibility)
    }

    /// Applies a change from a feed, and calls `on_transition` for each `CronJob` that it affects. Returns those that the
    /// caller has to evaluate.
    pub(super) fn change(
        &mut self,
        feed: FeedId,
        change: Change<CronJob>,
        absence: Absence,
        on_transition: &mut impl FnMut(Transition<'_, CronJobRecord>),
    ) -> Vec<Changed> {
        let records =
            |cronjobs: Vec<CronJob>| cronjobs.into_iter().map(CronJobRecord::new).collect();
        let change = match change {
            Change::ListStarted => Change::ListStarted,
            Change::Listed(cronjobs) => Change::Listed(records(cronjobs)),
            Change::Replaced(cronjobs) => Change::Replaced(records(cronjobs)),
            Change::Applied(cronjob) => Change::Applied(CronJobRecord::new(cronjob)),
            Change::Deleted(cronjob) => Change::Deleted(CronJobRecord::new(cronjob)),
        };
        let mut changed = Vec::new();
        self.records
            .change(feed, change, absence, &mut |transition| {
                if let Transition::Applied { slot, old, .. } = &transition {
                    changed.push((*slot, old.cloned()));
                }
                on_transition(transition);
            });
        changed
    }

    /// Evaluates the status of a `CronJob` that was added or changed.
    pub(super) fn evaluate_changed(
        &mut self,
        (slot, old): Changed,
        workloads: &mut Workloads,
        date: Seconds,
    ) {
        let zone = self.settings.controller_zone.clone();
        let Some(record) = self.records.get_mut(slot) else {
            return;
        };
        let cronjob = &record.cronjob;
        let status = match old.and_then(|old| Some((old.schedule_status?, old.cronjob))) {
            Some((status, old)) => status.after_change(&old, cronjob, &zone),
            None => ScheduleStatus::new(cronjob, &zone),
        };
        record.schedule_status = (!cronjob.ignored).then_some(status);
        self.evaluate(slot, workloads, date);
    }

    /// Evaluates the status of a `CronJob` whose Jobs changed.
    pub(super) fn evaluate_workload(
        &mut self,
        id: &WorkloadId,
        workloads: &mut Workloads,
        date: Seconds,
    ) {
        if let Some(slot) = self.records.find(("", &id.namespace, &id.name)) {
            self.evaluate(slot, workloads, date);
        }
    }

    /// Judges the schedules of a feed as of `until`.
    pub(super) fn judge(
        &mut self,
        feed: FeedId,
        until: Seconds,
        workloads: &mut Workloads,
        date: Seconds,
    ) {
        let judged = self.judged_until.get(&feed).copied();
        // The precision of the server's clock is a second.
        let until = match judged {
            Some(judged) if (1..CLOCK_STEP).contains(&(judged - until)) => judged,
            _ => until,
        };
        self.judged_until.insert(feed, until);
        // After a step back of a clock, what was judged as of a later time is judged again.
        if judged.is_none_or(|judged| judged > until) {
            for slot in self.records.occupied() {
                if self.records.feed(slot) == Some(feed) {
                    self.evaluate(slot, workloads, date);
                }
            }
            return;
        }
        while let Some(slot) = self.next_evaluation(feed, until) {
            self.evaluate(slot, workloads, date);
        }
    }

    /// Computes the next due times that have passed by the wall clock, or all of them if it was set back.
    pub(super) fn advance_clock(&mut self, date: Seconds) {
        if date < std::mem::replace(&mut self.date, date) {
            self.due_times.clear();
            for slot in self.records.occupied() {
                if let Some(record) = self.records.get_mut(slot)
                    && let Some(status) = &mut record.schedule_status
                {
                    status.advance_next(&record.cronjob, date);
                    let next = status.next.map(|next| Reverse((next, slot)));
                    self.due_times.extend(next);
                }
            }
        }
        while let Some(&Reverse((at, slot))) = self.due_times.peek()
            && at <= date
        {
            self.due_times.pop();
            let status = self
                .records
                .get(slot)
                .and_then(CronJobRecord::schedule_status);
            if status.and_then(|status| status.next) == Some(at)
                && let Some(record) = self.records.get_mut(slot)
                && let Some(status) = &mut record.schedule_status
            {
                status.advance_next(&record.cronjob, date);
                self.due_times
                    .extend(status.next.map(|next| Reverse((next, slot))));
            }
        }
    }

    /// Takes the next slot whose evaluation is due.
    fn next_evaluation(&mut self, feed: FeedId, until: Seconds) -> Option<u32> {
        let evaluations = self.evaluations.get_mut(&feed)?;
        while let Some(&Reverse((at, slot))) = evaluations.peek()
            && at <= until
        {
            evaluations.pop();
            let status = self
                .records
                .get(slot)
                .and_then(CronJobRecord::schedule_status);
            if status.and_then(|status| status.next_evaluation) == Some(at) {
                return Some(slot);
            }
        }
        None
    }

    /// Evaluates the status in a slot and queues its next evaluation.
    fn evaluate(&mut self, slot: u32, workloads: &mut Workloads, date: Seconds) {
        let Some(feed) = self.records.feed(slot) else {
            return;
        };
        let judged_until = self.judged_until.get(&feed).copied();
        let Some(CronJobRecord {
            cronjob,
            schedule_status: Some(status),
        }) = self.records.get_mut(slot)
        else {
            return;
        };
        let Some(workload) = workloads.find_cronjob(cronjob) else {
            return;
        };
        // What another feed confirmed stays true when the CronJob moves to a feed that was not read yet.
        let judged_until = judged_until.or(status.judged_until);
        let context = EvaluationContext {
            now: date,
            judged_until,
            grace: workload.thresholds().start_grace,
            last_started: workload.state.totals.last_started,
        };
        let mut state = workload
            .state
            .schedule
            .as_deref()
            .cloned()
            .unwrap_or_default();
        // Before the Jobs are known, the status of the CronJob alone may name one that is over.
        let blocked = match judged_until {
            Some(_) => is_blocked(cronjob, workload.has_unfinished_run()),
            None => state.blocked,
        };
        state.observe(cronjob, blocked, date);
        if judged_until.is_some() && forbids(cronjob) && !blocked {
            let last = workload.state.totals.last.as_ref();
            state.observe_end(last.and_then(|last| last.end), date);
        }
        let next = status.next;
        let queued = status
            .next_evaluation
            .filter(|_| status.queued_for == Some(feed));
        let overdue = status.evaluate(cronjob, &mut state, context);
        let overdue = overdue.into_iter();
        let overdue: Vec<_> = overdue
            .map(|(due, counted)| OverdueRun {
                due,
                reason: reason_for_missed(cronjob, due, judged_until),
                counted,
            })
            .collect();
        status.queued_for = Some(feed);
        workloads.set_schedule(cronjob, state, &overdue);
        queue(&mut self.due_times, slot, (next, status.next), Some(date));
        let evaluations = self.evaluations.entry(feed).or_default();
        let change = (queued, status.next_evaluation);
        queue(evaluations, slot, change, judged_until);
    }
}

/// Queues the new time of an evaluation, `None` for none. If it was `queued` before and is later than `until`, it is still in
/// the heap.
fn queue(
    evaluations: &mut Evaluations,
    slot: u32,
    (queued, new): (Option<Seconds>, Option<Seconds>),
    until: Option<Seconds>,
) {
    if let Some(at) = new.filter(|_| new != queued || new <= until) {
        evaluations.push(Reverse((at, slot)));
    }
}

/// Whether an active run keeps the next one from starting. The status of a `CronJob` may name Jobs that are over or gone, so
/// its Jobs decide, as far as any was ever seen.
fn is_blocked(cronjob: &CronJob, unfinished: Option<bool>) -> bool {
    forbids(cronjob) && unfinished.unwrap_or(cronjob.active_jobs > 0)
}

/// Why nothing has started for a due time that is overdue as of `now`.
fn reason_for_missed(cronjob: &CronJob, due: Seconds, now: Option<Seconds>) -> NotStarted {
    let deadline = cronjob.starting_deadline.filter(|it| *it >= 0);
    match deadline.map(|deadline| due.saturating_add(deadline)) {
        Some(until) if now > Some(until) => NotStarted::DeadlinePassed,
        _ => NotStarted::Unexplained,
    }
}

fn forbids(cronjob: &CronJob) -> bool {
    cronjob.concurrency_policy == Some(ConcurrencyPolicy::Forbid)
}

#[cfg(test)]
mod tests;
