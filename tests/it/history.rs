//! Several processes with the same history file, without an API: which runs are counted, and how often.

use std::{
    path::Path,
    sync::{Arc, Weak},
    time::Duration,
};

use job_status_exporter::{
    config::HistoryStorage,
    history::{History, HistorySettings},
    model::{
        Change, FailureReason, FeedHandle, FeedScope, Job, JobState, Name, NoopSink, Sink as _,
        Totals, Uid, Update, WorkloadRef,
    },
    store::{self, TargetStore},
};
use tempfile::TempDir;

/// A process.
struct Process {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    history: History,
}

impl Process {
    fn start(path: &Path) -> Self {
        let settings = Arc::new(store::StoreSettings::default());
        let history_settings = HistorySettings {
            storage: HistoryStorage::File(path.to_owned()),
            runs_per_workload: 2,
            max_age: Duration::from_hours(24),
            gone_workloads: 1000,
            run_duration_buckets: settings.run_duration_buckets.clone(),
            label_names: Vec::new().into(),
        };
        let name = Some(Name::from("prod"));
        let names = std::slice::from_ref(&name);
        let (history, mut targets) =
            History::open(&history_settings, names, Arc::new(NoopSink)).unwrap();
        let target = targets.remove(0);
        let store = TargetStore::restored(name, settings, target.restored, target.journal);
        let store = Arc::new(store);
        let lookup: Weak<TargetStore> = Arc::downgrade(&store);
        history.attach(target.id, lookup);
        Self {
            jobs: store.clone().register(FeedScope::Jobs(None)),
            store,
            history,
        }
    }

    fn list(&self, jobs: &[Job]) {
        let jobs = Update::Jobs(Change::Replaced(jobs.to_vec()));
        self.jobs.push(jobs);
    }

    fn totals(&self) -> Totals {
        let snapshot = self.store.snapshot();
        let mut workloads = snapshot.workloads.iter();
        workloads.next().unwrap().state.totals.clone()
    }

    async fn end(self) {
        self.history.close(Duration::from_secs(30)).await;
    }
}

/// A Job that ended so many seconds ago.
fn job(uid: &str, ago: i64, failure: Option<FailureReason>) -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly".into(),
    };
    let end = jiff::Timestamp::now().as_second() - ago;
    Job {
        state: failure.map_or(JobState::Complete, |_| JobState::Failed),
        failure,
        start: Some(end - 30).into(),
        state_since: Some(end).into(),
        ..Job::new("etl".into(), uid.into(), Uid::parse(uid), workload)
    }
}

#[tokio::test]
async fn each_run_is_counted_once_however_many_processes_see_it() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut jobs = vec![job("before", 3600, None)];
    let first = Process::start(&path);
    first.list(&jobs);
    assert_eq!(
        first.totals().succeeded,
        0,
        "it ended before the target was first read"
    );
    let mut expected = 0;
    let mut process = first;
    for number in 0..5 {
        jobs.push(job(&format!("seen-{number}"), 0, None));
        process.list(&jobs);
        let before = process.totals();
        assert_eq!(before.succeeded, expected + 1);
        process.end().await;
        // These are more runs than the file keeps of deleted Jobs. All of them are counted.
        jobs.push(job(&format!("missed-{number}"), 0, None));
        process = Process::start(&path);
        assert_eq!(process.totals(), before, "the totals are shown at once");
        process.list(&jobs);
        process.list(&jobs);
        expected += 2;
        assert_eq!(process.totals().succeeded, expected);
    }
    process.list(&[]);
    process.list(&jobs);
    assert_eq!(process.totals().succeeded, expected, "a lagging API server");
}

#[tokio::test]
async fn the_last_runs_survive_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let process = Process::start(&path);
    let reason = FailureReason::DeadlineExceeded;
    process.list(&[job("a", 0, None)]);
    process.list(&[job("b", -1, Some(reason)), job("c", -2, Some(reason))]);
    let totals = process.totals();
    assert_eq!(
        (
            totals.succeeded,
            totals.failed,
            totals.consecutive_failures.count
        ),
        (1, 2, 2)
    );
    process.end().await;
    let later = Process::start(&path).totals();
    assert_eq!(later, totals);
    assert_eq!(later.last.unwrap().reason, Some(reason));
    assert_eq!(
        later.success_durations.count() + later.failure_durations.count(),
        3
    );
}
