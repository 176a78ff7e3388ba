//! The pods of Jobs: which are read, and what outages leave of them.

use batch_simulator::api::Permissions;
use job_status_exporter::{
    config::{Mode, Selection},
    model::{FailureCause, WaitReason},
};

use super::*;
use crate::exporter::POLL;

fn with_pods() -> Selection {
    Selection {
        pods: true,
        ..Selection::default()
    }
}

impl Cluster {
    /// Creates or updates a pod of a Job in the namespace `etl`.
    fn apply_pod(&self, job: &str, name: &str, status: &Value) {
        let uid = self.api.uid(Kind::Job, "etl", job).expect("the Job");
        let owner = json!({"apiVersion": "batch/v1", "kind": "Job", "name": job, "uid": uid, "controller": true});
        let labels = json!({"batch.kubernetes.io/job-name": job, "job-name": job});
        let metadata =
            json!({"namespace": "etl", "name": name, "labels": labels, "ownerReferences": [owner]});
        let pod = json!({"metadata": metadata, "status": status});
        self.api.apply(Kind::Pod, pod).unwrap();
    }
}

fn failed(reason: &str, exit_code: i32) -> Value {
    let ended =
        json!({"exitCode": exit_code, "reason": reason, "finishedAt": "2026-11-23T14:52:09Z"});
    json!({"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": ended}}]})
}

fn unschedulable() -> Value {
    let condition = json!({
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "lastTransitionTime": "2026-11-23T14:52:09Z",
    });
    json!({"phase": "Pending", "conditions": [condition]})
}

/// Failed pods by cause, and waiting ones by reason.
type Observed = (Vec<(FailureCause, u32)>, Vec<(WaitReason, u32)>);

/// What is known of the pods of the Job `etl/load`.
fn observed(exporter: &Exporter) -> Observed {
    let snapshot = exporter.snapshot();
    let mut jobs = snapshot.jobs.iter();
    let observed = jobs.find_map(|job| job.observed_pods.clone());
    let pods = observed.unwrap_or_default();
    (pods.failed(9).iter().collect(), pods.waiting().collect())
}

/// Every server variant, watched and polled.
async fn for_each_mode<F: Future<Output = ()>>(case: impl Fn(Cluster, Mode) -> F) {
    let modes = [
        Mode::Watch(with_pods()),
        Mode::PollLists {
            selection: with_pods(),
            poll: POLL,
        },
    ];
    let cases = modes.iter().flat_map(|mode| {
        server_variants()
            .map(|options| async { case(Cluster::start(options).await, mode.clone()).await })
    });
    join_all(cases.collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn the_pods_of_jobs_are_followed_until_they_are_gone() {
    for_each_mode(async |cluster, mode| {
        cluster.apply("etl", "load", running());
        cluster.apply_pod("load", "load-a", &unschedulable());
        cluster.apply_pod("load", "load-b", &failed("OOMKilled", 137));
        let mut exporter = Exporter::start(cluster.endpoint(), mode);
        let oom = vec![(FailureCause::OomKilled, 1)];
        let waiting = vec![(WaitReason::Unschedulable, 1)];
        exporter.eventually(observed, (oom.clone(), waiting)).await;
        cluster.apply_pod("load", "load-a", &json!({"phase": "Succeeded"}));
        exporter.eventually(observed, (oom.clone(), vec![])).await;
        cluster.api.delete(Kind::Pod, "etl", "load-b");
        cluster.apply_pod("load", "load-c", &failed("Error", 3));
        let both = vec![(FailureCause::OomKilled, 1), (FailureCause::Error, 1)];
        exporter.eventually(observed, (both, vec![])).await;
        assert!(exporter.up());
    })
    .await;
}

/// The watch ends, and its version has expired: everything is listed again.
#[tokio::test]
async fn an_outage_counts_no_pod_twice() {
    for_each_mode(async |mut cluster, mode| {
        cluster.apply("etl", "load", running());
        cluster.apply_pod("load", "load-a", &failed("OOMKilled", 137));
        cluster.apply_pod("load", "load-b", &failed("Error", 1));
        cluster.apply_pod("load", "load-c", &unschedulable());
        let mut exporter = Exporter::start(cluster.endpoint(), mode);
        let both = vec![(FailureCause::OomKilled, 1), (FailureCause::Error, 1)];
        let waiting = vec![(WaitReason::Unschedulable, 1)];
        exporter.eventually(observed, (both, waiting)).await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::up, false).await;
        cluster.api.delete(Kind::Pod, "etl", "load-b");
        cluster.api.delete(Kind::Pod, "etl", "load-c");
        cluster.apply_pod("load", "load-d", &failed("Error", 1));
        cluster.api.compact();
        cluster.serve().await;
        let three = vec![(FailureCause::OomKilled, 1), (FailureCause::Error, 2)];
        exporter.eventually(observed, (three, vec![])).await;
        exporter.eventually(Exporter::up, true).await;
    })
    .await;
}

#[tokio::test]
async fn the_label_of_pods_follows_from_the_version_of_the_server() {
    for (minor_version, label) in [(26, "job-name"), (27, "batch.kubernetes.io%2Fjob-name")] {
        let cluster = Cluster::start(ApiOptions {
            minor_version,
            watch_list: false,
            ..ApiOptions::default()
        })
        .await;
        cluster.apply("etl", "load", running());
        cluster.apply_pod("load", "load-a", &failed("Error", 1));
        let mut exporter = Exporter::start(cluster.endpoint(), Mode::Watch(with_pods()));
        let cause = vec![(FailureCause::Error, 1)];
        exporter.eventually(observed, (cause, vec![])).await;
        let requests = cluster.api.requests();
        let queries: Vec<_> = requests
            .iter()
            .filter(|request| request.path.ends_with("/pods"))
            .map(|request| &request.query)
            .collect();
        assert!(!queries.is_empty());
        for query in queries {
            let selectors =
                format!("fieldSelector=status.phase%21%3DSucceeded&labelSelector={label}");
            assert!(query.contains(&selectors), "{query}");
        }
    }
}

#[tokio::test]
async fn without_permission_for_pods_all_else_goes_on_until_it_is_granted() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(ApiOptions::default()).await;
    let reader = Permissions::of_user("reader").allow(&["list", "watch"], &["jobs", "cronjobs"]);
    cluster.api.grant("t0", reader.clone());
    cluster.apply("etl", "load", running());
    cluster.apply_pod("load", "load-a", &failed("Error", 1));
    let endpoint = cluster.endpoint_with_token(directory.path(), "t0");
    let mut exporter = Exporter::start(endpoint, Mode::Watch(with_pods()));
    let health = |exporter: &Exporter| {
        let status = exporter.snapshot().status;
        (status.up, status.synced, status.pods_up)
    };
    exporter.eventually(health, (true, true, Some(false))).await;
    assert!(exporter.ready());
    assert_eq!(observed(&exporter), (vec![], vec![]));
    let more = reader.allow(&["list", "watch"], &["pods"]);
    cluster.api.grant("t0", more);
    exporter.eventually(health, (true, true, Some(true))).await;
    let cause = vec![(FailureCause::Error, 1)];
    exporter.eventually(observed, (cause, vec![])).await;
}
