//! The totals do not depend on the order in which runs are reported.

use super::*;
use crate::model::Histogram;

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
        explanation: RunExplanation::default(),
        jobs: None,
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
        totals.add_run(run, true, &BOUNDS);
    }
    totals
}

#[test]
fn the_last_run_is_the_one_with_the_latest_due_time() {
    // The run that is due at 100 fails after the run that is due at 200 has succeeded.
    let totals = totals(&[succeeded(200, 210), failed(100, 900)]);
    let last = totals.last.as_ref().unwrap();
    assert!(last.succeeded);
    assert_eq!(last.end, Some(210));
    assert_eq!(totals.consecutive_failures.count, 0);
    assert_eq!(totals.last_success, Some(210));
    assert_eq!((totals.last_failure, last.reason), (Some(900), None));
}

#[test]
fn runs_without_a_due_time_are_sorted_by_start_and_creation() {
    let plain = |created, start| Run {
        due: None,
        created: Some(created),
        start,
        ..failed(created, 999)
    };
    assert!(plain(10, Some(50)).sort_key() > plain(20, Some(40)).sort_key());
    assert!(plain(20, None).sort_key() > plain(10, Some(15)).sort_key());
    assert!(plain(20, Some(30)).sort_key() > plain(10, Some(30)).sort_key());
}

#[test]
fn consecutive_failures_are_the_runs_sorted_after_the_last_success() {
    let mut totals = totals(&[failed(100, 101), failed(300, 301), failed(400, 401)]);
    assert_eq!(totals.consecutive_failures.count, 3);
    totals.add_run(&succeeded(200, 999), true, &BOUNDS);
    assert_eq!(totals.consecutive_failures.count, 2);
    totals.add_run(&failed(150, 999), true, &BOUNDS);
    assert_eq!(totals.consecutive_failures.count, 2);
    totals.add_run(&succeeded(400, 999), true, &BOUNDS);
    assert_eq!(totals.consecutive_failures.count, 0);
}

#[test]
fn more_consecutive_failures_than_are_kept_are_counted() {
    let runs: Vec<_> = (0..1000).map(|due| failed(due, due + 1)).collect();
    let mut totals = totals(&runs);
    assert_eq!(totals.consecutive_failures.count, 1000);
    totals.add_run(&succeeded(990, 2000), true, &BOUNDS);
    assert_eq!(totals.consecutive_failures.count, 9);
}

#[test]
fn a_manual_run_is_counted_but_is_not_the_last_run() {
    let manual = Run {
        manual: true,
        due: None,
        ..succeeded(500, 510)
    };
    let totals = totals(&[failed(100, 101), manual]);
    assert_eq!((totals.succeeded, totals.failed), (1, 1));
    assert!(!totals.last.unwrap().succeeded);
    assert_eq!(totals.consecutive_failures.count, 1);
    assert_eq!(totals.last_success, Some(510));
}

#[test]
fn a_run_that_is_not_counted_changes_no_counter() {
    let mut totals = Totals::new(0);
    assert!(totals.add_run(&failed(100, 160), false, &BOUNDS));
    assert_eq!((totals.succeeded, totals.failed), (0, 0));
    assert_eq!(totals.failure_durations, Histogram::default());
    assert_eq!(totals.start_delays, Histogram::default());
    assert_eq!(totals.consecutive_failures.count, 1);
    assert_eq!(totals.last.unwrap().end, Some(160));
}

#[test]
fn a_duration_is_counted_in_the_first_bucket_whose_bound_it_does_not_exceed() {
    let totals = totals(&[
        succeeded(0, 2),        // took 1 s
        succeeded(10, 72),      // 61 s
        succeeded(100, 50_000), // longer than any bound
        succeeded(60_000, 0),   // clock skew
    ]);
    assert_eq!(*totals.success_durations.buckets, [2, 0, 1, 1]);
    assert_eq!(totals.success_durations.count(), 4);
    assert!((totals.success_durations.sum - 49_961.0).abs() < 1e-9);
    assert_eq!(totals.failure_durations.count(), 0);
    assert_eq!(totals.start_delays.count(), 4);
    assert_eq!(totals.start_delays.buckets[0], 4);
}

#[test]
fn unknown_times_are_not_observed() {
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
fn a_histogram_with_other_bounds_restarts_from_zero() {
    let mut histogram = Histogram::default();
    histogram.observe(5.0, &BOUNDS);
    histogram.observe(5.0, &[10.0]);
    assert_eq!(*histogram.buckets, [1, 0]);
    assert!((histogram.sum - 5.0).abs() < 1e-9);
}

/// Histories contain this form: a change of it needs a new format version.
#[test]
fn the_serialized_form_of_totals_is_that_of_the_history() {
    let totals = totals(&[succeeded(100, 110), failed(200, 260)]);
    let expected = serde_json::json!({
        "first_seen": 0, "succeeded": 1, "failed": 1, "deleted": 0,
        "success_durations": {"buckets": [0, 1, 0, 0], "sum": 9.0},
        "failure_durations": {"buckets": [0, 1, 0, 0], "sum": 59.0},
        "start_delays": {"buckets": [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "sum": 2.0},
        "last": {"order": [200, 201, 200], "succeeded": false, "start": 201, "end": 260,
            "reason": "BackoffLimitExceeded"},
        "last_success": 110, "last_failure": 260, "created": null, "last_started": null,
        "failures": {"count": 1, "latest": [[200, 201, 200]], "success": [100, 101, 100]},
        "unsuccessful": {"count": 1, "latest": [[200, 201, 200]], "success": [100, 101, 100]},
    });
    assert_eq!(serde_json::to_value(&totals).unwrap(), expected);
    assert_eq!(serde_json::from_value::<Totals>(expected).unwrap(), totals);
}
