//! Runs that succeed, fail, end late, are manual or do not end.

use super::*;

#[test]
fn failed_and_successful_runs_are_counted_separately() {
    let target = target();
    let first = failed(
        running(2000, 2003),
        2063,
        FailureReason::BackoffLimitExceeded,
    );
    apply(&target, [running(2000, 2003), first.clone()]);
    let gauges = ["last_", "consecutive_failures"];
    let after_failure = [
        "last_run_succeeded 0",
        r#"last_run_failure_reason{reason="BackoffLimitExceeded"} 1"#,
        "last_run_start_timestamp_seconds 2003",
        "last_run_end_timestamp_seconds 2063",
        "last_run_duration_seconds 60",
        "last_failure_timestamp_seconds 2063",
        "consecutive_failures 1",
    ];
    assert_eq!(lines_of(&gauges, &target), after_failure);

    let second = complete(running(3000, 3000), 3061);
    apply(&target, [second.clone(), first, second]);
    let after_success = [
        "last_run_succeeded 1",
        "last_run_start_timestamp_seconds 3000",
        "last_run_end_timestamp_seconds 3061",
        "last_run_duration_seconds 61",
        "last_success_timestamp_seconds 3061",
        "last_failure_timestamp_seconds 2063",
        "consecutive_failures 0",
    ];
    assert_eq!(lines_of(&gauges, &target), after_success);

    let counted = r#"
runs_total{result="succeeded"} 1
runs_total{result="failed"} 1
run_duration_seconds_bucket{result="succeeded",le="60.0"} 0
run_duration_seconds_bucket{result="succeeded",le="3600.0"} 1
run_duration_seconds_bucket{result="succeeded",le="+Inf"} 1
run_duration_seconds_sum{result="succeeded"} 61
run_duration_seconds_count{result="succeeded"} 1
run_duration_seconds_bucket{result="failed",le="60.0"} 1
run_duration_seconds_bucket{result="failed",le="3600.0"} 1
run_duration_seconds_bucket{result="failed",le="+Inf"} 1
run_duration_seconds_sum{result="failed"} 60
run_duration_seconds_count{result="failed"} 1
"#;
    let counted: Vec<&str> = counted.trim().lines().collect();
    assert_eq!(lines_of(&["run"], &target), counted);
    let delays = [
        r#"start_delay_seconds_bucket{le="1.0"} 1"#,
        r#"start_delay_seconds_bucket{le="2.0"} 1"#,
        r#"start_delay_seconds_bucket{le="5.0"} 2"#,
    ];
    assert_eq!(lines_of(&["start_delay"], &target)[..3], delays);
    let ends = ["start_delay_seconds_sum", "start_delay_seconds_count"];
    let expected = ["start_delay_seconds_sum 3", "start_delay_seconds_count 2"];
    assert_eq!(lines_of(&ends, &target), expected);
}

#[test]
fn every_reason_has_its_name() {
    for reason in [
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "PodFailurePolicy",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
        "Other",
    ] {
        let target = target();
        let run = failed(running(2000, 2000), 2001, FailureReason::parse(reason));
        apply(&target, [run]);
        let expected = format!(r#"last_run_failure_reason{{reason="{reason}"}} 1"#);
        assert_eq!(lines_of(&["last_run_failure_reason"], &target), [expected]);
    }
}

#[test]
fn a_manual_run_is_counted_but_is_not_the_last_run() {
    let target = target();
    let manual = Job {
        manual: true,
        due: None.into(),
        ..running(4000, 4000)
    };
    let scheduled = complete(running(2000, 2000), 2010);
    apply(
        &target,
        [scheduled, failed(manual, 4010, FailureReason::Other)],
    );
    let prefixes = [
        "runs_total",
        "last_run_succeeded",
        "last_failure_timestamp",
        "consecutive",
        "start_delay_seconds_count",
    ];
    let expected = [
        r#"runs_total{result="succeeded"} 1"#,
        r#"runs_total{result="failed"} 1"#,
        "last_run_succeeded 1",
        "last_failure_timestamp_seconds 4010",
        "consecutive_failures 0",
        "consecutive_unsuccessful 0",
        "start_delay_seconds_count 1",
    ];
    assert_eq!(lines_of(&prefixes, &target), expected);
}

#[test]
fn an_old_run_that_ends_late_is_not_the_last_run() {
    let target = target();
    let (old, new) = (running(2000, 2000), running(3000, 3000));
    apply(&target, [old.clone(), complete(new, 3060)]);
    apply(
        &target,
        [failed(old, 5000, FailureReason::DeadlineExceeded)],
    );
    let prefixes = ["runs_total", "last_run_", "last_success", "last_failure_t"];
    let expected = [
        r#"runs_total{result="succeeded"} 1"#,
        r#"runs_total{result="failed"} 1"#,
        "last_run_succeeded 1",
        "last_run_start_timestamp_seconds 3000",
        "last_run_end_timestamp_seconds 3060",
        "last_run_duration_seconds 60",
        "last_success_timestamp_seconds 3060",
        "last_failure_timestamp_seconds 5000",
    ];
    assert_eq!(lines_of(&prefixes, &target), expected);
}

#[test]
fn active_runs_are_neither_suspended_nor_finished() {
    let target = target();
    let prefixes = ["active_runs", "oldest", "runs_total", "deleted"];
    let expect = |active: &[&str], deleted: &str| {
        let deleted = format!("deleted_runs_total {deleted}");
        let idle = [
            r#"runs_total{result="succeeded"} 0"#,
            r#"runs_total{result="failed"} 0"#,
            &deleted,
        ];
        assert_eq!(lines_of(&prefixes, &target), [&idle, active].concat());
    };
    let pending = Job {
        state: JobState::Pending,
        start: None.into(),
        ..running(1500, 0)
    };
    apply(&target, [pending]);
    expect(&["active_runs 1"], "0");
    apply(&target, [running(2000, 2005), running(1800, 2010)]);
    let oldest = "oldest_active_run_start_timestamp_seconds 2005";
    expect(&["active_runs 3", oldest], "0");
    let suspended = Job {
        state: JobState::Suspended,
        start: None.into(),
        ..running(2000, 0)
    };
    apply(&target, [suspended]);
    let oldest = "oldest_active_run_start_timestamp_seconds 2010";
    expect(&["active_runs 2", oldest], "0");
    apply(&target, [running(2000, 9000)]);
    expect(&["active_runs 3", oldest], "0");
    target
        .jobs
        .push(Update::Jobs(Change::Deleted(running(1800, 2010))));
    let oldest = "oldest_active_run_start_timestamp_seconds 9000";
    expect(&["active_runs 2", oldest], "1");
}

#[test]
fn a_run_that_ended_earlier_is_the_last_run_but_is_not_counted() {
    let target = target();
    apply(
        &target,
        [failed(running(900, 900), 950, FailureReason::Other)],
    );
    let prefixes = [
        "runs_total",
        "run_duration_seconds_count",
        "last_run_succ",
        "consec",
    ];
    let expected = [
        r#"runs_total{result="succeeded"} 0"#,
        r#"runs_total{result="failed"} 0"#,
        r#"run_duration_seconds_count{result="succeeded"} 0"#,
        r#"run_duration_seconds_count{result="failed"} 0"#,
        "last_run_succeeded 0",
        "consecutive_failures 1",
        "consecutive_unsuccessful 1",
    ];
    assert_eq!(lines_of(&prefixes, &target), expected);
}
