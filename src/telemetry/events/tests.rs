//! How each kind of event is written.

use serde_json::Value;

use super::*;
use crate::model::{
    EventRun, FailedPods, LabelValues, Name, RunEventKind, RunExplanation, Uid, WorkloadId,
};

/// 2026-11-28T22:43:20Z.
const DUE: Seconds = 1_795_905_800;

fn event(kind: RunEventKind) -> RunEvent {
    RunEvent {
        counted: Timestamp::from_millisecond((DUE + 95) * 1000 + 999).unwrap(),
        target: Some("prod".into()),
        workload: WorkloadId {
            namespace: "reports".into(),
            kind: "cronjob".into(),
            name: "nightly".into(),
        },
        label_names: ["owner".to_owned(), "team".to_owned()].into(),
        labels: Some(LabelValues::from(["", "billing"].map(Name::from))),
        kind,
        due: Some(DUE),
        not_started: None,
        run: None,
    }
}

fn run() -> EventRun {
    EventRun {
        uid: Uid::parse("6f1c1a2e-6b54-4f6e-9d0a-0c6b6a3f1d01"),
        job_name: "nightly-29931763".into(),
        manual: false,
        created: Some(DUE),
        start: Some(DUE + 2),
        end: Some(DUE + 92),
        duration: Some(90),
        start_delay: Some(2),
        reason: None,
        succeeded_pods: 1,
        failed_pods: 0,
        explanation: RunExplanation::default(),
    }
}

fn of_run(kind: RunEventKind, run: EventRun) -> RunEvent {
    RunEvent {
        run: Some(run),
        ..event(kind)
    }
}

/// The same line for all kinds, except for these parts.
fn expected(parts: [&str; 4]) -> String {
    let [name, run, outcome, pods] = parts;
    format!(
        "{{\"timestamp\":\"2026-11-28T22:44:55Z\",\"event\":\"{name}\",\"target\":\"prod\",\
         \"namespace\":\"reports\",\"workload_type\":\"cronjob\",\"workload\":\"nightly\",\
         {run},{outcome},{pods},\"labels\":{{\"team\":\"billing\"}}}}\n"
    )
}

const FINISHED: &str = r#""job_name":"nightly-29931763","uid":"6f1c1a2e-6b54-4f6e-9d0a-0c6b6a3f1d01","manual":false,"due":"2026-11-28T22:43:20Z","created":"2026-11-28T22:43:20Z","start":"2026-11-28T22:43:22Z","end":"2026-11-28T22:44:52Z","start_delay_seconds":2,"duration_seconds":90"#;
const UNFINISHED: &str = r#""job_name":"nightly-29931763","uid":"6f1c1a2e-6b54-4f6e-9d0a-0c6b6a3f1d01","manual":true,"due":null,"created":"2026-11-28T22:43:20Z","start":null,"end":null,"start_delay_seconds":null,"duration_seconds":null"#;
const NO_RUN: &str = r#""job_name":null,"uid":null,"manual":false,"due":"2026-11-28T22:43:20Z","created":null,"start":null,"end":null,"start_delay_seconds":null,"duration_seconds":null"#;
const NOTHING: &str = r#""not_started":null,"failure_reason":null,"cause":null,"exit_code":null"#;

#[test]
fn each_kind_has_the_same_keys() {
    let failed = EventRun {
        reason: Some(FailureReason::BackoffLimitExceeded),
        succeeded_pods: 0,
        failed_pods: 3,
        explanation: RunExplanation {
            cause: Some(FailureCause::Error),
            exit_code: Some(137),
            failed: FailedPods::default(),
        },
        ..run()
    };
    let unfinished = EventRun {
        manual: true,
        start: None,
        end: None,
        duration: None,
        start_delay: None,
        succeeded_pods: 0,
        ..run()
    };
    let without_due = |kind| RunEvent {
        due: None,
        ..of_run(kind, unfinished.clone())
    };
    let missed = RunEvent {
        not_started: Some(NotStarted::DeadlinePassed),
        ..event(RunEventKind::Missed)
    };
    let one = r#""succeeded_pods":1,"failed_pods":0"#;
    let none = r#""succeeded_pods":0,"failed_pods":0"#;
    for (event, parts) in [
        (
            of_run(RunEventKind::Succeeded, run()),
            ["run_succeeded", FINISHED, NOTHING, one],
        ),
        (
            of_run(RunEventKind::Failed, failed),
            [
                "run_failed",
                FINISHED,
                r#""not_started":null,"failure_reason":"BackoffLimitExceeded","cause":"Error","exit_code":137"#,
                r#""succeeded_pods":0,"failed_pods":3"#,
            ],
        ),
        (
            without_due(RunEventKind::Deleted),
            ["run_deleted", UNFINISHED, NOTHING, none],
        ),
        (
            without_due(RunEventKind::Disappeared),
            ["run_disappeared", UNFINISHED, NOTHING, none],
        ),
        (
            missed,
            [
                "run_missed",
                NO_RUN,
                r#""not_started":"deadline_passed","failure_reason":null,"cause":null,"exit_code":null"#,
                r#""succeeded_pods":null,"failed_pods":null"#,
            ],
        ),
    ] {
        assert_eq!(line(&EventLine::new(&event)), expected(parts));
    }
}

#[test]
fn a_target_or_a_label_that_is_not_configured_is_null_or_left_out() {
    let event = RunEvent {
        target: None,
        label_names: [].into(),
        labels: None,
        ..of_run(RunEventKind::Succeeded, run())
    };
    let written: Value = serde_json::from_str(&line(&EventLine::new(&event))).unwrap();
    assert_eq!(written["target"], Value::Null);
    assert_eq!(written["labels"], serde_json::json!({}));
}

#[test]
fn a_name_cannot_forge_a_line_and_a_time_outside_the_calendar_is_null() {
    let hostile = "a\",\"event\":\"run_failed\"}\n{\"x\":\"\r\u{1b}[31m\u{2028}\u{202e}\u{7f}\\";
    let event = RunEvent {
        target: Some(hostile.into()),
        workload: WorkloadId {
            namespace: hostile.into(),
            kind: hostile.into(),
            name: hostile.into(),
        },
        labels: Some(LabelValues::from(["", hostile].map(Name::from))),
        due: Some(Seconds::MAX),
        ..of_run(
            RunEventKind::Succeeded,
            EventRun {
                uid: Uid::parse(hostile),
                job_name: hostile.into(),
                created: Some(Seconds::MIN),
                end: Some(FIRST - 1),
                start: Some(FIRST),
                ..run()
            },
        )
    };
    let text = line(&EventLine::new(&event));
    let line = text.strip_suffix('\n').unwrap();
    assert!(
        line.bytes().all(|byte| (b' '..=b'~').contains(&byte)),
        "{line}"
    );
    let written: Value = serde_json::from_str(line).unwrap();
    assert_eq!(written["event"], "run_succeeded");
    for key in [
        "target",
        "namespace",
        "workload_type",
        "workload",
        "uid",
        "job_name",
    ] {
        assert_eq!(written[key], hostile, "{key}");
    }
    assert_eq!(written["labels"]["team"], hostile);
    for key in ["due", "created", "end"] {
        assert_eq!(written[key], Value::Null, "{key}");
    }
    assert_eq!(written["start"], "0001-01-01T00:00:00Z");
}

#[test]
fn dropped_events_have_a_line() {
    let written: Value = serde_json::from_str(&notice(7)).unwrap();
    assert_eq!(written["event"], "events_dropped");
    assert_eq!(written["dropped"], 7);
    assert!(written["timestamp"].as_str().unwrap().ends_with('Z'));
}
