//! Four shards show together what one exporter shows, series by series, and each receives about a quarter.

use std::{collections::BTreeMap, path::Path};

use job_status_exporter::model::Shard;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind, Namespace},
    control_plane::ControlPlane,
    exporter::Exporter,
    metrics::Samples,
    proxy::Proxy,
    wait::{TIMEOUT, eventually},
};

const SHARDS: u32 = 4;

/// Namespaces of each shard at the start. One more is created for each while they run.
const OWNED: usize = 4;

/// Jobs of each namespace at the start.
const JOBS: usize = 40;

/// An exporter, and the proxy that it reads through.
struct Reader {
    exporter: Exporter,
    proxy: Proxy,
}

impl Reader {
    async fn start(kubeconfig: &Path, shard: Option<u32>) -> Self {
        let proxy = Proxy::start(kubeconfig.to_owned()).await;
        let sharding =
            shard.map(|index| format!("sharding: {{shards: {SHARDS}, shard: {index}}}\n"));
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}}}]\n{}",
            proxy.kubeconfig().display(),
            sharding.unwrap_or_default()
        );
        let exporter = Exporter::with_config(&config).await;
        exporter.wait_until_ready().await;
        Self { exporter, proxy }
    }

    /// What it shows of the objects.
    async fn samples(&self) -> Samples {
        self.exporter.scrape().await.samples("batch_", &[])
    }
}

/// Names such that each shard owns as many of them.
fn names(prefix: &str, of_each_shard: usize) -> Vec<String> {
    let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for number in 0.. {
        let name = format!("{prefix}-{number}");
        let owns = |index: &u32| Shard::new(*index, SHARDS).expect("a shard").owns(&name);
        let owner = (0..SHARDS).find(owns).expect("an owner");
        let list = names.entry(owner).or_default();
        if list.len() < of_each_shard {
            list.push(name);
        }
        if names.len() == SHARDS as usize && names.values().all(|it| it.len() == of_each_shard) {
            break;
        }
    }
    names.into_values().flatten().collect()
}

/// A namespace with exactly this name.
async fn namespace(cluster: &Cluster, name: &str) -> Namespace {
    let object = json!({"metadata": {"name": name}});
    let path = "/api/v1/namespaces";
    cluster
        .send("POST", path, &object)
        .await
        .expect("a namespace");
    Namespace {
        name: name.to_owned(),
        cluster: cluster.clone(),
    }
}

fn job() -> Value {
    let container = json!({"name": "main", "image": "example.org/job:1"});
    json!({"template": {"spec": {"restartPolicy": "Never", "containers": [container]}}})
}

/// What the controller writes for a Job that runs, and for one that is complete.
fn status(complete: bool) -> Value {
    let start = "2026-11-23T14:52:00Z";
    if !complete {
        return json!({"status": {"startTime": start, "active": 1, "ready": 1}});
    }
    let end = "2026-11-23T14:52:09Z";
    let condition = |kind| json!({"type": kind, "status": "True", "lastProbeTime": end, "lastTransitionTime": end});
    json!({"status": {
        "startTime": start, "completionTime": end, "active": 0, "ready": 0, "succeeded": 1,
        "conditions": [condition("SuccessCriteriaMet"), condition("Complete")],
    }})
}

async fn create_jobs(namespace: &Namespace, count: usize) {
    for number in 0..count {
        let name = format!("load-{number}");
        namespace.create(Kind::Job, &name, job()).await;
        let path = format!("{name}/status");
        namespace.patch(Kind::Job, &path, status(false)).await;
    }
    let schedule = json!({"schedule": "@yearly", "jobTemplate": {"spec": job()}});
    namespace.create(Kind::CronJob, "yearly", schedule).await;
}

/// Jobs end, start and go, and a namespace appears.
async fn change(namespaces: &[Namespace], round: usize) {
    for namespace in namespaces {
        let running = format!("load-{}", round * 2);
        let path = format!("{running}/status");
        namespace.patch(Kind::Job, &path, status(true)).await;
        let gone = format!("load-{}", round * 2 + 1);
        namespace.delete(Kind::Job, &gone).await;
        let new = format!("new-{round}");
        namespace.create(Kind::Job, &new, job()).await;
    }
}

/// Tries shards on this control plane. Returns what each shard received, as a part of what one exporter did.
async fn compare_with_one(plane: &ControlPlane, kubeconfig: &Path, reading: &str) -> Vec<f64> {
    let cluster = plane.cluster().await;
    let mut namespaces = Vec::new();
    for name in names("team", OWNED) {
        let namespace = namespace(&cluster, &name).await;
        create_jobs(&namespace, JOBS).await;
        namespaces.push(namespace);
    }
    let one = Reader::start(kubeconfig, None).await;
    let mut shards = Vec::new();
    for index in 0..SHARDS {
        shards.push(Reader::start(kubeconfig, Some(index)).await);
    }
    for (round, name) in names("late", 1).iter().enumerate() {
        change(&namespaces, round).await;
        create_jobs(&namespace(&cluster, name).await, 5).await;
    }
    let what = format!("the shards show what one exporter shows, by {reading}");
    eventually(&what, TIMEOUT, async || {
        let mut union = Samples::new();
        for shard in &shards {
            for (series, value) in shard.samples().await {
                let before = union.insert(series.clone(), value);
                assert_eq!(before, None, "two shards show {series}");
            }
        }
        let expected = one.samples().await;
        let differences: Vec<_> = expected
            .iter()
            .filter(|(series, value)| union.get(*series) != Some(*value))
            .map(|(series, value)| format!("{series}: {value}, {:?}", union.get(series)))
            .chain(
                union
                    .keys()
                    .filter(|it| !expected.contains_key(*it))
                    .cloned(),
            )
            .collect();
        if differences.is_empty() && expected.len() > 5_000 {
            return Ok(());
        }
        Err((expected.len(), differences))
    })
    .await;
    let all = one.proxy.received();
    let mut parts = Vec::new();
    for shard in shards {
        let (_, target) = shard.exporter.get("/api/v1/targets").await;
        let target: Value = serde_json::from_str(&target).expect("JSON");
        let found = &target["data"]["targets"][0]["shard"]["reading"];
        assert_eq!(found, reading);
        #[allow(clippy::cast_precision_loss, reason = "some megabytes")]
        parts.push(shard.proxy.received() as f64 / all as f64);
        shard.exporter.stop().await;
    }
    one.exporter.stop().await;
    println!("by {reading}, each shard received {parts:.2?} of {all} bytes");
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_selects_sends_each_shard_its_part() {
    let gate = "--feature-gates=ShardedListAndWatch=true";
    let plane = ControlPlane::with_flags(gate).await;
    let parts = compare_with_one(&plane, &plane.kubeconfig(), "selector").await;
    assert!(parts.iter().all(|part| *part < 0.35), "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn any_server_sends_each_shard_its_namespaces() {
    let plane = ControlPlane::start().await;
    let parts = compare_with_one(&plane, &plane.kubeconfig(), "namespaces").await;
    assert!(parts.iter().all(|part| *part < 0.35), "{parts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_permission_for_namespaces_shards_skip_the_rest() {
    let plane = ControlPlane::start().await;
    compare_with_one(&plane, &plane.kubeconfig_of("token-reader"), "skipping").await;
}
