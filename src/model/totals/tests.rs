//! Runs that came to nothing.

use super::*;
use crate::model::Uid;

const DUE: Seconds = 1_795_392_000;

/// A run that was created and started at the second of its due time.
fn run(result: RunResult) -> Run {
    Run {
        uid: Uid::parse("1"),
        job_name: "nightly-1".into(),
        due: Some(DUE),
        manual: false,
        created: Some(DUE),
        start: Some(DUE),
        end: Some(DUE + 60),
        result,
        reason: None,
        succeeded_pods: 0,
        failed_pods: 1,
    }
}

#[test]
fn a_failed_run_stays_when_its_job_is_seen_again() {
    let mut totals = Totals::new(0);
    totals.add_start(DUE);
    totals.add_run(&run(RunResult::Failed), true, &[]);
    totals.add_start(DUE);
    assert_eq!(totals.consecutive_unsuccessful.count, 1);
    assert_eq!(totals.consecutive_failures.count, 1);
}

#[test]
fn a_missed_due_time_counts_until_its_run_starts_late() {
    let mut totals = Totals::new(0);
    totals.add_missed(DUE);
    totals.add_missed(DUE + 60);
    assert_eq!(totals.consecutive_unsuccessful.count, 2);
    totals.add_start(DUE);
    assert_eq!(totals.consecutive_unsuccessful.count, 1);
    totals.add_run(&run(RunResult::Succeeded), true, &[]);
    assert_eq!(totals.consecutive_unsuccessful.count, 1, "a later one");
}

#[test]
fn a_success_ends_what_came_to_nothing_at_its_due_time() {
    let mut totals = Totals::new(0);
    totals.add_missed(DUE);
    totals.add_run(&run(RunResult::Succeeded), true, &[]);
    totals.add_missed(DUE);
    assert_eq!(totals.consecutive_unsuccessful.count, 0);
}
