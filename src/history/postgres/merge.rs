//! What a workload in the database becomes when a process reports its state.
//!
//! Counts and histograms move by runs that are new in the database, whoever reports them. What is not about a single run is merged:
//! all processes see the same API and continue from the same row, so the larger count and the later time are right.

use std::borrow::Cow;

use super::super::{
    pending::PendingWorkload,
    rows::{Bounds, UnlistedRuns, WorkloadRow},
};
use crate::model::{Departure, Histogram, Run, ScheduleState, Seconds, Totals, WorkloadState};

/// Runs of a workload that a transaction adds or changes.
#[derive(Debug, Default)]
pub(super) struct NewRuns<'a> {
    /// New ones, each with whether counters include it.
    pub(super) added: Vec<(&'a Run, bool)>,
    /// Known ones as they were, as they are, and whether counters include it only now.
    pub(super) updated: Vec<(Run, &'a Run, bool)>,
}

/// A workload, as the database has it.
#[derive(Debug)]
pub(super) struct StoredWorkload {
    pub(super) left: Option<(Seconds, Departure)>,
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
    stored.left.is_some() && state.totals.first_seen > stored.row.totals.first_seen
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
    for (run, counted) in &runs.added {
        let is_counted = *counted && unlisted.as_mut().is_some_and(|runs| runs.take(run));
        totals.add_run(run, *counted && !is_counted, &bounds.run_duration);
    }
    for (before, run, counted) in &runs.updated {
        if *counted || (before.result, before.end) != (run.result, run.end) {
            totals.update_run(before, run, *counted, &bounds.run_duration);
        }
        totals.explain(run, &run.explanation, false);
    }
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

/// Histograms whose bounds have changed restart from zero.
pub(super) fn reset_histograms(totals: &mut Totals, stored: &Bounds, bounds: &Bounds) {
    if stored.run_duration != bounds.run_duration {
        totals.success_durations = Histogram::default();
        totals.failure_durations = Histogram::default();
    }
    if stored.start_delay != bounds.start_delay {
        totals.start_delays = Histogram::default();
    }
}

/// What was observed last, with the larger number of missed runs.
fn merge_schedule(
    stored: Option<ScheduleState>,
    observed: Option<&ScheduleState>,
) -> Option<ScheduleState> {
    let Some(observed) = observed else {
        return stored;
    };
    Some(match stored {
        Some(stored) if stored.missed > observed.missed => ScheduleState {
            missed: stored.missed,
            missed_until: stored.missed_until,
            missed_at: stored.missed_at,
            ..observed.clone()
        },
        _ => observed.clone(),
    })
}

#[cfg(test)]
mod tests;
