//! Creates, finishes and deletes Jobs of `CronJobs`, and counts their results.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use batch_simulator::api::{Kind, SimulatedApi};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::database::Database;

/// Number of succeeded and failed runs by namespace and workload. Workloads without any are left out.
pub(crate) type Totals = BTreeMap<(String, String), (u64, u64)>;

pub(crate) fn add(totals: &mut Totals, workload: (&str, &str), counts: (u64, u64)) {
    if counts == (0, 0) {
        return;
    }
    let workload = (workload.0.to_owned(), workload.1.to_owned());
    let (succeeded, failed) = totals.entry(workload).or_default();
    *succeeded += counts.0;
    *failed += counts.1;
}

/// Whether no count of `lower` is above that of `upper`.
pub(crate) fn is_at_most(lower: &Totals, upper: &Totals) -> bool {
    lower.iter().all(|(workload, counts)| {
        let limits = upper.get(workload).copied().unwrap_or_default();
        counts.0 <= limits.0 && counts.1 <= limits.1
    })
}

pub(crate) struct Jobs {
    api: SimulatedApi,
    pub(crate) rng: fastrand::Rng,
    namespaces: Vec<String>,
    created: u32,
    running: Vec<Run>,
    /// The finished Jobs that are not deleted, by uid.
    finished: BTreeMap<String, Run>,
    /// The uids of all finished Jobs.
    pub(crate) all_finished: BTreeSet<String>,
    /// The actual results.
    pub(crate) truth: Totals,
}

struct Run {
    namespace: String,
    workload: &'static str,
    name: String,
}

impl Jobs {
    /// In the namespace `etl`.
    pub(crate) fn new(api: &SimulatedApi, seed: u64) -> Self {
        Self::in_namespaces(api, seed, vec!["etl".to_owned()])
    }

    pub(crate) fn in_namespaces(api: &SimulatedApi, seed: u64, namespaces: Vec<String>) -> Self {
        for name in &namespaces {
            let namespace = json!({"metadata": {"name": name}});
            api.apply(Kind::Namespace, namespace).unwrap();
        }
        Self {
            api: api.clone(),
            rng: fastrand::Rng::with_seed(seed),
            namespaces,
            created: 0,
            running: Vec::new(),
            finished: BTreeMap::new(),
            all_finished: BTreeSet::new(),
            truth: Totals::new(),
        }
    }

    /// Creates a Job or finishes a running one.
    pub(crate) fn step(&mut self) {
        if self.running.len() < 3 || (self.running.len() < 8 && self.rng.bool()) {
            self.create();
        } else {
            let run = self.rng.usize(..self.running.len());
            self.finish(run);
        }
    }

    /// Takes steps for this time, with short pauses.
    pub(crate) async fn steps(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step();
            sleep(Duration::from_millis(self.rng.u64(..8))).await;
        }
    }

    /// Creates and finishes this many Jobs.
    pub(crate) fn run(&mut self, number: usize) {
        for _ in 0..number {
            self.create();
            self.finish(self.running.len() - 1);
        }
    }

    /// Finishes all running Jobs.
    pub(crate) fn finish_all(&mut self) {
        while !self.running.is_empty() {
            self.finish(0);
        }
    }

    fn create(&mut self) {
        self.created += 1;
        let namespace = &self.namespaces[self.rng.usize(..self.namespaces.len())];
        let workload = ["hourly", "nightly"][self.rng.usize(..2)];
        let run = Run {
            namespace: namespace.clone(),
            workload,
            name: format!("{workload}-{}", self.created),
        };
        self.apply(&run, &json!({"active": 1, "ready": 1}));
        self.running.push(run);
    }

    fn finish(&mut self, run: usize) {
        let run = self.running.swap_remove(run);
        let success = self.rng.bool();
        let (kind, reason) = if success {
            ("Complete", "CompletionsReached")
        } else {
            ("Failed", "BackoffLimitExceeded")
        };
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        let now = now.to_string();
        let condition =
            json!({"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now});
        self.apply(&run, &json!({"startTime": now, "conditions": [condition]}));
        let counts = (u64::from(success), u64::from(!success));
        add(&mut self.truth, (&run.namespace, run.workload), counts);
        let uid = self.api.uid(Kind::Job, &run.namespace, &run.name).unwrap();
        self.all_finished.insert(uid.clone());
        self.finished.insert(uid, run);
    }

    fn apply(&self, run: &Run, status: &Value) {
        let workload = run.workload;
        let owner = json!({"apiVersion": "batch/v1", "kind": "CronJob", "name": workload, "uid": workload, "controller": true});
        let object = json!({
            "metadata": {"namespace": run.namespace, "name": run.name, "ownerReferences": [owner]},
            "spec": {"parallelism": 1},
            "status": status,
        });
        self.api.apply(Kind::Job, object).unwrap();
    }

    /// Asserts that a database has exactly the runs that finished, and counts each once.
    pub(crate) fn are_in(&self, database: &Database) {
        assert_eq!(database.totals(), self.truth);
        assert_eq!(database.recorded(), self.all_finished);
    }

    /// Deletes about a quarter of the finished Jobs that are recorded.
    pub(crate) fn delete_some(&mut self, recorded: &BTreeSet<String>) {
        let existing: Vec<_> = self.finished.keys().cloned().collect();
        for uid in existing {
            if recorded.contains(&uid) && self.rng.u8(..4) == 0 {
                self.delete(&uid);
            }
        }
    }

    /// Deletes all finished Jobs.
    pub(crate) fn delete_all(&mut self) {
        let existing: Vec<_> = self.finished.keys().cloned().collect();
        for uid in existing {
            self.delete(&uid);
        }
    }

    fn delete(&mut self, uid: &str) {
        let run = self.finished.remove(uid).unwrap();
        assert!(self.api.delete(Kind::Job, &run.namespace, &run.name));
    }

    /// The number of all finished runs.
    pub(crate) fn count(&self) -> u64 {
        self.all_finished.len() as u64
    }
}
