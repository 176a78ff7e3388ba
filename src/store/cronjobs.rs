//! The `CronJobStore` of one target, each with its timetable.
//!
//! Timetables change with the clock, not with events alone. Each says when it has to be looked at again, and only those
//! whose time has come are: 10,000 `CronJobStore` cost nothing between their due times.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use tokio::time::Instant;

use super::{
    StoreSettings,
    objects::{Key, Object, Objects, Record, Snapshot, Transition, Visibility},
};
use crate::model::{Change, CronJob, FeedId, Seconds, Uid};

mod schedule_status;

pub use schedule_status::ScheduleStatus;

use schedule_status::Conditions;

/// A `CronJob`, and how it stands with its schedule.
#[derive(Clone, Debug)]
pub struct CronJobRecord {
    /// What the API tells.
    pub cronjob: CronJob,
    /// What follows from it at this time. `None` until that is worked out, which is before anybody sees it.
    schedule_status: Option<ScheduleStatus>,
}

/// All `CronJobStore` of one target.
#[derive(Debug)]
pub(super) struct CronJobStore {
    records: Objects<CronJobRecord>,
    /// When to look at which slot again; of those for one slot, the one that its timetable names counts.
    wakes: BinaryHeap<Reverse<(Seconds, u32)>>,
    settings: Arc<StoreSettings>,
}

impl Record for CronJobRecord {
    fn key(&self) -> Key<'_> {
        ("", &self.cronjob.namespace, &self.cronjob.name)
    }

    fn hidden(&self) -> bool {
        self.cronjob.ignored
    }
}

impl Object for CronJobRecord {
    fn uid(&self) -> &Uid {
        &self.cronjob.uid
    }

    fn tells_the_same(&self, other: &Self) -> bool {
        self.cronjob == other.cronjob
    }
}

impl CronJobRecord {
    /// How it stands with its schedule.
    #[must_use]
    pub fn schedule_status(&self) -> Option<&ScheduleStatus> {
        self.schedule_status.as_ref()
    }

    /// The same, where it can be told what should have happened.
    #[must_use]
    pub fn judged(&self) -> Option<&ScheduleStatus> {
        self.schedule_status()
            .filter(|schedule_status| schedule_status.valid)
    }
}

impl CronJobStore {
    pub(super) fn new(settings: Arc<StoreSettings>) -> Self {
        Self {
            records: Objects::default(),
            wakes: BinaryHeap::new(),
            settings,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Takes in what a feed saw, at this time, and tells `see` what becomes of each `CronJob`.
    pub(super) fn change(
        &mut self,
        feed: FeedId,
        change: Change<CronJob>,
        at: (Instant, Seconds),
        see: &mut impl FnMut(Transition<'_, CronJobRecord>),
    ) {
        let scheduled = |cronjob| CronJobRecord {
            cronjob,
            schedule_status: None,
        };
        let change = match change {
            Change::Replaced(all) => Change::Replaced(all.into_iter().map(scheduled).collect()),
            Change::Applied(one) => Change::Applied(scheduled(one)),
            Change::Deleted(one) => Change::Deleted(scheduled(one)),
        };
        let mut changed = Vec::new();
        let (now, date) = at;
        self.records.change(feed, change, now, &mut |transition| {
            if let Transition::Applied { slot, old, .. } = &transition {
                changed.push((*slot, old.cloned()));
            }
            see(transition);
        });
        for (slot, old) in changed {
            self.work_out(slot, old, date);
        }
    }

    /// Looks at all timetables whose time has come.
    pub(super) fn advance(&mut self, date: Seconds) {
        while let Some(&Reverse((wake, slot))) = self.wakes.peek()
            && wake <= date
        {
            self.wakes.pop();
            let schedule_status = |slot| self.records.get(slot)?.schedule_status.as_ref();
            if schedule_status(slot)
                .is_some_and(|schedule_status| schedule_status.wake == Some(wake))
            {
                self.work_out(slot, None, date);
            }
        }
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<CronJobRecord> {
        self.records.snapshot(visibility)
    }

    /// Brings a timetable up to date, after a change from `old` if there is one.
    fn work_out(&mut self, slot: u32, old: Option<CronJobRecord>, date: Seconds) {
        let settings = self.settings.clone();
        let Some(CronJobRecord {
            cronjob,
            schedule_status,
        }) = self.records.get_mut(slot)
        else {
            return;
        };
        let annotations = cronjob.annotations.as_deref();
        let conditions = Conditions {
            now: date,
            grace: settings.thresholds.under(annotations).start_grace,
            zone: &settings.controller_zone,
        };
        let before = old.and_then(|old| Some((old.schedule_status?, old.cronjob)));
        let (schedule_status, known) = match (schedule_status, before) {
            (Some(schedule_status), _) => {
                let known = schedule_status.wake;
                schedule_status.update(cronjob, conditions);
                (schedule_status, known)
            }
            (none, Some((before, old))) => {
                let after = before.after(&old, cronjob, conditions);
                (&mut *none.insert(after), before.wake)
            }
            (none, None) => {
                let new = ScheduleStatus::new(cronjob, conditions);
                (&mut *none.insert(new), None)
            }
        };
        // One that is known and not yet over is still in the heap.
        if let Some(wake) = schedule_status.wake
            && known.is_none_or(|known| known != wake || known <= date)
        {
            self.wakes.push(Reverse((wake, slot)));
        }
    }
}

#[cfg(test)]
mod tests;
