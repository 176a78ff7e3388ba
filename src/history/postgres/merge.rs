//! What a workload in the database becomes when a process reports its state.
//!
//! Counts and histograms move by runs that are new in the database, whichever process reports them. What is not about a single run is merged:
//! all processes see the same API and continue from the same row, so the larger count and the later time are right.

use std::borrow::Cow;

use super::super::{
    merge::{NewRuns, merge_schedule, reset_histograms},
    pending::PendingWorkload,
    rows::{Bounds, UnlistedRuns, WorkloadRow},
};
use crate::model::{Seconds, WorkloadState};

/// A workload, as the database has it.
#[derive(Debug)]
pub(super) struct StoredWorkload {
    /// The bounds of its histograms.
    pub(super) bounds: Bounds,
    pub(super) row: WorkloadRow<'static>,
    /// Its columns, to see whether they change.
    pub(super) text: (Option<Seconds>, Option<String>, String),
}

/// The new row of a workload; `None` if there is nothing to write.
pub(super) fn merge<'a>(
    stored: Option<StoredWorkload>,
    pending: &'a PendingWorkload,
    runs: &NewRuns<'_>,
    bounds: &Bounds,
    label_names: &'a [String],
) -> Option<WorkloadRow<'a>> {
    let mut row = match (&pending.state, stored) {
        (Some(state), Some(stored)) if !is_forgotten(&stored, state) => {
            merge_state(stored, state, runs, bounds, label_names)
        }
        (Some(state), _) => WorkloadRow::new(state, label_names),
        (None, Some(stored)) => stored.row,
        // It is gone and was never written.
        (None, None) => return None,
    };
    row.left = pending.left.map(|(left, _)| left);
    row.departure = pending.left.map(|(_, departure)| departure);
    Some(row)
}

/// Whether the workload returned after all that the database has of it was forgotten. Its counters restart from zero.
fn is_forgotten(stored: &StoredWorkload, state: &WorkloadState) -> bool {
    stored.row.left.is_some() && state.totals.first_seen > stored.row.totals.first_seen
}

fn merge_state<'a>(
    stored: StoredWorkload,
    state: &'a WorkloadState,
    runs: &NewRuns<'_>,
    bounds: &Bounds,
    label_names: &'a [String],
) -> WorkloadRow<'a> {
    let mut totals = stored.row.totals.into_owned();
    reset_histograms(&mut totals, &stored.bounds, bounds);
    totals.set_native(state.totals.native.is_some(), state.totals.first_seen);
    let mut unlisted = stored.row.unlisted;
    runs.count(&mut totals, &mut unlisted, bounds);
    let listed = totals.clone();
    totals.merge(&state.totals);
    let unlisted = UnlistedRuns::of(unlisted, &listed, &totals);
    let schedule = merge_schedule(
        stored.row.schedule.map(Cow::into_owned),
        state.schedule.as_deref(),
    );
    WorkloadRow {
        totals: Cow::Owned(totals),
        schedule: schedule.map(Cow::Owned),
        unlisted,
        ..WorkloadRow::new(state, label_names)
    }
}

#[cfg(test)]
mod tests;
