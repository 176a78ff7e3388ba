//! Two processes that see the same runs leave what one would have left.

use super::*;
use crate::{
    history::{merge::RunUpdate, rows::RunRow, tests::run},
    model::{
        CauseGroup, Departure, FailureCause, FailureReason, Histogram, Run, RunExplanation,
        RunResult, ScheduleState, Totals,
    },
};

mod simulation;

fn bounds() -> Bounds {
    Bounds {
        run_duration: vec![60.0],
        start_delay: vec![1.0],
    }
}

fn failed(number: u32) -> Run {
    Run {
        result: RunResult::Failed,
        reason: Some(FailureReason::BackoffLimitExceeded),
        ..run(number)
    }
}

/// What a database has after its transactions, for one workload.
#[derive(Clone, Default)]
struct Database {
    row: Option<WorkloadRow<'static>>,
    bounds: Option<Bounds>,
    uids: Vec<String>,
}

impl Database {
    fn state(&self) -> WorkloadState {
        self.row.clone().unwrap().into_state(&[])
    }

    /// Writes what a process reports, as a transaction does.
    fn write(&mut self, pending: &PendingWorkload) {
        self.write_with(pending, &bounds());
    }

    fn write_with(&mut self, pending: &PendingWorkload, bounds: &Bounds) {
        let mut runs = NewRuns::default();
        for (run, counted) in &pending.runs {
            let uid = run.uid.to_string();
            if !self.uids.contains(&uid) {
                self.uids.push(uid);
                runs.added.push((run, *counted));
            }
        }
        let stored = self.row.take().map(|row| StoredWorkload {
            bounds: self.bounds.clone().unwrap(),
            row,
            text: Default::default(),
        });
        let row = merge(stored, pending, &runs, bounds, &[]);
        self.row = row.map(|row| WorkloadRow {
            totals: Cow::Owned(row.totals.into_owned()),
            schedule: row.schedule.map(|it| Cow::Owned(it.into_owned())),
            labels: std::collections::BTreeMap::new(),
            annotations: row.annotations.map(|it| Cow::Owned(it.into_owned())),
            left: row.left,
            departure: row.departure,
            unlisted: row.unlisted,
        });
        self.bounds = Some(bounds.clone());
    }
}

/// A process with its own totals.
#[derive(Clone)]
struct Process {
    totals: Totals,
    pending: Vec<(Run, bool)>,
}

impl Process {
    fn new(first_seen: i64) -> Self {
        Self {
            totals: Totals::new(first_seen),
            pending: Vec::new(),
        }
    }

    /// Continues from the database.
    fn restarted(database: &Database) -> Self {
        Self {
            totals: database.state().totals,
            pending: Vec::new(),
        }
    }

    fn finish(&mut self, run: Run) {
        self.totals.add_run(&run, true, &bounds().run_duration);
        self.pending.push((run, true));
    }

    fn pending(&mut self) -> PendingWorkload {
        PendingWorkload {
            state: Some(self.totals.clone().into()),
            left: None,
            runs: std::mem::take(&mut self.pending),
        }
    }
}

#[test]
fn a_run_that_both_report_counts_once() {
    let mut database = Database::default();
    let mut processes = [Process::new(5), Process::new(7)];
    for process in &mut processes {
        process.finish(run(1));
        process.finish(failed(2));
        database.write(&process.pending());
    }
    let totals = database.state().totals;
    assert_eq!(totals, processes[0].totals);
    assert_eq!((totals.succeeded, totals.failed), (1, 1));
    assert_eq!(totals.success_durations.count(), 1);
}

#[test]
fn runs_that_only_one_has_seen_add_up() {
    let mut database = Database::default();
    let mut first = Process::new(5);
    first.finish(run(1));
    database.write(&first.pending());
    let mut second = Process::restarted(&database);
    first.finish(run(2));
    second.finish(failed(3));
    database.write(&second.pending());
    database.write(&first.pending());
    let totals = database.state().totals;
    assert_eq!((totals.succeeded, totals.failed), (2, 1));
    assert_eq!(totals.success_durations.count(), 2);
    assert_eq!(totals.last.unwrap().sort_key, run(3).sort_key());
    assert_eq!(totals.consecutive_failures.count, 1);
}

#[test]
fn counts_that_are_not_of_finished_runs_are_the_larger_ones() {
    let mut database = Database::default();
    let mut first = Process::new(5);
    first.finish(run(1));
    database.write(&first.pending());
    let mut second = Process::restarted(&database);
    for process in [&mut first, &mut second] {
        process.totals.deleted += 1;
        let due = run(2).due;
        process.totals.add_deleted_run(run(2).sort_key(), due);
        *process
            .totals
            .pod_failures
            .entry(CauseGroup::Memory)
            .or_default() += 2;
        process.totals.last_success = Some(9_000_000_000);
        database.write(&process.pending());
    }
    let totals = database.state().totals;
    assert_eq!(totals.deleted, 1);
    assert_eq!(totals.pod_failures[&CauseGroup::Memory], 2);
    assert_eq!(totals.consecutive_unsuccessful.count, 1);
    assert_eq!(totals.last_success, Some(9_000_000_000));
}

#[test]
fn a_process_that_began_without_the_database_does_not_hide_what_is_in_it() {
    let mut database = Database::default();
    let mut first = Process::new(5);
    for number in 1..=3 {
        first.finish(failed(number));
    }
    database.write(&first.pending());
    // Another shard owns the workload since a reload.
    let mut later = Process::new(1_000);
    later.finish(failed(4));
    database.write(&later.pending());
    let totals = database.state().totals;
    assert_eq!((totals.failed, totals.first_seen), (4, 5));
    assert_eq!(totals.consecutive_failures.count, 4);
}

#[test]
fn a_workload_that_returns_after_it_was_forgotten_restarts_from_zero_once() {
    let mut database = Database::default();
    let mut process = Process::new(5);
    process.finish(run(1));
    database.write(&process.pending());
    database.write(&PendingWorkload {
        left: Some((100, Departure::Deletion)),
        ..PendingWorkload::default()
    });
    assert_eq!(database.row.as_ref().unwrap().left, Some(100));
    let [mut first, mut second] = [Process::new(200_000), Process::new(201_000)];
    for process in [&mut first, &mut second] {
        process.finish(run(2));
        database.write(&process.pending());
    }
    let totals = database.state().totals;
    assert_eq!((totals.succeeded, totals.first_seen), (1, 200_000));
    assert_eq!(database.row.as_ref().unwrap().left, None);
}

#[test]
fn totals_include_runs_whose_rows_were_dropped() {
    let mut database = Database::default();
    let mut process = Process::new(5);
    process.finish(run(1));
    database.write(&process.pending());
    process.finish(run(2));
    process.finish(run(3));
    // Too many waited.
    process.pending.clear();
    process.finish(run(4));
    database.write(&process.pending());
    let totals = database.state().totals;
    assert_eq!((totals.succeeded, totals.success_durations.count()), (4, 4));
}

#[test]
fn two_that_drop_different_runs_count_each_once() {
    let mut database = Database::default();
    database.write(&Process::new(5).pending());
    let mut processes = [Process::restarted(&database), Process::restarted(&database)];
    for process in &mut processes {
        for number in 1..=6 {
            let run = if number % 2 == 0 {
                failed(number)
            } else {
                run(number)
            };
            process.finish(run);
        }
    }
    processes[0].pending.drain(..4);
    processes[1].pending.drain(2..);
    for process in &mut processes {
        database.write(&process.pending());
        let totals = database.state().totals;
        assert_eq!((totals.succeeded, totals.failed), (3, 3));
        assert_eq!(totals.failure_durations.count(), 3);
    }
    // Those after that are new.
    for process in &mut processes {
        process.finish(run(7));
        database.write(&process.pending());
    }
    assert_eq!(database.state().totals.succeeded, 4);
}

#[test]
fn what_becomes_known_later_replaces_what_was_known() {
    let explained = Run {
        explanation: RunExplanation {
            cause: Some(FailureCause::OomKilled),
            exit_code: Some(137),
            ..RunExplanation::default()
        },
        ..failed(1)
    };
    let mut process = Process::new(5);
    process.finish(failed(1));
    let stored = StoredWorkload {
        bounds: bounds(),
        row: row_of(&process),
        text: Default::default(),
    };
    let runs = NewRuns {
        updated: RunUpdate::new(RunRow::new(&failed(1), true), &explained, true)
            .into_iter()
            .collect(),
        ..NewRuns::default()
    };
    // The state is that of a process that does not know the cause.
    let pending = process.pending();
    let row = merge(Some(stored), &pending, &runs, &bounds(), &[]).unwrap();
    let last = row.totals.last.as_ref().unwrap();
    assert_eq!(
        (last.cause, last.exit_code),
        (Some(FailureCause::OomKilled), Some(137))
    );
    assert_eq!(
        (row.totals.failed, row.totals.consecutive_failures.count),
        (1, 1)
    );
}

#[test]
fn histograms_with_other_buckets_restart_from_zero() {
    let mut database = Database::default();
    let mut process = Process::new(5);
    process.finish(run(1));
    database.write(&process.pending());
    let other = Bounds {
        run_duration: vec![60.0, 120.0],
        ..bounds()
    };
    let mut later = Process::restarted(&database);
    later.totals.success_durations = Histogram::default();
    later.totals.add_run(&run(2), true, &other.run_duration);
    later.pending.push((run(2), true));
    database.write_with(&later.pending(), &other);
    let totals = database.state().totals;
    assert_eq!((totals.succeeded, totals.success_durations.count()), (2, 1));
    assert_eq!(totals.start_delays.count(), 2);
}

#[test]
fn missed_runs_are_the_larger_number() {
    let missed = |count, until| ScheduleState {
        missed: count,
        missed_until: Some(until),
        ..ScheduleState::default()
    };
    let merged = |stored, observed: &ScheduleState| merge_schedule(stored, Some(observed)).unwrap();
    assert_eq!(merged(None, &missed(1, 10)), missed(1, 10));
    assert_eq!(merged(Some(missed(2, 20)), &missed(1, 10)), missed(2, 20));
    assert_eq!(merged(Some(missed(1, 10)), &missed(2, 20)), missed(2, 20));
    assert_eq!(
        merge_schedule(Some(missed(2, 20)), None),
        Some(missed(2, 20))
    );
}

fn row_of(process: &Process) -> WorkloadRow<'static> {
    let mut database = Database::default();
    database.write(&process.clone().pending());
    database.row.unwrap()
}
