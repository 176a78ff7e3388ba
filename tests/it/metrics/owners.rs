//! The families of workloads whose Jobs are one run, from Jobs that were recorded from a real API server.

use std::time::Duration;

use jiff::Timestamp;
use job_status_exporter::model::{FeedHandle, NoopJournal, RestoredState};
use tokio::time::advance;

use super::*;

/// Before the Jobs were recorded, and some minutes later.
const BEFORE: fn() -> Timestamp = || "2026-11-29T15:45:00Z".parse().unwrap();
const LATER: fn() -> Timestamp = || "2026-11-29T16:00:00Z".parse().unwrap();

/// A target at this time, and its feed of Jobs.
fn target(clock: fn() -> Timestamp) -> (Arc<TargetStore>, FeedHandle) {
    let settings = StoreSettings {
        clock,
        ..StoreSettings::default()
    };
    let (restored, journal) = (RestoredState::default(), Arc::new(NoopJournal));
    let target = TargetStore::restored(None, settings.into(), restored, journal);
    let target = Arc::new(target);
    let feed = target.clone().register(FeedScope::Jobs(None));
    (target, feed)
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/owners");
    fs::read_to_string(folder.join(name)).unwrap()
}

#[tokio::test(start_paused = true)]
async fn recorded_jobs_of_owners_match_the_golden_files() {
    let mut decoder = Decoder::default();
    let list: serde_json::Value = serde_json::from_str(&fixture("jobs.json")).unwrap();
    let items = list["items"].as_array().unwrap().iter();
    let jobs = items.map(|job| decoder.job(&job.to_string()).unwrap());
    let (target, feed) = target(LATER);
    feed.push(Update::Jobs(Change::Replaced(jobs.collect())));
    advance(Duration::from_mins(1)).await;
    let metrics = metrics(vec![target]);
    for (format, extension) in [(Format::Text, "prom"), (Format::OpenMetrics, "openmetrics")] {
        let text = read(metrics.scrape(format));
        let families = checker::check(format, &text);
        assert_eq!(families["batch_job_state"].samples.len(), 14);
        assert_eq!(families["batch_workload_info"].samples.len(), 6);
        let golden = format!("tests/golden/owners.{extension}");
        assert_golden(&golden, &without_volatile(&text));
    }
}

/// Succeeded, failed, deleted and active runs of a workload.
fn runs(target: &TargetStore, name: &str) -> (u64, u64, u64, usize) {
    let snapshot = target.snapshot();
    let workload = snapshot.workloads.iter().find(|it| *it.id.name == *name);
    let workload = workload.unwrap();
    let totals = &workload.state.totals;
    (
        totals.succeeded,
        totals.failed,
        totals.deleted,
        workload.active_runs(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_recorded_restart_of_a_job_set_is_one_run_that_succeeded() {
    let (target, feed) = target(BEFORE);
    feed.push(Update::Jobs(Change::Replaced(Vec::new())));
    let mut decoder = Decoder::default();
    let mut deleted = 0;
    for line in fixture("jobset-restarts.jsonl").lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        let job = decoder.job(&event["object"].to_string()).unwrap();
        let change = match event["type"].as_str() {
            Some("DELETED") => Change::Deleted(job),
            _ => Change::Applied(job),
        };
        deleted += usize::from(matches!(change, Change::Deleted(_)));
        feed.push(Update::Jobs(change));
        assert_eq!(runs(&target, "bert"), (0, 0, 0, 1), "{line}");
    }
    assert_eq!(deleted, 4);
    advance(Duration::from_mins(1)).await;
    assert_eq!(runs(&target, "bert"), (1, 0, 0, 0));
    assert_eq!(runs(&target, "llama"), (0, 1, 0, 0));
    assert_eq!(runs(&target, "gemma"), (0, 0, 0, 1));
}
