//! A history that survives whatever becomes of the process.

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

/// Fewer than there are, and none is to be missed for that.
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

/// What is in the file, as the next process would get it.
async fn read(path: &Path) -> RestoredState {
    let settings = history::HistorySettings {
        path: path.to_owned(),
        runs_per_workload: RUNS_PER_WORKLOAD,
        max_age: Duration::from_hours(24 * 90),
        run_duration_buckets: store::StoreSettings::default().run_duration_buckets,
    };
    let mut history = History::open(settings, &[None]).unwrap();
    let (memory, _) = history.target(0);
    history.close(Duration::from_secs(30)).await;
    memory
}

/// Jobs of two CronJobs, and what truly became of them.
struct World {
    api: SimulatedApi,
    dice: fastrand::Rng,
    made: u32,
    running: Vec<(String, &'static str)>,
    /// Names of finished Jobs by uid, as long as the API shows them.
    finished: BTreeMap<String, String>,
    /// All uids that ever finished.
    ever: BTreeSet<String>,
    /// Successes and failures by workload.
    truth: BTreeMap<&'static str, (u64, u64)>,
}

impl World {
    fn new(api: SimulatedApi, dice: fastrand::Rng) -> Self {
        Self {
            api,
            dice,
            made: 0,
            running: Vec::new(),
            finished: BTreeMap::new(),
            ever: BTreeSet::new(),
            truth: BTreeMap::new(),
        }
    }

    /// A Job starts, or one of those that run comes to its end.
    fn go_on(&mut self) {
        if self.running.len() < 3 || (self.running.len() < 8 && self.dice.bool()) {
            self.made += 1;
            let workload = ["hourly", "nightly"][self.dice.usize(..2)];
            let name = format!("{workload}-{}", self.made);
            self.apply(&name, workload, &json!({"active": 1, "ready": 1}));
            self.running.push((name, workload));
            return;
        }
        let (name, workload) = self
            .running
            .swap_remove(self.dice.usize(..self.running.len()));
        let success = self.dice.bool();
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
        self.ever.insert(uid.clone());
        self.finished.insert(uid, name);
        let (succeeded, failed) = self.truth.entry(workload).or_default();
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

    /// What was written down has happened, once; Jobs that are known may go.
    fn check(&mut self, memory: &RestoredState) {
        let known: BTreeSet<_> = memory.runs.iter().map(ToString::to_string).collect();
        assert_eq!(known.len(), memory.runs.len());
        assert!(known.is_subset(&self.ever));
        for (id, totals, _) in &memory.workloads {
            // One that was seen and has no finished run yet is not in the truth.
            let (succeeded, failed) = self.truth.get(&*id.name).copied().unwrap_or_default();
            assert!(
                totals.succeeded <= succeeded && totals.failed <= failed,
                "{id:?}"
            );
        }
        let shown: Vec<_> = self.finished.keys().cloned().collect();
        for uid in shown {
            if known.contains(&uid) && self.dice.u8(..4) == 0 {
                let name = self.finished.remove(&uid).unwrap();
                assert!(self.api.delete(Kind::Job, "etl", &name));
            }
        }
    }
}

/// One exporter after the other on the same file, each killed at some moment while runs finish.
async fn kill_again_and_again(kills: u32, seed: u64) {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    // Counting begins now.
    let since = read(&path).await.since;
    let mut world = World::new(cluster.api.clone(), fastrand::Rng::with_seed(seed));
    let mut written = BTreeSet::new();
    for _ in 0..kills {
        // Some end while no exporter runs.
        (0..world.dice.u8(..8)).for_each(|_| world.go_on());
        let setup = setup(&cluster, &path);
        let exporter = if world.dice.u8(..4) == 0 {
            // It may not even come to open the file.
            setup.spawn()
        } else {
            let mut exporter = setup.start().await;
            exporter.logged(SYNCED).await;
            exporter
        };
        let moment = Instant::now() + Duration::from_millis(world.dice.u64(..150));
        while Instant::now() < moment {
            world.go_on();
            sleep(Duration::from_millis(world.dice.u64(..8))).await;
        }
        drop(exporter);
        let memory = read(&path).await;
        assert_eq!(memory.since, since, "the file was not begun again");
        written.insert(
            memory
                .workloads
                .iter()
                .map(|(_, totals, _)| totals.succeeded)
                .sum::<u64>(),
        );
        world.check(&memory);
    }
    assert!(
        written.len() > kills as usize / 8,
        "few of them came to writing: {written:?}"
    );
    let mut last = setup(&cluster, &path).start().await;
    last.logged(SYNCED).await;
    last.signal(&["TERM"]);
    let ended = last.end().await;
    assert_eq!(ended.status.code(), Some(0), "{:?}", ended.log);
    let memory = read(&path).await;
    let counted = memory
        .workloads
        .iter()
        .map(|(id, totals, _)| (&*id.name, (totals.succeeded, totals.failed)));
    assert_eq!(counted.collect::<BTreeMap<_, _>>(), world.truth);
    let known: BTreeSet<_> = memory.runs.iter().map(ToString::to_string).collect();
    assert!(world.finished.keys().all(|uid| known.contains(uid)));
}

#[allow(clippy::print_stdout, reason = "shown when it fails")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_however_often_it_is_killed() {
    let seed = std::env::var_os("SEED").map(|seed| seed.to_str().unwrap().parse().unwrap());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    join_all((0..4).map(|part| kill_again_and_again(25, seed.wrapping_add(part)))).await;
}

#[tokio::test]
async fn a_history_is_kept_from_one_process_to_the_next() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let mut first = setup(&cluster, &path).start().await;
    first.logged(SYNCED).await;

    let second = setup(&cluster, &path).spawn().end().await;
    assert_eq!(second.status.code(), Some(1));
    let expected = format!(
        "error: history file {}: it is in use by another process",
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
async fn a_broken_file_is_set_aside_and_told_of() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    fs::write(&path, "my shopping list").unwrap();
    let mut exporter = setup(&cluster, &path).start().await;
    let message = "the history file is of no use: it was set aside, and a new one is begun; counters begin at 0";
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
async fn a_path_that_cannot_be_is_refused() {
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
