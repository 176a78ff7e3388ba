//! The history survives restarts and kills.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use batch_simulator::api::{Kind, SimulatedApi};
use futures_util::future::join_all;
use job_status_exporter::{
    history::{self, History},
    model::RestoredState,
    store,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{Cluster, SYNCED, Setup};

/// Fewer than the runs of a workload. All runs are counted nevertheless.
const RUNS_PER_WORKLOAD: u32 = 5;

fn setup(cluster: &Cluster, history: &Path) -> Setup {
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n\
         history: {{path: \"{}\", runs_per_workload: {RUNS_PER_WORKLOAD}}}\n",
        history.display()
    );
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    setup.config(&config)
}

/// What the next process would restore from the file.
async fn read(path: &Path) -> RestoredState {
    let settings = history::HistorySettings {
        path: path.to_owned(),
        runs_per_workload: RUNS_PER_WORKLOAD,
        max_age: Duration::from_hours(24 * 90),
        run_duration_buckets: store::StoreSettings::default().run_duration_buckets,
    };
    let mut history = History::open(settings, &[None]).unwrap();
    let (restored, _) = history.target(0);
    history.close(Duration::from_secs(30)).await;
    restored
}

/// Jobs of two CronJobs, and their actual results.
struct World {
    api: SimulatedApi,
    rng: fastrand::Rng,
    made: u32,
    running: Vec<(String, &'static str)>,
    /// Names of existing finished Jobs by uid.
    finished: BTreeMap<String, String>,
    /// Uids of all finished Jobs, deleted ones included.
    all_finished: BTreeSet<String>,
    /// Successes and failures by workload.
    results: BTreeMap<&'static str, (u64, u64)>,
}

impl World {
    fn new(api: SimulatedApi, rng: fastrand::Rng) -> Self {
        Self {
            api,
            rng,
            made: 0,
            running: Vec::new(),
            finished: BTreeMap::new(),
            all_finished: BTreeSet::new(),
            results: BTreeMap::new(),
        }
    }

    /// Starts or finishes a Job.
    fn step(&mut self) {
        if self.running.len() < 3 || (self.running.len() < 8 && self.rng.bool()) {
            self.made += 1;
            let workload = ["hourly", "nightly"][self.rng.usize(..2)];
            let name = format!("{workload}-{}", self.made);
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
        let (succeeded, failed) = self.results.entry(workload).or_default();
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

    /// Checks that all runs in the file have happened, once each. Deletes some Jobs whose runs are in the file.
    fn check(&mut self, restored: &RestoredState) {
        let known: BTreeSet<_> = restored.runs.iter().map(ToString::to_string).collect();
        assert_eq!(known.len(), restored.runs.len());
        assert!(known.is_subset(&self.all_finished));
        for (id, totals, _) in &restored.workloads {
            // A workload without a finished run is not in the results.
            let (succeeded, failed) = self.results.get(&*id.name).copied().unwrap_or_default();
            assert!(
                totals.succeeded <= succeeded && totals.failed <= failed,
                "{id:?}"
            );
        }
        let shown: Vec<_> = self.finished.keys().cloned().collect();
        for uid in shown {
            if known.contains(&uid) && self.rng.u8(..4) == 0 {
                let name = self.finished.remove(&uid).unwrap();
                assert!(self.api.delete(Kind::Job, "etl", &name));
            }
        }
    }
}

/// Starts several exporters in sequence on the same file, and kills each at a random time while runs finish.
async fn kill_repeatedly(kills: u32, seed: u64) {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    // Runs are counted from now on.
    let since = read(&path).await.since;
    let mut world = World::new(cluster.api.clone(), fastrand::Rng::with_seed(seed));
    let mut written = BTreeSet::new();
    for _ in 0..kills {
        // Some runs end while no exporter runs.
        (0..world.rng.u8(..8)).for_each(|_| world.step());
        let setup = setup(&cluster, &path);
        let exporter = if world.rng.u8(..4) == 0 {
            // It may be killed before it opens the file.
            setup.spawn()
        } else {
            let mut exporter = setup.start().await;
            exporter.logged(SYNCED).await;
            exporter
        };
        let moment = Instant::now() + Duration::from_millis(world.rng.u64(..150));
        while Instant::now() < moment {
            world.step();
            sleep(Duration::from_millis(world.rng.u64(..8))).await;
        }
        drop(exporter);
        let restored = read(&path).await;
        assert_eq!(restored.since, since, "the file is still the same");
        written.insert(
            restored
                .workloads
                .iter()
                .map(|(_, totals, _)| totals.succeeded)
                .sum::<u64>(),
        );
        world.check(&restored);
    }
    assert!(
        written.len() > kills as usize / 8,
        "few of them wrote the file: {written:?}"
    );
    let mut last = setup(&cluster, &path).start().await;
    last.logged(SYNCED).await;
    last.signal(&["TERM"]);
    let ended = last.end().await;
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.log);
    let restored = read(&path).await;
    let counted = restored
        .workloads
        .iter()
        .map(|(id, totals, _)| (&*id.name, (totals.succeeded, totals.failed)));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), world.results);
    let known: BTreeSet<_> = restored.runs.iter().map(ToString::to_string).collect();
    assert!(world.finished.keys().all(|uid| known.contains(uid)));
}

#[allow(clippy::print_stdout, reason = "shown when it fails")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_when_the_exporter_is_killed() {
    let seed = std::env::var_os("SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    join_all((0..4).map(|part| kill_repeatedly(25, seed.wrapping_add(part)))).await;
}

#[tokio::test]
async fn a_history_survives_a_restart() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = setup(&cluster, &path).start().await;
    first.logged(SYNCED).await;

    let second = setup(&cluster, &path).spawn().end().await;
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
    assert_eq!(first.end().await.status.code(), Some(0));
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
async fn an_invalid_file_is_renamed_and_logged() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    fs::write(&path, "my shopping list").unwrap();
    let mut exporter = setup(&cluster, &path).start().await;
    let message =
        "history file is invalid: renamed it and created a new one, counters restart from zero";
    let line = exporter.logged(message).await;
    assert_eq!(line.text("level"), "ERROR");
    assert_eq!(line.text("path"), path.to_str().unwrap());
    assert_eq!(
        fs::read_to_string(line.text("set_aside")).unwrap(),
        "my shopping list"
    );
    exporter.logged(SYNCED).await;
}

#[tokio::test]
async fn an_invalid_path_is_a_configuration_error() {
    let cluster = Cluster::start().await;
    let path = Path::new("/nowhere/history.redb");
    let ended = setup(&cluster, path).spawn().end().await;
    assert_eq!(ended.status.code(), Some(2));
    let expected =
        "error: open history file /nowhere/history.redb: No such file or directory (os error 2)";
    assert!(
        ended.log.iter().any(|line| line == expected),
        "{:?}",
        ended.log
    );
}
