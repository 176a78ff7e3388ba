//! How what two processes know of a workload becomes one: in a database that they share, and in an import.

use super::rows::{Bounds, RunRow, UnlistedRuns};
use crate::model::{Histogram, Run, ScheduleState, Totals};

/// Runs of a workload that a transaction adds or changes.
#[derive(Debug, Default)]
pub(super) struct NewRuns<'a> {
    /// New ones, each with whether counters include it.
    pub(super) added: Vec<(&'a Run, bool)>,
    /// Known ones of which more is known now.
    pub(super) updated: Vec<RunUpdate<'a>>,
}

/// A run that has a row, of which more is known now.
#[derive(Debug)]
pub(super) struct RunUpdate<'a> {
    /// As it was.
    pub(super) before: Run,
    pub(super) run: &'a Run,
    /// Whether counters include it.
    pub(super) is_counted: bool,
    /// Whether they do only now.
    pub(super) is_newly_counted: bool,
}

impl<'a> RunUpdate<'a> {
    /// What `run` changes in its row; `None` if it says no more than the row.
    pub(super) fn new(stored: RunRow<'_>, run: &'a Run, counted: bool) -> Option<Self> {
        let was_counted = stored.counted;
        let before = stored.into_run(run.uid.clone());
        let is_newly_counted = counted && !was_counted;
        (is_newly_counted || is_news(&before, run)).then_some(Self {
            before,
            run,
            is_counted: counted || was_counted,
            is_newly_counted,
        })
    }
}

impl NewRuns<'_> {
    /// Moves the totals by these runs, except those that they include without rows.
    pub(super) fn count(
        &self,
        totals: &mut Totals,
        unlisted: &mut Option<UnlistedRuns>,
        bounds: &Bounds,
    ) {
        for (run, counted) in &self.added {
            let is_counted = *counted && unlisted.as_mut().is_some_and(|runs| runs.take(run));
            totals.add_run(run, *counted && !is_counted, &bounds.run_duration);
        }
        for RunUpdate {
            before,
            run,
            is_newly_counted,
            ..
        } in &self.updated
        {
            if *is_newly_counted || (before.result, before.end) != (run.result, run.end) {
                totals.update_run(before, run, *is_newly_counted, &bounds.run_duration);
            }
            totals.explain(run, &run.explanation, false);
        }
    }
}

/// Whether a run says more than what is stored of it: another process may have known more.
fn is_news(stored: &Run, run: &Run) -> bool {
    if run.jobs > stored.jobs || run.end > stored.end {
        return true;
    }
    let is_same = (run.jobs, run.end, run.result) == (stored.jobs, stored.end, stored.result);
    let explained = |run: &Run| (run.explanation.cause, run.explanation.exit_code);
    is_same && run.explanation.cause.is_some() && explained(run) != explained(stored)
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
pub(super) fn merge_schedule(
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
