//! What the file keeps of a workload besides its runs, and files of older formats.

use redb::{Database, TableDefinition};
use serde_json::json;

use super::*;
use crate::model::{
    Departure, RestoredWorkload, ScheduleState, Ticks, WorkloadAnnotations, WorkloadState,
};

/// The state that the next process restores of the only workload.
async fn restored_with(path: &Path, label_names: &[&str]) -> RestoredWorkload {
    let settings = HistorySettings {
        label_names: label_names.iter().map(ToString::to_string).collect(),
        ..settings(path)
    };
    let (history, mut target) = open_with(&settings);
    close(history).await;
    target.restored.workloads.remove(0)
}

#[tokio::test]
async fn labels_annotations_and_the_observed_schedule_survive() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let state = WorkloadState {
        totals: Totals {
            created: Some(1_794_000_000),
            last_started: Some(1_795_000_000),
            ..Totals::new(7)
        },
        schedule: Some(Box::new(ScheduleState {
            schedule: Some("0 2 * * *".into()),
            suspended_since: Some(1_795_000_100),
            missed: 3,
            missed_until: Some(1_794_900_000),
            ..ScheduleState::default()
        })),
        labels: Some(["billing", ""].map(Name::from).into()),
        annotations: Some(Box::new(WorkloadAnnotations {
            max_duration: Some(7200),
            max_failures: Some(1),
            severity: Some("page".into()),
            runbook: Some("https://runbooks.example/nightly".into()),
            ..WorkloadAnnotations::default()
        })),
        ..WorkloadState::default()
    };
    let with_labels = HistorySettings {
        label_names: ["team", "app"].map(str::to_owned).into(),
        ..settings(&path)
    };
    let (first, target) = open_with(&with_labels);
    let journal = target.journal;
    journal.append(JournalEntry::WorkloadChanged {
        workload: workload("nightly"),
        state: state.clone(),
    });
    journal.append(JournalEntry::WorkloadGone(
        workload("nightly"),
        Departure::Deletion,
    ));
    close(first).await;
    let restored = restored_with(&path, &["team", "app"]).await;
    assert_eq!(restored.state, state);
    assert_eq!(restored.departure, Departure::Deletion);
    // Labels are found by name in a process with other ones.
    let restored = restored_with(&path, &["stage", "team"]).await;
    let labels = restored.state.labels.unwrap();
    assert_eq!(
        labels.iter().map(|it| &**it).collect::<Vec<_>>(),
        ["", "billing"]
    );
    let restored = restored_with(&path, &[]).await;
    assert_eq!(restored.state.labels, None);
}

/// The ticks of each workload are those of its own latest runs, although runs of all workloads share a table.
#[tokio::test]
async fn the_latest_runs_of_each_workload_come_back_as_ticks() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let (history, target) = open(&path);
    let mut counter = RunCounter::default();
    // `nightly` sorts between the other two.
    let runs = [("a", 2), ("nightly", 25), ("z", 1)];
    for (name, count) in runs {
        for number in 0..count {
            target.journal.append(counter.finish(name, run(number)));
        }
    }
    target.journal.append(JournalEntry::WorkloadChanged {
        workload: workload("b"),
        state: WorkloadState::default(),
    });
    close(history).await;
    let (history, target) = open(&path);
    let restored = target.restored.workloads.iter();
    let ticks: Vec<_> = restored
        .map(|it| (&*it.id.name, it.state.ticks.len()))
        .collect();
    assert_eq!(ticks, [("a", 2), ("b", 0), ("nightly", 20), ("z", 1)]);
    let nightly = &target.restored.workloads[2].state.ticks;
    let mut expected = Ticks::default();
    for number in 5..25 {
        expected.add_run(&run(number));
    }
    assert_eq!(*nightly, expected);
    close(history).await;
}

/// Creates a file of format 1 with these totals of a workload.
fn write_format_1(path: &Path, totals: &serde_json::Value) {
    let database = Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let meta = TableDefinition::<&str, &str>::new("meta");
    let mut table = transaction.open_table(meta).unwrap();
    table.insert("format", "1").unwrap();
    drop(table);
    let workloads = TableDefinition::<(&str, &str, &str, &str), &str>::new("workloads");
    let row = json!({"totals": totals}).to_string();
    let mut table = transaction.open_table(workloads).unwrap();
    let key = ("", "reports", "cronjob", "nightly");
    table.insert(key, row.as_str()).unwrap();
    drop(table);
    transaction.commit().unwrap();
}

#[tokio::test]
async fn a_file_of_format_1_is_converted() {
    let histogram = json!({"buckets": [], "sum": 0.0});
    let totals = |last: serde_json::Value, last_failure: serde_json::Value| {
        json!({
            "first_seen": 7, "succeeded": 4, "failed": 2, "deleted": 1,
            "success_durations": histogram, "failure_durations": histogram, "start_delays": histogram,
            "last": last, "last_success": 110, "last_failure": last_failure,
            "streak": {"failures": 2, "latest": [[200, 201, 200], [300, 301, 300]], "success": [100, 101, 100]},
        })
    };
    let last = json!({"order": [300, 301, 300], "succeeded": false, "start": 301, "end": 360});
    let succeeded = json!({"order": [400, 401, 400], "succeeded": true, "start": 401, "end": 460});
    for (last, last_failure, failed_at, reason) in [
        (
            last.clone(),
            json!([360, "DeadlineExceeded"]),
            Some(360),
            Some(FailureReason::DeadlineExceeded),
        ),
        (
            last,
            json!([900, "DeadlineExceeded"]),
            Some(900),
            Some(FailureReason::Other),
        ),
        (succeeded, json!(null), None, None),
    ] {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("history.redb");
        write_format_1(&path, &totals(last, last_failure));
        for _ in 0..2 {
            let restored = restored_with(&path, &[]).await.state.totals;
            assert_eq!(
                (restored.succeeded, restored.failed, restored.deleted),
                (4, 2, 1)
            );
            assert_eq!(restored.last_failure, failed_at);
            assert_eq!(restored.last.unwrap().reason, reason);
            assert_eq!(restored.consecutive_failures.count, 2);
            assert_eq!(
                restored.consecutive_unsuccessful,
                restored.consecutive_failures
            );
        }
        assert!(set_aside(directory.path()).is_empty());
    }
}
