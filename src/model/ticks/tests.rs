//! Which ticks a workload keeps, and in which order.

use super::*;
use crate::model::{FailureReason, WorkloadRef};

/// A run that was due at `due`, started two seconds later and took ten.
fn run(name: &str, due: Seconds) -> Run {
    Run {
        uid: Uid::parse(name),
        job_name: name.into(),
        due: Some(due),
        manual: false,
        created: Some(due + 1),
        start: Some(due + 2),
        end: Some(due + 12),
        result: RunResult::Succeeded,
        reason: None,
        succeeded_pods: 1,
        failed_pods: 0,
    }
}

fn failed(run: Run) -> Run {
    Run {
        result: RunResult::Failed,
        reason: Some(FailureReason::DeadlineExceeded),
        ..run
    }
}

fn deleted(name: &str, due: Seconds) -> Job {
    let owner = WorkloadRef {
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    Job {
        due: Some(due),
        ..Job::new("maths".into(), name.into(), Uid::parse(name), owner)
    }
}

/// Due time and outcome of each tick.
fn shown(ticks: &Ticks) -> Vec<(Seconds, &'static str)> {
    ticks
        .iter()
        .map(|it| (it.due(), it.outcome.as_str()))
        .collect()
}

#[test]
fn a_tick_takes_16_bytes_and_ticks_a_pointer_with_a_length() {
    assert_eq!(size_of::<Tick>(), 16);
    assert_eq!(size_of::<Ticks>(), 16);
}

#[test]
fn a_tick_has_the_times_of_its_run() {
    let mut ticks = Ticks::default();
    ticks.add_run(&run("a", 100));
    let tick = ticks.iter().next().unwrap();
    assert_eq!((tick.due(), tick.end()), (100, Some(112)));
    assert_eq!(tick.duration(), Some(10));
    assert!(tick.finished() && !tick.manual);
}

#[test]
fn a_run_that_never_started_has_no_duration_and_no_end() {
    let mut ticks = Ticks::default();
    ticks.add_run(&Run {
        due: None,
        start: None,
        ..failed(run("a", 100))
    });
    let tick = ticks.iter().next().unwrap();
    assert_eq!((tick.due(), tick.end(), tick.duration()), (101, None, None));
}

#[test]
fn runs_are_in_the_order_of_their_due_times_and_starts_whenever_they_end() {
    let mut ticks = Ticks::default();
    ticks.add_run(&run("b", 200));
    ticks.add_run(&failed(run("a", 100)));
    ticks.add_run(&Run {
        start: Some(205),
        ..failed(run("c", 200))
    });
    let expected = [(100, "failed"), (200, "succeeded"), (200, "failed")];
    assert_eq!(shown(&ticks), expected);
}

#[test]
fn the_latest_twenty_are_kept() {
    let mut ticks = Ticks::default();
    for due in (100..125).rev() {
        ticks.add_run(&run("a", due));
    }
    assert_eq!(ticks.len(), Ticks::MAX);
    assert_eq!(ticks.iter().next().unwrap().due(), 105);
    ticks.add_run(&run("a", 125));
    assert_eq!(ticks.iter().next().unwrap().due(), 106);
}

#[test]
fn the_same_run_shows_once_and_other_runs_of_the_same_time_show_too() {
    let mut ticks = Ticks::default();
    for name in ["a", "b", "a"] {
        ticks.add_run(&run(name, 100));
    }
    assert_eq!(ticks.len(), 2);
}

#[test]
fn a_late_run_replaces_the_missed_due_time_and_a_manual_one_does_not() {
    let mut ticks = Ticks::default();
    ticks.add_missed(100);
    ticks.add_missed(100);
    ticks.add_missed(200);
    ticks.add_run(&Run {
        due: None,
        start: Some(100),
        manual: true,
        ..run("m", 100)
    });
    let missed = [(100, "missed"), (100, "succeeded"), (200, "missed")];
    assert_eq!(shown(&ticks), missed);
    ticks.remove_missed(200);
    ticks.add_run(&failed(run("a", 100)));
    assert_eq!(shown(&ticks), [(100, "succeeded"), (100, "failed")]);
    // What started was not missed.
    ticks.add_missed(100);
    assert_eq!(ticks.len(), 2);
}

#[test]
fn a_deleted_run_shows_without_an_end() {
    let mut ticks = Ticks::default();
    ticks.add_deleted_run(&deleted("a", 100));
    let tick = ticks.iter().next().unwrap();
    assert_eq!((tick.outcome, tick.end()), (TickOutcome::Deleted, None));
    assert!(!tick.finished());
}

#[test]
fn the_ticks_of_an_earlier_process_come_before_and_each_run_shows_once() {
    let (mut earlier, mut ticks) = (Ticks::default(), Ticks::default());
    for due in 100..110 {
        earlier.add_run(&run("a", due));
    }
    ticks.add_run(&run("a", 109));
    ticks.add_missed(110);
    ticks.continue_from(&earlier);
    assert_eq!(ticks.len(), 11);
    assert_eq!(ticks.iter().next().unwrap().due(), 100);
    assert_eq!(ticks.iter().next_back().unwrap().due(), 110);
}

/// Anybody can write the annotation that has the due time.
#[test]
fn times_out_of_range_are_cut() {
    let mut ticks = Ticks::default();
    for due in [Seconds::MAX - 100, Seconds::MIN + 100] {
        ticks.add_missed(due);
    }
    assert_eq!(shown(&ticks), [(0, "missed"), (u32::MAX.into(), "missed")]);
}
