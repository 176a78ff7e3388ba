//! The runs that pages get from the history.

use std::{path::Path, time::Duration};

use tempfile::TempDir;

use super::*;
use crate::{
    config::HistoryStorage,
    history::{History, HistorySettings, TargetHistory},
    metrics::MetricsSettings,
    model::{JournalEntry, Name, NoopSink, Run, RunExplanation, RunResult, Seconds, Totals, Uid},
    server::LoadedConfig,
};

fn open(path: &Path) -> (History, TargetHistory) {
    let settings = HistorySettings {
        storage: HistoryStorage::File(path.to_owned()),
        runs_per_workload: 1_000,
        max_age: Duration::from_hours(24 * 90),
        gone_workloads: 100,
        run_duration_buckets: [60.0].into(),
        label_names: Arc::default(),
    };
    let prod: Name = "prod".into();
    let (history, mut targets) =
        History::open(&settings, &[Some(prod)], Arc::new(NoopSink)).unwrap();
    (history, targets.remove(0))
}

fn workload() -> WorkloadId {
    WorkloadId {
        namespace: "reports".into(),
        kind: "cronjob".into(),
        name: "nightly".into(),
    }
}

fn run(number: Seconds) -> Run {
    let due = Some(1_795_000_000 + 60 * number);
    Run {
        uid: Uid::parse(&number.to_string()),
        job_name: format!("nightly-{number}").as_str().into(),
        due,
        manual: false,
        created: due,
        start: due,
        end: due,
        result: RunResult::Succeeded,
        reason: None,
        succeeded_pods: 1,
        failed_pods: 0,
        explanation: RunExplanation::default(),
        jobs: None,
    }
}

fn data() -> ExporterData {
    let store = Arc::new(Store::new(Vec::new()));
    let metrics = Metrics::new(store.clone(), &MetricsSettings::default());
    let readiness = Readiness::new(store.clone(), Duration::ZERO);
    let record = ExporterRecord::new(LoadedConfig::default(), None);
    ExporterData::new(metrics, store, Arc::new(readiness), Arc::new(record))
}

#[tokio::test]
async fn past_runs_are_the_latest_of_the_history_or_say_why_there_are_none() {
    assert_eq!(data().past_runs(None, &workload()), PastRuns::NoHistory);
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let (history, target) = open(&path);
    let last = Seconds::try_from(WorkloadDetail::MAX_RUNS).unwrap();
    for number in 0..=last {
        target.journal.append(JournalEntry::RunFinished {
            workload: workload(),
            run: run(number).into(),
            counted: true,
            state: Totals::default().into(),
        });
    }
    let closed = data().with_history(history.reader());
    history.close(Duration::from_secs(30)).await;
    let problem = PastRuns::Unreadable("the history file is not open".to_owned());
    assert_eq!(closed.past_runs(Some("prod"), &workload()), problem);

    let (history, _) = open(&path);
    let data = data().with_history(history.reader());
    let expected = (1..=last).rev().map(run).collect();
    assert_eq!(
        data.past_runs(Some("prod"), &workload()),
        PastRuns::Known(expected)
    );
    let other = data.past_runs(None, &workload());
    assert_eq!(other, PastRuns::Known(Vec::new()));
    history.close(Duration::from_secs(30)).await;
}
