//! The runs of a workload.

use crate::{
    model::{PodCounts, Run},
    status::PastRuns,
};

use super::*;

/// Runs of a `CronJob` of every hour. Only the history knows the one of 6:00.
fn hourly() -> TestData {
    let hourly = |hour, state| job("ops", "cronjob", "tick", hour, state);
    let failing = Job {
        pods: PodCounts {
            failed: 3,
            ..PodCounts::default()
        },
        ..failed("ops", "cronjob", "tick", 9)
    };
    let manual = Job {
        due: None.into(),
        manual: true,
        ..hourly(11, JobState::Complete)
    };
    let cronjob = CronJob {
        last_schedule: Some(MIDNIGHT + 12 * HOUR),
        created: Some(MIDNIGHT + 6 * HOUR),
        ..cronjob("ops", "tick")
    };
    let past = hourly(6, JobState::Complete);
    let jobs = vec![
        hourly(7, JobState::Complete),
        failing,
        hourly(10, JobState::Suspended),
        manual,
        hourly(12, JobState::Running),
    ];
    TestData {
        past_runs: PastRuns::Known(Run::from_finished(&past).into_iter().collect()),
        ..unnamed(vec![cronjob], jobs)
    }
}

const PATH: &str = "/workloads/-/ops/cronjob/tick/runs";

#[test]
fn runs_have_their_state_and_what_is_known_of_their_job() {
    let list = found(&hourly(), PATH);
    let runs = &list["runs"];
    assert_eq!(
        column(runs, "state"),
        [
            "running",
            "succeeded",
            "suspended",
            "failed",
            "succeeded",
            "succeeded"
        ]
    );
    assert_eq!(list["has_history"], true);
    assert_eq!(list["history_problem"], Value::Null);
    assert_eq!(
        column(runs, "manual"),
        [false, true, false, false, false, false]
    );
    assert_eq!(runs[1]["due"], Value::Null);
    assert_eq!(
        runs[3],
        json!({
            "state": "failed",
            "due": "2026-11-23T09:00:00Z",
            "start": "2026-11-23T09:00:00Z",
            "end": "2026-11-23T09:01:00Z",
            "duration_seconds": 60,
            "failure_reason": "BackoffLimitExceeded",
            "cause": null,
            "exit_code": null,
            "waiting": null,
            "not_started": null,
            "job_name": "tick-9",
            "manual": false,
            "exists": true,
            "failed_pods": 3,
        })
    );
    assert_eq!(runs[0]["end"], Value::Null);
    assert_eq!(runs[5]["due"], "2026-11-23T06:00:00Z");
    assert_eq!(runs[5]["exists"], false);
    assert_eq!(runs[5]["job_name"], "tick-6");
}

#[test]
fn the_limit_keeps_the_latest_runs() {
    let data = hourly();
    let all = found(&data, PATH);
    let two = found(&data, &format!("{PATH}?limit=2"));
    let rows = all["runs"].as_array().expect("rows");
    assert_eq!(two["runs"].as_array().expect("rows"), &rows[..2]);
    let page = found(&data, "/workloads/-/ops/cronjob/tick");
    assert_eq!(page["runs"], all["runs"]);
}

#[test]
fn due_times_that_got_no_run_are_among_the_runs_with_the_reason() {
    let cronjob = CronJob {
        created: Some(MIDNIGHT + 10 * HOUR),
        ..cronjob("ops", "tick")
    };
    let runs = found(&unnamed(vec![cronjob], Vec::new()), PATH);
    let missed = &runs["runs"][0];
    assert_eq!(missed["state"], "missed");
    assert_eq!(missed["not_started"], "unexplained");
    for field in [
        "start",
        "end",
        "duration_seconds",
        "job_name",
        "failed_pods",
    ] {
        assert_eq!(missed[field], Value::Null, "{field}");
    }
}

#[test]
fn a_history_that_cannot_be_read_is_said_beside_the_runs_in_memory() {
    let data = TestData {
        past_runs: PastRuns::Unreadable("open the file: denied".to_owned()),
        ..hourly()
    };
    let list = found(&data, PATH);
    assert_eq!(list["history_problem"], "open the file: denied");
    assert_eq!(column(&list["runs"], "state").len(), 5);
}
