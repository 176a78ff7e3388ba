//! The samples of each family about a workload, after updates from a source.
//!
//! The results of runs are in [`runs`].

use std::sync::Arc;

use super::*;
use crate::{
    metrics::{format::Format, table::testing::section_lines},
    model::{
        self, Change, CronJob, Departure, FailureReason, FeedHandle, FeedScope, Job, JobState,
        NoopJournal, RestoredState, RestoredWorkload, Sink, Totals, Uid, Update,
        WorkloadAnnotations, WorkloadId,
    },
    store::{StoreSettings, TargetStore, Thresholds},
};

mod runs;

/// The labels of the usual workload.
const NIGHTLY: &str = r#"namespace="reports",workload_type="cronjob",workload="nightly""#;

/// A target and its feeds.
struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
}

/// A target that counts runs that ended at 1000 or later, with these totals of the usual workload.
fn target_with(totals: Totals, thresholds: Thresholds) -> Target {
    let settings = StoreSettings {
        thresholds,
        run_duration_buckets: Arc::new([60.0, 3600.0]),
        ..StoreSettings::default()
    };
    let id = WorkloadId {
        namespace: "reports".into(),
        kind: "cronjob".into(),
        name: "nightly".into(),
    };
    let restored = RestoredState {
        since: 1000,
        workloads: vec![RestoredWorkload {
            id,
            state: totals.into(),
            last_existed: 0,
            departure: Departure::Cleanup,
        }],
        ..RestoredState::default()
    };
    let journal = Arc::new(NoopJournal);
    let store = Arc::new(TargetStore::restored(
        None,
        settings.into(),
        restored,
        journal,
    ));
    Target {
        jobs: store.clone().register(FeedScope::Jobs(None)),
        cronjobs: store.clone().register(FeedScope::CronJobs(None)),
        store,
    }
}

fn target() -> Target {
    target_with(Totals::new(500_250), StoreSettings::default().thresholds)
}

/// A running Job of the usual workload with these times of due time, creation and start.
fn running(due: i64, start: i64) -> Job {
    let workload = model::WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly".into(),
    };
    let name = format!("nightly-{due}");
    let uid = Uid::parse(&name);
    Job {
        state: JobState::Running,
        due: Some(due).into(),
        created: Some(due).into(),
        start: Some(start).into(),
        ..Job::new("reports".into(), name.into(), uid, workload)
    }
}

fn complete(job: Job, end: i64) -> Job {
    Job {
        state: JobState::Complete,
        state_since: Some(end).into(),
        ..job
    }
}

fn failed(job: Job, end: i64, reason: FailureReason) -> Job {
    Job {
        state: JobState::Failed,
        failure: Some(reason),
        state_since: Some(end).into(),
        ..job
    }
}

/// The same Job, but without an owner.
fn alone(job: Job) -> Job {
    let workload = model::WorkloadRef {
        kind: "job".into(),
        name: job.name.to_shared(),
    };
    Job {
        due: None.into(),
        ..job
    }
    .with_workload(workload)
}

fn cronjob(annotations: WorkloadAnnotations) -> CronJob {
    let uid = Uid::parse("the CronJob");
    CronJob {
        annotations: Some(Box::new(annotations)),
        ..CronJob::new("reports".into(), "nightly".into(), uid, "@daily".into())
    }
}

fn apply(target: &Target, jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        target.jobs.push(Update::Jobs(Change::Applied(job)));
    }
}

fn schedule(target: &Target, cronjob: CronJob) {
    target
        .cronjobs
        .push(Update::CronJobs(Change::Applied(cronjob)));
}

/// All lines about workloads, without the labels of the usual workload.
fn lines(target: &Target, format: Format) -> Vec<String> {
    let text = section_lines::<Workloads>(format, &target.store.snapshot()).join("\n");
    let text = text
        .replace("batch_workload_", "")
        .replace(&format!("{{{NIGHTLY}}}"), "")
        .replace(&format!("{NIGHTLY},"), "");
    text.lines().map(str::to_owned).collect()
}

/// The lines with one of these prefixes.
fn lines_of(prefixes: &[&str], target: &Target) -> Vec<String> {
    let mut lines = lines(target, Format::Text);
    lines.retain(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)));
    lines
}

#[test]
fn counters_exist_before_the_first_run() {
    let target = target();
    schedule(&target, cronjob(WorkloadAnnotations::default()));
    let expected = r#"
info{severity="",runbook=""} 1
jobs 0
runs_total{result="succeeded"} 0
runs_total{result="failed"} 0
deleted_runs_total 0
run_duration_seconds_bucket{result="succeeded",le="60.0"} 0
run_duration_seconds_bucket{result="succeeded",le="3600.0"} 0
run_duration_seconds_bucket{result="succeeded",le="+Inf"} 0
run_duration_seconds_sum{result="succeeded"} 0
run_duration_seconds_count{result="succeeded"} 0
run_duration_seconds_bucket{result="failed",le="60.0"} 0
run_duration_seconds_bucket{result="failed",le="3600.0"} 0
run_duration_seconds_bucket{result="failed",le="+Inf"} 0
run_duration_seconds_sum{result="failed"} 0
run_duration_seconds_count{result="failed"} 0
consecutive_failures 0
consecutive_unsuccessful 0
active_runs 0
start_delay_seconds_bucket{le="1.0"} 0
start_delay_seconds_bucket{le="2.0"} 0
start_delay_seconds_bucket{le="5.0"} 0
start_delay_seconds_bucket{le="10.0"} 0
start_delay_seconds_bucket{le="30.0"} 0
start_delay_seconds_bucket{le="60.0"} 0
start_delay_seconds_bucket{le="120.0"} 0
start_delay_seconds_bucket{le="300.0"} 0
start_delay_seconds_bucket{le="600.0"} 0
start_delay_seconds_bucket{le="1800.0"} 0
start_delay_seconds_bucket{le="3600.0"} 0
start_delay_seconds_bucket{le="14400.0"} 0
start_delay_seconds_bucket{le="+Inf"} 0
start_delay_seconds_sum 0
start_delay_seconds_count 0
threshold_seconds{threshold="start_grace"} 60
threshold_failures 0
"#;
    let expected: Vec<&str> = expected.trim().lines().collect();
    assert_eq!(lines(&target, Format::Text), expected);
}

#[test]
fn a_job_without_an_owner_has_no_histograms() {
    let target = target();
    let job = alone(running(2000, 2000));
    let labels = r#"namespace="reports",workload_type="job",workload="nightly-2000""#;
    let prefixes = ["runs_total", "run_duration", "start_delay", "threshold_s"];
    let mut expected = vec![
        format!(r#"runs_total{{{labels},result="succeeded"}} 0"#),
        format!(r#"runs_total{{{labels},result="failed"}} 0"#),
    ];
    apply(&target, [job.clone()]);
    assert_eq!(lines_of(&prefixes, &target), expected);

    apply(&target, [complete(job, 2030)]);
    expected[0] = format!(r#"runs_total{{{labels},result="succeeded"}} 1"#);
    assert_eq!(lines_of(&prefixes, &target), expected);
}

#[test]
fn owners_of_other_kinds_have_durations_but_no_schedule() {
    let target = target();
    let workload = model::WorkloadRef {
        kind: "workflow".into(),
        name: "etl".into(),
    };
    let job = running(2000, 2000).with_workload(workload);
    apply(&target, [job]);
    let shown = |prefix: &str| lines_of(&[prefix], &target).len();
    assert_eq!(shown("run_duration_seconds_count"), 2);
    assert_eq!(shown("start_delay"), 0);
    assert_eq!(shown("threshold_seconds"), 0);
}

#[test]
fn annotations_override_the_configured_thresholds() {
    let configured = Thresholds {
        max_duration: Some(21_600),
        max_success_age: Some(90_000),
        start_grace: 60,
        max_failures: 1,
    };
    let target = target_with(Totals::default(), configured);
    let annotations = WorkloadAnnotations {
        max_duration: Some(7200),
        start_grace: Some(0),
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example.com/\"nightly\"".into()),
        ..WorkloadAnnotations::default()
    };
    schedule(&target, cronjob(annotations));
    let expected = [
        r#"info{severity="page",runbook="https://runbooks.example.com/\"nightly\""} 1"#,
        r#"threshold_seconds{threshold="max_duration"} 7200"#,
        r#"threshold_seconds{threshold="max_success_age"} 90000"#,
        r#"threshold_seconds{threshold="start_grace"} 0"#,
        "threshold_failures 1",
    ];
    assert_eq!(lines_of(&["info", "threshold"], &target), expected);
}

#[test]
fn an_invalid_annotation_is_shown_once_until_it_is_corrected() {
    let target = target();
    let bad = |annotation, value: &str| (annotation, value.into());
    let annotations = WorkloadAnnotations {
        invalid: vec![
            bad("max-duration", "soon"),
            bad("unknown", "job-status-exporter/max-age"),
            bad("max-duration", "later"),
            bad("unknown", "job-status-exporter/owner"),
        ],
        ..WorkloadAnnotations::default()
    };
    schedule(&target, cronjob(annotations));
    let expected = [
        r#"annotation_invalid{annotation="max-duration"} 1"#,
        r#"annotation_invalid{annotation="unknown"} 1"#,
    ];
    assert_eq!(lines_of(&["annotation"], &target), expected);
    schedule(&target, cronjob(WorkloadAnnotations::default()));
    assert!(lines_of(&["annotation"], &target).is_empty());
}

#[test]
fn openmetrics_has_the_creation_time_of_counters() {
    let target = target();
    apply(&target, [complete(running(2000, 2000), 2030)]);
    let mut lines = lines(&target, Format::OpenMetrics);
    let is_counted = |line: &str| {
        ["_total", "_count", "_created"]
            .iter()
            .any(|suffix| line.contains(suffix))
    };
    lines.retain(|line| is_counted(line));
    let expected = [
        r#"runs_total{result="succeeded"} 1"#,
        r#"runs_created{result="succeeded"} 500.25"#,
        r#"runs_total{result="failed"} 0"#,
        r#"runs_created{result="failed"} 500.25"#,
        "deleted_runs_total 0",
        "deleted_runs_created 500.25",
        r#"run_duration_seconds_count{result="succeeded"} 1"#,
        r#"run_duration_seconds_created{result="succeeded"} 500.25"#,
        r#"run_duration_seconds_count{result="failed"} 0"#,
        r#"run_duration_seconds_created{result="failed"} 500.25"#,
        "start_delay_seconds_count 1",
        "start_delay_seconds_created 500.25",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn durations_with_other_bounds_are_not_shown() {
    let mut totals = Totals::new(500_250);
    totals.success_durations.observe(30.0, &[10.0]);
    let target = target_with(totals, StoreSettings::default().thresholds);
    let expect = |below: u64| {
        let shown = lines_of(&["run_duration_seconds"], &target);
        let expected = [
            format!(r#"run_duration_seconds_bucket{{result="succeeded",le="60.0"}} {below}"#),
            format!(r#"run_duration_seconds_bucket{{result="succeeded",le="3600.0"}} {below}"#),
            format!(r#"run_duration_seconds_bucket{{result="succeeded",le="+Inf"}} {below}"#),
            format!(
                r#"run_duration_seconds_sum{{result="succeeded"}} {}"#,
                20 * below
            ),
            format!(r#"run_duration_seconds_count{{result="succeeded"}} {below}"#),
        ];
        assert_eq!(shown[..5], expected);
    };
    schedule(&target, cronjob(WorkloadAnnotations::default()));
    expect(0);
    apply(&target, [complete(running(2000, 2000), 2020)]);
    expect(1);
}
