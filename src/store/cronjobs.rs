//! The CronJobs of one target, each with its [`ScheduleStatus`].
//!
//! A status changes with the clock as well as with events. Each status has a time of its next evaluation, and only the due
//! ones are evaluated: 10,000 CronJobs cost nothing between their due times.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use tokio::time::Instant;

use super::{
    StoreSettings,
    objects::{Key, Object, Objects, Record, Snapshot, Transition, Visibility},
};
use crate::model::{Change, CronJob, FeedId, Seconds, Uid};

mod schedule_status;

pub use schedule_status::ScheduleStatus;

use schedule_status::EvaluationContext;

/// A `CronJob`, and how it stands with its schedule.
#[derive(Clone, Debug)]
pub struct CronJobRecord {
    /// The object as the API reports it.
    pub cronjob: CronJob,
    /// `None` only between the arrival of the object and its first evaluation, under the same lock.
    schedule_status: Option<ScheduleStatus>,
}

/// All CronJobs of one target.
#[derive(Debug)]
pub(super) struct CronJobStore {
    records: Objects<CronJobRecord>,
    /// Times of evaluation with their slots. An entry is stale unless the status in the slot names the same time.
    evaluations: BinaryHeap<Reverse<(Seconds, u32)>>,
    settings: Arc<StoreSettings>,
}

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

    /// The same if the schedule is valid: only then can runs be missed.
    #[must_use]
    pub fn valid_schedule_status(&self) -> Option<&ScheduleStatus> {
        self.schedule_status().filter(|status| status.valid)
    }

    fn next_evaluation(&self) -> Option<Seconds> {
        self.schedule_status()?.next_evaluation
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
            evaluations: BinaryHeap::new(),
            settings,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Applies a change from a feed at the time `at`, and calls `on_transition` for each `CronJob` that it affects.
    pub(super) fn change(
        &mut self,
        feed: FeedId,
        change: Change<CronJob>,
        at: (Instant, Seconds),
        on_transition: &mut impl FnMut(Transition<'_, CronJobRecord>),
    ) {
        let change = match change {
            Change::Replaced(cronjobs) => {
                Change::Replaced(cronjobs.into_iter().map(CronJobRecord::new).collect())
            }
            Change::Applied(cronjob) => Change::Applied(CronJobRecord::new(cronjob)),
            Change::Deleted(cronjob) => Change::Deleted(CronJobRecord::new(cronjob)),
        };
        let mut changed = Vec::new();
        let (now, date) = at;
        self.records.change(feed, change, now, &mut |transition| {
            if let Transition::Applied { slot, old, .. } = &transition {
                changed.push((*slot, old.cloned()));
            }
            on_transition(transition);
        });
        for (slot, old) in changed {
            self.evaluate(slot, old, date);
        }
    }

    /// Evaluates every status whose time of evaluation has come.
    pub(super) fn advance(&mut self, date: Seconds) {
        while let Some(&Reverse((at, slot))) = self.evaluations.peek()
            && at <= date
        {
            self.evaluations.pop();
            let record = self.records.get(slot);
            if record.and_then(CronJobRecord::next_evaluation) == Some(at) {
                self.evaluate(slot, None, date);
            }
        }
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<CronJobRecord> {
        self.records.snapshot(visibility)
    }

    /// Evaluates the status in a slot and queues its next evaluation. `old` is the record before a change of the object.
    fn evaluate(&mut self, slot: u32, old: Option<CronJobRecord>, date: Seconds) {
        let settings = self.settings.clone();
        let Some(CronJobRecord {
            cronjob,
            schedule_status,
        }) = self.records.get_mut(slot)
        else {
            return;
        };
        let annotations = cronjob.annotations.as_deref();
        let thresholds = settings.thresholds.overridden_by(annotations);
        let context = EvaluationContext {
            now: date,
            grace: thresholds.start_grace,
            zone: &settings.controller_zone,
        };
        let old = old.and_then(|old| Some((old.schedule_status?, old.cronjob)));
        let (status, queued) = match (schedule_status, old) {
            (Some(status), _) => {
                let queued = status.next_evaluation;
                status.evaluate(cronjob, context);
                (status, queued)
            }
            (none, Some((status, old))) => {
                let queued = status.next_evaluation;
                let status = status.after_change(&old, cronjob, context);
                (&mut *none.insert(status), queued)
            }
            (none, None) => {
                let status = ScheduleStatus::new(cronjob, context);
                (&mut *none.insert(status), None)
            }
        };
        // An evaluation that was queued and is not due yet is still in the heap.
        if let Some(at) = status.next_evaluation
            && queued.is_none_or(|queued| queued != at || queued <= date)
        {
            self.evaluations.push(Reverse((at, slot)));
        }
    }
}

#[cfg(test)]
mod tests;
