//! What becomes of a workload that is imported.
//!
//! One that is new is taken as it is. The totals of one that exists move by the runs that are new, and of what is not about a single run
//! the larger count and the later time are right, as for processes that share a database. If the history began after the export was
//! made, the two have no counted run in common, and their totals are added.

use std::borrow::Cow;

use super::super::{
    merge::{NewRuns, merge_schedule},
    rows::{Bounds, TargetRow, UnlistedRuns, WorkloadRow},
    storage::Limits,
};
use crate::model::{Run, RunSortKey, Seconds, WorkloadId};

/// A target of an export.
#[derive(Debug)]
pub(in crate::history) struct ImportedTarget {
    pub(in crate::history) name: String,
    pub(in crate::history) row: TargetRow,
}

/// A workload of an export with all its runs, each with whether counters include it.
#[derive(Debug)]
pub(in crate::history) struct ImportedWorkload {
    pub(in crate::history) id: WorkloadId,
    /// `None` if only runs are left of it.
    pub(in crate::history) row: Option<WorkloadRow<'static>>,
    pub(in crate::history) runs: Vec<(Run, bool)>,
}

/// What the history has before the import.
#[derive(Debug)]
pub(in crate::history) struct StoredParts {
    pub(in crate::history) target: Option<TargetRow>,
    /// With histograms of the configured bounds.
    pub(in crate::history) workload: Option<WorkloadRow<'static>>,
    /// The position of the earliest run among as many as are kept; `None` if there are fewer.
    pub(in crate::history) first_kept: Option<RunSortKey>,
}

impl ImportedTarget {
    /// The row of the target after the import.
    pub(in crate::history) fn row(&self, stored: Option<TargetRow>) -> TargetRow {
        stored.map_or(self.row, |stored| TargetRow {
            since: stored.since,
            seen: stored.seen.max(self.row.seen),
        })
    }
}

impl StoredParts {
    /// Whether a run is imported. The history may have counted and deleted a run that its limits do not keep, so such a run cannot be
    /// known as new.
    pub(in crate::history) fn admits(&self, run: &Run, limits: Limits) -> bool {
        let key = run.sort_key();
        let is_old = run.end.unwrap_or(key.start) < limits.oldest;
        let is_surplus = self.first_kept.is_some_and(|first| key < first);
        self.workload.is_none() || !(is_old || is_surplus)
    }

    /// The row of the workload after the import; `None` if there is none. `runs` are those that the history did not have, or knows
    /// more of now.
    pub(in crate::history) fn merge(
        self,
        target: &ImportedTarget,
        imported: &ImportedWorkload,
        runs: &NewRuns<'_>,
        bounds: &Bounds,
    ) -> Option<WorkloadRow<'static>> {
        let exported_at = target.row.seen;
        match (self.workload, &imported.row) {
            (None, None) => None,
            (None, Some(row)) => {
                let mut row = row.clone();
                // It did not exist any more when the history was written last.
                if row.left.is_none() && self.target.is_some_and(|it| it.seen > exported_at) {
                    row.left = Some(exported_at);
                    row.departure = Some(row.departure.unwrap_or_default());
                }
                Some(row)
            }
            (Some(mut stored), None) => {
                let totals = stored.totals.to_mut();
                runs.count(totals, &mut stored.unlisted, bounds);
                Some(stored)
            }
            (Some(stored), Some(row)) => {
                let is_later = self.target.is_some_and(|it| it.since > exported_at);
                let seen = self.target.map_or(exported_at, |it| it.seen);
                Some(merge(
                    stored,
                    seen,
                    is_later,
                    row,
                    exported_at,
                    runs,
                    bounds,
                ))
            }
        }
    }
}

/// Both know the workload: the history until `seen`, the export until `exported_at`. `is_later`: the history began after the export.
fn merge(
    stored: WorkloadRow<'static>,
    seen: Seconds,
    is_later: bool,
    imported: &WorkloadRow<'static>,
    exported_at: Seconds,
    runs: &NewRuns<'_>,
    bounds: &Bounds,
) -> WorkloadRow<'static> {
    let is_after = |first_seen: i64, time: Seconds| first_seen > time.saturating_mul(1000);
    if stored
        .left
        .is_some_and(|left| is_after(imported.totals.first_seen, left))
    {
        // It returned later, and its counters restarted.
        return imported.clone();
    }
    let mut totals = stored.totals.into_owned();
    let mut unlisted = stored.unlisted;
    if is_later && is_after(totals.first_seen, exported_at) {
        totals.continue_from(imported.totals.clone().into_owned());
        unlisted = unlisted.or(imported.unlisted);
    } else {
        runs.count(&mut totals, &mut unlisted, bounds);
        let listed = totals.clone();
        totals.merge(&imported.totals);
        unlisted = UnlistedRuns::of(unlisted, &listed, &totals);
    }
    let owned = |schedule: Option<Cow<'_, _>>| schedule.map(Cow::into_owned);
    let last_existed = |row_left: Option<Seconds>, seen| row_left.unwrap_or(seen);
    // What was observed last is right, except that missed runs are never forgotten.
    let (newer, schedule) =
        if last_existed(imported.left, exported_at) > last_existed(stored.left, seen) {
            let schedule = merge_schedule(owned(stored.schedule), imported.schedule.as_deref());
            (imported.clone(), schedule)
        } else {
            let earlier = owned(imported.schedule.clone());
            let schedule = merge_schedule(earlier, stored.schedule.as_deref());
            let rest = WorkloadRow {
                totals: Cow::Owned(totals.clone()),
                schedule: None,
                ..stored
            };
            (rest, schedule)
        };
    WorkloadRow {
        totals: Cow::Owned(totals),
        schedule: schedule.map(Cow::Owned),
        unlisted,
        ..newer
    }
}
