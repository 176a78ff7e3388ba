//! What each family shows of a workload, from what a source pushed.
//!
//! What comes of runs, in which order ever they end, is in [`runs`].

use std::sync::Arc;

use bytes::BytesMut;

use super::*;
use crate::{
    metrics::{
        Format,
        family::{Family, View},
    },
    model::{
        self, Change, CronJob, FailureReason, FeedId, FeedScope, Job, JobState, NoopJournal,
        RestoredState, Sink, Totals, Uid, Update, WorkloadAnnotations, WorkloadId,
    },
    store::{StoreSettings, TargetStore, Thresholds},
};

mod runs;

const JOBS: FeedId = FeedId(0);
const CRONJOBS: FeedId = FeedId(1);

/// What all series of the usual workload have in common.
const NIGHTLY: &str = r#"namespace="reports",workload_type="cronjob",workload="nightly""#;

/// A target that counts runs which ended at 1000 or later, and remembers these totals of the usual workload.
fn slice_with(totals: Totals, thresholds: Thresholds) -> TargetStore {
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
    let memory = RestoredState {
        since: 1000,
        workloads: vec![(id, totals, 0)],
        ..RestoredState::default()
    };
    let feeds = vec![FeedScope::Jobs, FeedScope::CronJobs];
    let settings = Arc::new(settings);
    TargetStore::remembering(None, feeds, settings, memory, Arc::new(NoopJournal))
}

fn slice() -> TargetStore {
    slice_with(Totals::new(500_250), StoreSettings::default().thresholds)
}

/// A Job of the usual workload that is under way: due, created and started at these times.
fn running(due: i64, start: i64) -> Job {
    let workload = model::WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly".into(),
    };
    let name = format!("nightly-{due}");
    let uid = Uid::parse(&name);
    Job {
        state: JobState::Running,
        due: Some(due),
        created: Some(due),
        start: Some(start),
        ..Job::new("reports".into(), name.into(), uid, workload)
    }
}

fn complete(job: Job, end: i64) -> Job {
    Job {
        state: JobState::Complete,
        end: Some(end),
        ..job
    }
}

fn failed(job: Job, end: i64, reason: FailureReason) -> Job {
    Job {
        state: JobState::Failed,
        failure: Some(reason),
        end: Some(end),
        ..job
    }
}

/// The same Job, but without an owner.
fn alone(job: Job) -> Job {
    let workload = model::WorkloadRef {
        kind: "job".into(),
        name: job.name.clone(),
    };
    Job {
        due: None,
        workload,
        ..job
    }
}

fn cronjob(annotations: WorkloadAnnotations) -> CronJob {
    let uid = Uid::parse("the CronJob");
    CronJob {
        annotations: Some(Box::new(annotations)),
        ..CronJob::new("reports".into(), "nightly".into(), uid, "@daily".into())
    }
}

fn apply(slice: &TargetStore, jobs: impl IntoIterator<Item = Job>) {
    for job in jobs {
        slice.push(JOBS, Update::Jobs(Change::Applied(job)));
    }
}

fn schedule(slice: &TargetStore, cronjob: CronJob) {
    slice.push(CRONJOBS, Update::CronJobs(Change::Applied(cronjob)));
}

/// All lines about workloads, without what those of the usual one have in common.
fn lines(slice: &TargetStore, format: Format) -> Vec<String> {
    let (snapshot, mut page) = (slice.snapshot(), BytesMut::new());
    let view = View {
        format,
        ..View::PLAIN
    };
    for row in WorkloadRecord::ROWS {
        row.render(view, &snapshot, 0, &mut page);
    }
    let text = String::from_utf8(page.to_vec()).unwrap();
    let text = text
        .replace("batch_workload_", "")
        .replace(&format!("{{{NIGHTLY}}}"), "")
        .replace(&format!("{NIGHTLY},"), "");
    text.lines().map(str::to_owned).collect()
}

/// Those whose names start in one of these ways.
fn lines_of(prefixes: &[&str], slice: &TargetStore) -> Vec<String> {
    let mut lines = lines(slice, Format::Text);
    lines.retain(|line| prefixes.iter().any(|prefix| line.starts_with(prefix)));
    lines
}

#[test]
fn counters_are_there_before_the_first_run() {
    let slice = slice();
    schedule(&slice, cronjob(WorkloadAnnotations::default()));
    let expected = r#"
info{severity="",runbook=""} 1
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
"#;
    let expected: Vec<&str> = expected.trim().lines().collect();
    assert_eq!(lines(&slice, Format::Text), expected);
}

#[test]
fn a_job_of_its_own_has_no_durations_of_what_did_not_happen() {
    let slice = slice();
    let job = alone(running(2000, 2000));
    let labels = r#"namespace="reports",workload_type="job",workload="nightly-2000""#;
    let prefixes = ["runs_total", "run_duration", "start_delay", "threshold"];
    let mut expected = vec![
        format!(r#"runs_total{{{labels},result="succeeded"}} 0"#),
        format!(r#"runs_total{{{labels},result="failed"}} 0"#),
    ];
    apply(&slice, [job.clone()]);
    assert_eq!(lines_of(&prefixes, &slice), expected);

    apply(&slice, [complete(job, 2030)]);
    expected[0] = format!(r#"runs_total{{{labels},result="succeeded"}} 1"#);
    for (le, runs) in [("60.0", 1), ("3600.0", 1), ("+Inf", 1)] {
        expected.push(format!(
            r#"run_duration_seconds_bucket{{{labels},result="succeeded",le="{le}"}} {runs}"#
        ));
    }
    for (part, value) in [("sum", 30), ("count", 1)] {
        expected.push(format!(
            r#"run_duration_seconds_{part}{{{labels},result="succeeded"}} {value}"#
        ));
    }
    assert_eq!(lines_of(&prefixes, &slice), expected);
}

#[test]
fn owners_of_other_kinds_have_durations_but_no_schedule() {
    let slice = slice();
    let workload = model::WorkloadRef {
        kind: "workflow".into(),
        name: "etl".into(),
    };
    let job = Job {
        workload,
        ..running(2000, 2000)
    };
    apply(&slice, [job]);
    let shown = |prefix: &str| lines_of(&[prefix], &slice).len();
    assert_eq!(shown("run_duration_seconds_count"), 2);
    assert_eq!(shown("start_delay"), 0);
    assert_eq!(shown("threshold"), 0);
}

#[test]
fn annotations_win_over_the_configured_thresholds() {
    let configured = Thresholds {
        max_duration: Some(21_600),
        max_success_age: Some(90_000),
        start_grace: 60,
    };
    let slice = slice_with(Totals::default(), configured);
    let said = WorkloadAnnotations {
        max_duration: Some(7200),
        start_grace: Some(0),
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example.com/\"nightly\"".into()),
        ..WorkloadAnnotations::default()
    };
    schedule(&slice, cronjob(said));
    let expected = [
        r#"info{severity="page",runbook="https://runbooks.example.com/\"nightly\""} 1"#,
        r#"threshold_seconds{threshold="max_duration"} 7200"#,
        r#"threshold_seconds{threshold="max_success_age"} 90000"#,
        r#"threshold_seconds{threshold="start_grace"} 0"#,
    ];
    assert_eq!(lines_of(&["info", "threshold"], &slice), expected);
}

#[test]
fn an_annotation_without_sense_is_shown_once_and_until_it_is_put_right() {
    let slice = slice();
    let bad = |annotation, value: &str| (annotation, value.into());
    let said = WorkloadAnnotations {
        invalid: vec![
            bad("max-duration", "soon"),
            bad("unknown", "job-status-exporter/max-age"),
            bad("max-duration", "later"),
            bad("unknown", "job-status-exporter/owner"),
        ],
        ..WorkloadAnnotations::default()
    };
    schedule(&slice, cronjob(said));
    let expected = [
        r#"annotation_invalid{annotation="max-duration"} 1"#,
        r#"annotation_invalid{annotation="unknown"} 1"#,
    ];
    assert_eq!(lines_of(&["annotation"], &slice), expected);
    schedule(&slice, cronjob(WorkloadAnnotations::default()));
    assert!(lines_of(&["annotation"], &slice).is_empty());
}

#[test]
fn openmetrics_tells_since_when_is_counted() {
    let slice = slice();
    apply(&slice, [complete(running(2000, 2000), 2030)]);
    let mut lines = lines(&slice, Format::OpenMetrics);
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
fn durations_that_were_kept_with_other_bounds_are_not_shown() {
    let mut totals = Totals::new(500_250);
    totals.success_durations.observe(30.0, &[10.0]);
    let slice = slice_with(totals, StoreSettings::default().thresholds);
    let expect = |below: u64| {
        let shown = lines_of(&["run_duration_seconds"], &slice);
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
    schedule(&slice, cronjob(WorkloadAnnotations::default()));
    expect(0);
    apply(&slice, [complete(running(2000, 2000), 2020)]);
    expect(1);
}
