//! The history file survives restarts and kills of the process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use batch_simulator::api::{Kind, SimulatedApi};
use futures_util::future::join_all;
use job_status_exporter::{
    config::HistoryStorage,
    history::{self, History},
    model::{NoopSink, RestoredState},
    store,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Cluster, Exporter, SYNCED, Setup};

mod lost;
mod transfer;

/// Fewer than the runs of a workload. The totals count all runs anyway.
const RUNS_PER_WORKLOAD: u32 = 5;

fn setup(cluster: &Cluster, history: &Path) -> Setup {
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n\
         history: {{path: \"{}\", runs_per_workload: {RUNS_PER_WORKLOAD}}}\n\
         events: {{log: true}}\n",
        history.display()
    );
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    setup.config(&config)
}

/// Reads the history file as the next process does.
async fn read(path: &Path) -> RestoredState {
    let settings = history::HistorySettings {
        storage: HistoryStorage::File(path.to_owned()),
        runs_per_workload: RUNS_PER_WORKLOAD,
        max_age: Duration::from_hours(24 * 90),
        gone_workloads: 100,
        run_duration_buckets: store::StoreSettings::default().run_duration_buckets,
        label_names: Vec::new().into(),
    };
    let (history, mut targets) = History::open(&settings, &[None], Arc::new(NoopSink)).unwrap();
    history.close(Duration::from_secs(30)).await;
    targets.remove(0).restored
}

/// Creates and finishes Jobs of two CronJobs, and keeps their actual results.
struct JobGenerator {
    api: SimulatedApi,
    rng: fastrand::Rng,
    created: u32,
    running: Vec<(String, &'static str)>,
    /// Names of the finished Jobs that are not deleted, by uid.
    finished: BTreeMap<String, String>,
    /// The uids of all finished Jobs.
    all_finished: BTreeSet<String>,
    /// Number of succeeded and failed runs by workload.
    expected: BTreeMap<&'static str, (u64, u64)>,
    /// The same by the events of all exporters.
    reported: BTreeMap<String, (u64, u64)>,
    reported_uids: BTreeSet<String>,
}

impl JobGenerator {
    fn new(api: SimulatedApi, rng: fastrand::Rng) -> Self {
        Self {
            api,
            rng,
            created: 0,
            running: Vec::new(),
            finished: BTreeMap::new(),
            all_finished: BTreeSet::new(),
            expected: BTreeMap::new(),
            reported: BTreeMap::new(),
            reported_uids: BTreeSet::new(),
        }
    }

    /// Creates a Job or finishes a running one.
    fn step(&mut self) {
        if self.running.len() < 3 || (self.running.len() < 8 && self.rng.bool()) {
            self.created += 1;
            let workload = ["hourly", "nightly"][self.rng.usize(..2)];
            let name = format!("{workload}-{}", self.created);
            self.apply(&name, workload, &json!({"active": 1, "ready": 1}));
            self.running.push((name, workload));
            return;
        }
        let (name, workload) = self
            .running
            .swap_remove(self.rng.usize(..self.running.len()));
        let success = self.rng.bool();
        let (kind, reason) = if success {
            ("Complete", "CompletionsReached")
        } else {
            ("Failed", "BackoffLimitExceeded")
        };
        let now = jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string();
        let condition =
            json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now});
        self.apply(
            &name,
            workload,
            &json!({"startTime": now, "conditions": [condition]}),
        );
        let uid = self.api.uid(Kind::Job, "etl", &name).unwrap();
        self.all_finished.insert(uid.clone());
        self.finished.insert(uid, name);
        let (succeeded, failed) = self.expected.entry(workload).or_default();
        *(if success { succeeded } else { failed }) += 1;
    }

    fn apply(&self, name: &str, workload: &str, status: &Value) {
        let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": workload, "uid": workload, "controller": true});
        let object = json!({
            "metadata": {"namespace": "etl", "name": name, "ownerReferences": [owner]},
            "spec": {"parallelism": 1},
            "status": status,
        });
        self.api.apply(Kind::Job, object).unwrap();
    }

    /// Asserts that these lines report runs that are in the file and finished as they say, none of them twice.
    fn check_events(&mut self, lines: &str, state: &RestoredState) {
        let recorded: BTreeSet<_> = state.runs.iter().map(ToString::to_string).collect();
        for line in lines.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let uid = event["uid"].as_str().unwrap().to_owned();
            assert!(
                recorded.contains(&uid),
                "reported before it was recorded: {line}"
            );
            let workload = event["workload"].as_str().unwrap();
            let (succeeded, failed) = self.reported.entry(workload.to_owned()).or_default();
            match event["event"].as_str().unwrap() {
                "run_succeeded" => *succeeded += 1,
                "run_failed" => *failed += 1,
                other => panic!("{other}"),
            }
            assert!(self.reported_uids.insert(uid), "twice: {line}");
        }
    }

    /// Asserts that every recorded run finished and was recorded once. Deletes some of the recorded Jobs.
    fn check(&mut self, state: &RestoredState) {
        let recorded: BTreeSet<_> = state.runs.iter().map(ToString::to_string).collect();
        assert_eq!(recorded.len(), state.runs.len());
        assert!(recorded.is_subset(&self.all_finished));
        for workload in &state.workloads {
            let (id, totals) = (&workload.id, &workload.state.totals);
            // A workload without a finished run has no entry.
            let (succeeded, failed) = self.expected.get(&*id.name).copied().unwrap_or_default();
            assert!(
                totals.succeeded <= succeeded && totals.failed <= failed,
                "{id:?}"
            );
        }
        let existing: Vec<_> = self.finished.keys().cloned().collect();
        for uid in existing {
            if recorded.contains(&uid) && self.rng.u8(..4) == 0 {
                let name = self.finished.remove(&uid).unwrap();
                assert!(self.api.delete(Kind::Job, "etl", &name));
            }
        }
    }
}

/// Starts exporters one after another on the same file, and kills each at a random moment while runs finish.
async fn kill_repeatedly(kills: u32, seed: u64) {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    // Creates the file.
    let since = read(&path).await.since;
    let mut jobs = JobGenerator::new(cluster.api.clone(), fastrand::Rng::with_seed(seed));
    let mut totals_seen = BTreeSet::new();
    for _ in 0..kills {
        // Some runs finish while no exporter runs.
        (0..jobs.rng.u8(..8)).for_each(|_| jobs.step());
        let setup = setup(&cluster, &path);
        let exporter = if jobs.rng.u8(..4) == 0 {
            // This one can be killed before it opens the file.
            setup.spawn()
        } else {
            let mut exporter = setup.start().await;
            exporter.logged(SYNCED).await;
            exporter
        };
        let kill_at = Instant::now() + Duration::from_millis(jobs.rng.u64(..150));
        while Instant::now() < kill_at {
            jobs.step();
            sleep(Duration::from_millis(jobs.rng.u64(..8))).await;
        }
        exporter.signal(&["KILL"]);
        let events = exporter.exit().await.stdout;
        let state = read(&path).await;
        jobs.check_events(&events, &state);
        assert_eq!(state.since, since, "the file was replaced");
        totals_seen.insert(
            state
                .workloads
                .iter()
                .map(|it| it.state.totals.succeeded)
                .sum::<u64>(),
        );
        jobs.check(&state);
    }
    assert!(
        totals_seen.len() > kills as usize / 8,
        "few exporters wrote anything: {totals_seen:?}"
    );
    let mut last = setup(&cluster, &path).start().await;
    last.logged(SYNCED).await;
    last.signal(&["TERM"]);
    let exited = last.exit().await;
    assert_eq!(exited.status.code(), Some(0), "{:?}", exited.log);
    let state = read(&path).await;
    jobs.check_events(&exited.stdout, &state);
    assert!(!jobs.reported_uids.is_empty(), "no events");
    for (workload, (succeeded, failed)) in &jobs.reported {
        // A kill between the write to the file and that to standard output loses a line.
        let expected = jobs.expected[workload.as_str()];
        assert!(
            *succeeded <= expected.0 && *failed <= expected.1,
            "{workload}"
        );
    }
    let counted = state
        .workloads
        .iter()
        .map(|it| (it, &it.state.totals))
        .filter(|(_, totals)| totals.succeeded + totals.failed > 0)
        .map(|(it, totals)| (&*it.id.name, (totals.succeeded, totals.failed)));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), jobs.expected);
    let recorded: BTreeSet<_> = state.runs.iter().map(ToString::to_string).collect();
    assert!(jobs.finished.keys().all(|uid| recorded.contains(uid)));
}

#[allow(clippy::print_stdout, reason = "the seed of a failed test")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_by_kills() {
    let seed = std::env::var_os("SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    join_all((0..4).map(|part| kill_repeatedly(25, seed.wrapping_add(part)))).await;
}

#[tokio::test]
async fn a_history_survives_a_restart_and_has_one_process_at_a_time() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = setup(&cluster, &path).start().await;
    first.logged(SYNCED).await;

    let second = setup(&cluster, &path).spawn().exit().await;
    assert_eq!(second.status.code(), Some(1));
    let expected = format!(
        "error: history file {} is in use by another process",
        path.display()
    );
    assert!(second.log.contains(&expected), "{:?}", second.log);
    assert!(
        second.log.last().unwrap().starts_with("hint: "),
        "{:?}",
        second.log
    );

    first.signal(&["TERM"]);
    assert_eq!(first.exit().await.status.code(), Some(0));
    let mut third = setup(&cluster, &path).start().await;
    third.logged(SYNCED).await;
    let response = third.get("/metrics").await;
    let metrics = response.text();
    assert!(
        metrics.contains("\njob_status_exporter_history_up 1\n"),
        "{metrics}"
    );
    let history = |line: &&str| line.starts_with("job_status_exporter_history_");
    assert!(metrics.lines().filter(history).count() >= 6, "{metrics}");
}

#[tokio::test]
async fn a_broken_history_file_is_moved_aside_and_logged() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    fs::write(&path, "not a history").unwrap();
    let mut exporter = setup(&cluster, &path).start().await;
    let message =
        "history file is invalid: renamed it and created a new one, counters restart from zero";
    let line = exporter.logged(message).await;
    assert_eq!(line.text("level"), "ERROR");
    assert_eq!(line.text("path"), path.to_str().unwrap());
    assert_eq!(
        fs::read_to_string(line.text("set_aside")).unwrap(),
        "not a history"
    );
    exporter.logged(SYNCED).await;
}

#[tokio::test]
async fn an_impossible_path_is_an_error() {
    let cluster = Cluster::start().await;
    let path = Path::new("/nowhere/history.redb");
    let exited = setup(&cluster, path).spawn().exit().await;
    assert_eq!(exited.status.code(), Some(2));
    let expected =
        "error: open history file /nowhere/history.redb: No such file or directory (os error 2)";
    assert!(
        exited.log.iter().any(|line| line == expected),
        "{:?}",
        exited.log
    );
}
