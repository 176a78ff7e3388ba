//! What runs add up to, whatever the order in which they are told of.

use super::*;

const BOUNDS: [f64; 3] = [1.0, 60.0, 3600.0];

fn run(due: Seconds, end: Seconds, result: RunResult) -> Run {
    Run {
        uid: Uid::parse(&format!("{due}-{end}")),
        job_name: format!("tick-{due}").into(),
        due: Some(due),
        manual: false,
        created: Some(due),
        start: Some(due + 1),
        end: Some(end),
        result,
        reason: (result == RunResult::Failed).then_some(FailureReason::BackoffLimitExceeded),
        succeeded_pods: 0,
        failed_pods: 0,
    }
}

fn succeeded(due: Seconds, end: Seconds) -> Run {
    run(due, end, RunResult::Succeeded)
}

fn failed(due: Seconds, end: Seconds) -> Run {
    run(due, end, RunResult::Failed)
}

fn totals(runs: &[Run]) -> Totals {
    let mut totals = Totals::new(0);
    for run in runs {
        totals.finish(run, true, &BOUNDS);
    }
    totals
}

#[test]
fn the_last_run_is_that_of_the_last_due_time() {
    // The run of 100 takes long and fails after the run of 200 went well.
    let totals = totals(&[succeeded(200, 210), failed(100, 900)]);
    let last = totals.last.unwrap();
    assert!(last.succeeded);
    assert_eq!(last.end, Some(210));
    assert_eq!(totals.streak.failures, 0);
    assert_eq!(totals.last_success, Some(210));
    assert_eq!(
        totals.last_failure,
        Some((900, FailureReason::BackoffLimitExceeded))
    );
}

#[test]
fn without_a_due_time_start_and_creation_decide() {
    let plain = |created, start| Run {
        due: None,
        created: Some(created),
        start,
        ..failed(created, 999)
    };
    assert!(plain(10, Some(50)).order() > plain(20, Some(40)).order());
    assert!(plain(20, None).order() > plain(10, Some(15)).order());
    assert!(plain(20, Some(30)).order() > plain(10, Some(30)).order());
}

#[test]
fn failures_in_a_row_are_those_after_the_last_success_in_their_order() {
    let mut told_late = totals(&[failed(100, 101), failed(300, 301), failed(400, 401)]);
    assert_eq!(told_late.streak.failures, 3);
    told_late.finish(&succeeded(200, 999), true, &BOUNDS);
    assert_eq!(told_late.streak.failures, 2);
    told_late.finish(&failed(150, 999), true, &BOUNDS);
    assert_eq!(told_late.streak.failures, 2);
    told_late.finish(&succeeded(400, 999), true, &BOUNDS);
    assert_eq!(told_late.streak.failures, 0);
}

#[test]
fn a_streak_goes_on_counting_past_what_it_knows_one_by_one() {
    let runs: Vec<_> = (0..1000).map(|due| failed(due, due + 1)).collect();
    let mut totals = totals(&runs);
    assert_eq!(totals.streak.failures, 1000);
    assert_eq!(totals.streak.latest.len(), STREAK);
    totals.finish(&succeeded(990, 2000), true, &BOUNDS);
    assert_eq!(totals.streak.failures, 9);
}

#[test]
fn a_manual_run_counts_but_is_not_the_last_scheduled_one() {
    let manual = Run {
        manual: true,
        due: None,
        ..succeeded(500, 510)
    };
    let totals = totals(&[failed(100, 101), manual]);
    assert_eq!((totals.succeeded, totals.failed), (1, 1));
    assert!(!totals.last.unwrap().succeeded);
    assert_eq!(totals.streak.failures, 1);
    assert_eq!(totals.last_success, Some(510));
}

#[test]
fn a_run_that_is_not_counted_moves_no_counter() {
    let mut totals = Totals::new(0);
    assert!(totals.finish(&failed(100, 160), false, &BOUNDS));
    assert_eq!((totals.succeeded, totals.failed), (0, 0));
    assert_eq!(totals.failure_durations, Histogram::default());
    assert_eq!(totals.start_delays, Histogram::default());
    assert_eq!(totals.streak.failures, 1);
    assert_eq!(totals.last.unwrap().end, Some(160));
}

#[test]
fn durations_fall_into_buckets_whose_bound_they_do_not_exceed() {
    let totals = totals(&[
        succeeded(0, 2),        // took 1 s
        succeeded(10, 72),      // 61 s
        succeeded(100, 50_000), // longer than any bound
        succeeded(60_000, 0),   // clocks that disagree
    ]);
    assert_eq!(*totals.success_durations.buckets, [2, 0, 1, 1]);
    assert_eq!(totals.success_durations.count(), 4);
    assert!((totals.success_durations.sum - 49_961.0).abs() < 1e-9);
    assert_eq!(totals.failure_durations.count(), 0);
    assert_eq!(totals.start_delays.count(), 4);
    assert_eq!(totals.start_delays.buckets[0], 4);
}

#[test]
fn what_is_not_known_is_not_observed() {
    let mut never_started = failed(100, 160);
    never_started.start = None;
    let mut no_times = failed(100, 160);
    (no_times.due, no_times.created) = (None, None);
    (no_times.start, no_times.end) = (None, None);
    let totals = totals(&[never_started, no_times]);
    assert_eq!(totals.failed, 2);
    assert_eq!(totals.failure_durations.count(), 0);
    assert_eq!(totals.start_delays.count(), 0);
}

#[test]
fn other_bounds_begin_another_histogram() {
    let mut histogram = Histogram::default();
    histogram.observe(5.0, &BOUNDS);
    histogram.observe(5.0, &[10.0]);
    assert_eq!(*histogram.buckets, [1, 0]);
    assert!((histogram.sum - 5.0).abs() < 1e-9);
}
