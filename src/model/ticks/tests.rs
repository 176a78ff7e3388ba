//! Which ticks a workload keeps, and in which order.

use super::*;
use crate::model::RunExplanation;
use crate::model::{FailureReason, Job, WorkloadRef};

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
        explanation: RunExplanation::default(),
        jobs: None,
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
        due: Some(due).into(),
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
    ticks.add_missed(100, NotStarted::Unexplained);
    ticks.add_missed(100, NotStarted::Unexplained);
    ticks.add_missed(200, NotStarted::Unexplained);
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
    ticks.add_missed(100, NotStarted::Unexplained);
    assert_eq!(ticks.len(), 2);
}

#[test]
fn a_deleted_run_shows_without_an_end() {
    let mut ticks = Ticks::default();
    let deleted = deleted("a", 100);
    ticks.add_deleted_run(RunSortKey::of_job(&deleted), &deleted.uid);
    let tick = ticks.iter().next().unwrap();
    assert_eq!((tick.outcome, tick.end()), (TickOutcome::Deleted, None));
    assert!(!tick.finished());
}

#[test]
fn a_missed_due_time_keeps_the_first_reason_and_has_no_times_of_a_run() {
    for reason in NotStarted::ALL.iter().copied() {
        let mut ticks = Ticks::default();
        ticks.add_missed(100, reason);
        ticks.add_missed(100, NotStarted::Suspended);
        let tick = ticks.iter().next().unwrap();
        assert_eq!((ticks.len(), tick.not_started()), (1, Some(reason)));
        assert_eq!(
            (tick.start(), tick.end(), tick.duration()),
            (None, None, None)
        );
    }
    let mut ticks = Ticks::default();
    // It took as many seconds as a reason has a position.
    ticks.add_run(&Run {
        end: Some(103),
        ..run("a", 100)
    });
    let tick = ticks.iter().next().unwrap();
    assert_eq!((tick.not_started(), tick.duration()), (None, Some(1)));
}

#[test]
fn a_tick_is_about_its_run_or_the_due_time_that_a_run_was_late_for() {
    let mut ticks = Ticks::default();
    ticks.add_run(&run("a", 100));
    ticks.add_missed(200, NotStarted::Unexplained);
    let is_about = |position: usize, run: &Run| {
        let tick = ticks.iter().nth(position).unwrap();
        tick.is_about(run.sort_key(), &run.uid, run.manual)
    };
    assert!(is_about(0, &run("a", 100)));
    for other in [
        run("b", 100),
        run("a", 101),
        Run {
            start: Some(105),
            ..run("a", 100)
        },
    ] {
        assert!(!is_about(0, &other), "{other:?}");
    }
    assert!(is_about(1, &run("late", 200)) && !is_about(1, &run("other", 100)));
    let manual = Run {
        manual: true,
        ..run("manual", 200)
    };
    assert!(!is_about(1, &manual));
}

#[test]
fn the_ticks_of_an_earlier_process_come_before_and_each_run_shows_once() {
    let (mut earlier, mut ticks) = (Ticks::default(), Ticks::default());
    for due in 100..110 {
        earlier.add_run(&run("a", due));
    }
    ticks.add_run(&run("a", 109));
    ticks.add_missed(110, NotStarted::Unexplained);
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
        ticks.add_missed(due, NotStarted::Unexplained);
    }
    assert_eq!(shown(&ticks), [(0, "missed"), (u32::MAX.into(), "missed")]);
}
