//! The `CronJobs` of one target, each with its timetable.
//!
//! Timetables change with the clock, not with events alone. Each says when it has to be looked at again, and only those
//! whose time has come are: 10,000 `CronJobs` cost nothing between their due times.

use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

use tokio::time::Instant;

use super::{
    Settings,
    objects::{Key, Object, Objects, Record, Snapshot, Transition, Visibility},
};
use crate::model::{Change, CronJob, FeedId, Seconds, Uid};

mod timetable;

pub use timetable::Timetable;

use timetable::Conditions;

/// A `CronJob`, and how it stands with its schedule.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// What the API tells.
    pub cronjob: CronJob,
    /// What follows from it at this time. `None` until that is worked out, which is before anybody sees it.
    timetable: Option<Timetable>,
}

/// All `CronJobs` of one target.
#[derive(Debug)]
pub(super) struct CronJobs {
    records: Objects<Scheduled>,
    /// When to look at which slot again; of those for one slot, the one that its timetable names counts.
    wakes: BinaryHeap<Reverse<(Seconds, u32)>>,
    settings: Arc<Settings>,
}

impl Record for Scheduled {
    fn key(&self) -> Key<'_> {
        ("", &self.cronjob.namespace, &self.cronjob.name)
    }

    fn hidden(&self) -> bool {
        self.cronjob.ignored
    }
}

impl Object for Scheduled {
    fn uid(&self) -> &Uid {
        &self.cronjob.uid
    }

    fn tells_the_same(&self, other: &Self) -> bool {
        self.cronjob == other.cronjob
    }
}

impl Scheduled {
    /// How it stands with its schedule.
    #[must_use]
    pub fn timetable(&self) -> Option<&Timetable> {
        self.timetable.as_ref()
    }

    /// The same, where it can be told what should have happened.
    #[must_use]
    pub fn judged(&self) -> Option<&Timetable> {
        self.timetable().filter(|timetable| timetable.valid)
    }
}

impl CronJobs {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
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
        see: &mut impl FnMut(Transition<'_, Scheduled>),
    ) {
        let scheduled = |cronjob| Scheduled {
            cronjob,
            timetable: None,
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
            let timetable = |slot| self.records.get(slot)?.timetable.as_ref();
            if timetable(slot).is_some_and(|timetable| timetable.wake == Some(wake)) {
                self.work_out(slot, None, date);
            }
        }
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<Scheduled> {
        self.records.snapshot(visibility)
    }

    /// Brings a timetable up to date, after a change from `old` if there is one.
    fn work_out(&mut self, slot: u32, old: Option<Scheduled>, date: Seconds) {
        let settings = self.settings.clone();
        let Some(Scheduled { cronjob, timetable }) = self.records.get_mut(slot) else {
            return;
        };
        let directives = cronjob.directives.as_deref();
        let conditions = Conditions {
            now: date,
            grace: settings.thresholds.under(directives).start_grace,
            zone: &settings.controller_zone,
        };
        let before = old.and_then(|old| Some((old.timetable?, old.cronjob)));
        let (timetable, known) = match (timetable, before) {
            (Some(timetable), _) => {
                let known = timetable.wake;
                timetable.update(cronjob, conditions);
                (timetable, known)
            }
            (none, Some((before, old))) => {
                let after = before.after(&old, cronjob, conditions);
                (&mut *none.insert(after), before.wake)
            }
            (none, None) => {
                let new = Timetable::new(cronjob, conditions);
                (&mut *none.insert(new), None)
            }
        };
        // One that is known and not yet over is still in the heap.
        if let Some(wake) = timetable.wake
            && known.is_none_or(|known| known != wake || known <= date)
        {
            self.wakes.push(Reverse((wake, slot)));
        }
    }
}

#[cfg(test)]
mod tests;
