//! Runs that came to nothing.

use super::*;
use crate::model::{NativeBuckets, Uid};

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
        explanation: RunExplanation::default(),
        jobs: None,
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

/// The totals as versions without native histograms read and write them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct EarlierTotals {
    first_seen: i64,
    succeeded: u64,
    failed: u64,
    deleted: u64,
    success_durations: Histogram,
    failure_durations: Histogram,
    start_delays: Histogram,
    last: Option<LastRun>,
    last_success: Option<Seconds>,
    last_failure: Option<Seconds>,
    created: Option<Seconds>,
    last_started: Option<Seconds>,
    failures: Streak,
    unsuccessful: Streak,
}

fn totals(native: bool) -> Totals {
    let mut totals = Totals::new(1_000);
    totals.set_native(native, 2_000);
    totals.add_run(&run(RunResult::Succeeded), true, &[10.0]);
    totals.add_run(&run(RunResult::Failed), true, &[10.0]);
    totals
}

#[test]
fn totals_without_native_histograms_are_written_as_before() {
    let written = serde_json::to_string(&totals(false)).unwrap();
    let earlier: EarlierTotals = serde_json::from_str(&written).unwrap();
    assert_eq!(serde_json::to_string(&earlier).unwrap(), written);
}

#[test]
fn an_earlier_version_reads_totals_with_native_histograms_and_writes_them_without() {
    let written = serde_json::to_string(&totals(true)).unwrap();
    let earlier: EarlierTotals = serde_json::from_str(&written).unwrap();
    let rewritten = serde_json::to_string(&earlier).unwrap();
    assert_eq!(
        serde_json::from_str::<Totals>(&rewritten).unwrap(),
        totals(false)
    );
}

#[test]
fn native_histograms_are_read_back() {
    let totals = totals(true);
    let written = serde_json::to_string(&totals).unwrap();
    let native = r#""native":{"since":1000,"success_durations":{"zero":0,"buckets":[[48,1]]}"#;
    assert!(written.contains(native), "{written}");
    let mut read: Totals = serde_json::from_str(&written).unwrap();
    assert_eq!(read, totals);
    assert!(!read.set_native(true, 3_000), "they continue");
    assert_eq!(read, totals);
}

#[test]
fn histograms_that_do_not_agree_restart_from_zero() {
    let mut without = totals(false);
    assert!(without.set_native(true, 3_000));
    assert_eq!(without.histograms_since(), 3_000);
    let mut broken = totals(true);
    broken.success_durations = Histogram::default();
    assert!(broken.set_native(true, 3_000), "the failures are lost");
    for restarted in [&without, &broken] {
        assert_eq!(restarted.failure_durations.count(), 0);
        assert_eq!((restarted.succeeded, restarted.failed), (1, 1));
        let native = restarted.native.as_deref().unwrap();
        assert_eq!(native.failure_durations, NativeBuckets::default());
    }
    let mut unused = Totals::new(1_000);
    assert!(!unused.set_native(true, 3_000));
    assert_eq!(unused.histograms_since(), 1_000, "nothing was lost");
    assert!(!unused.set_native(false, 4_000));
    assert_eq!(unused.native, None);
}

#[test]
fn native_histograms_of_an_earlier_process_are_added() {
    let mut now = Totals::new(5_000);
    now.set_native(true, 5_000);
    now.add_run(&run(RunResult::Succeeded), true, &[10.0]);
    now.continue_from(totals(true));
    let native = now.native.as_deref().unwrap();
    assert_eq!(native.since, 1_000);
    assert_eq!(native.success_durations.positive(), [(48, 2)]);
    assert!(
        !now.set_native(true, 6_000),
        "they agree with the classic ones"
    );
}
