//! Servers with `CronJobs` in `batch/v1beta1`, as before Kubernetes 1.21, or without them.

use batch_simulator::api::{ApiOptions, CronJobsVersion, Kind, Permissions};
use job_status_exporter::config::Mode;

use super::*;
use crate::{
    exporter::{everything, listed, selection},
    sources::Cluster,
};

async fn cluster(cronjobs: CronJobsVersion) -> Cluster {
    let cluster = Cluster::start(ApiOptions {
        minor_version: 19,
        watch_list: false,
        cronjobs,
        ..ApiOptions::default()
    })
    .await;
    for namespace in ["a", "b"] {
        let metadata = json!({"namespace": namespace, "name": "nightly"});
        let cronjob = json!({"metadata": metadata, "spec": {"schedule": "@daily"}});
        cluster.api.apply(Kind::CronJob, cronjob).unwrap();
        let job = json!({"metadata": metadata, "status": {"active": 1}});
        cluster.api.apply(Kind::Job, job).unwrap();
    }
    cluster
}

/// All modes that read whole namespaces.
fn modes() -> [Mode; 3] {
    [
        everything(),
        Mode::Watch(selection(&["a", "b"], &[], "")),
        listed(POLL),
    ]
}

/// The number of requests with exactly this path.
fn count(cluster: &Cluster, path: &str) -> usize {
    let requests = cluster.api.requests();
    requests.iter().filter(|r| r.path == path).count()
}

#[tokio::test]
async fn cronjobs_in_v1beta1_are_found_by_one_discovery_request() {
    for mode in modes() {
        let cluster = cluster(CronJobsVersion::V1Beta1).await;
        let mut exporter = Exporter::start(cluster.endpoint(), mode);
        let both = vec!["a/nightly".to_owned(), "b/nightly".to_owned()];
        exporter.eventually(Exporter::cronjobs, both).await;
        exporter
            .eventually(|e| (e.up(), e.ready()), (true, true))
            .await;
        cluster.api.delete(Kind::CronJob, "a", "nightly");
        exporter
            .eventually(Exporter::cronjobs, vec!["b/nightly".into()])
            .await;
        exporter.throughout(SECOND / 2, Exporter::up, true).await;
        assert_eq!(count(&cluster, "/apis/batch/v1"), 1);
        let requests = cluster.api.requests();
        let wrong = requests
            .iter()
            .filter(|r| r.path.starts_with("/apis/batch/v1/") && r.path.ends_with("/cronjobs"));
        assert!(wrong.count() <= 2, "one per list at most");
    }
}

#[tokio::test]
async fn cronjobs_in_v1_need_no_discovery_request() {
    for mode in modes() {
        let cluster = cluster(CronJobsVersion::V1).await;
        let mut exporter = Exporter::start(cluster.endpoint(), mode);
        exporter.eventually(|e| e.cronjobs().len(), 2).await;
        assert_eq!(count(&cluster, "/apis/batch/v1"), 0);
    }
}

#[tokio::test]
async fn a_target_without_cronjobs_is_ready_when_its_jobs_are_read() {
    for mode in modes() {
        let cluster = cluster(CronJobsVersion::None).await;
        let mut exporter = Exporter::start_with(cluster.endpoint(), mode, SECOND, 2 * SECOND);
        exporter.eventually(|e| e.jobs().len(), 2).await;
        exporter
            .eventually(|e| (e.up(), e.ready()), (true, true))
            .await;
        let before = cluster.api.requests();
        let before = before
            .iter()
            .filter(|r| r.path.ends_with("/cronjobs"))
            .count();
        // Longer than `stale_after`.
        exporter
            .throughout(3 * SECOND, |e| (e.up(), e.jobs().len()), (true, 2))
            .await;
        let after = cluster.api.requests();
        let after = after
            .iter()
            .filter(|r| r.path.ends_with("/cronjobs"))
            .count();
        assert_eq!(before, after, "CronJobs are not requested again");
        assert!(exporter.cronjobs().is_empty());
        assert!(exporter.snapshot().status.last_success.is_some());
    }
}

/// A gateway without API discovery: only the 404 responses show which version is served.
#[tokio::test]
async fn without_discovery_v1beta1_is_tried_once() {
    let script = |request: &Request| match request.target.split('?').next().unwrap() {
        "/apis/batch/v1beta1/cronjobs" => Answer::json(&json!({"metadata": {}, "items": [
            {"metadata": {"namespace": "a", "name": "nightly"}, "spec": {"schedule": "@daily"}},
        ]})),
        "/apis/batch/v1/jobs" => Answer::json(&json!({"metadata": {}, "items": []})),
        _ => gateway_error(404, "APIGW.0101", "The API does not exist"),
    };
    let server = Server::start(script).await;
    let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
    exporter
        .eventually(Exporter::cronjobs, vec!["a/nightly".into()])
        .await;
    exporter.throughout(SECOND, Exporter::up, true).await;
    assert_eq!(server.requests("/apis/batch/v1/cronjobs").len(), 1);
}

#[tokio::test]
async fn a_wrong_address_is_not_a_server_without_cronjobs() {
    let server = Server::start(|_| Answer::whole(404, &[], "404 page not found")).await;
    let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
    exporter
        .eventually(|_| server.requests("/cronjobs").len() >= 4, true)
        .await;
    exporter
        .throughout(SECOND / 2, |e| (e.up(), e.ready()), (false, false))
        .await;
}

#[tokio::test]
async fn a_missing_permission_is_not_a_missing_version() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = cluster(CronJobsVersion::V1).await;
    cluster.api.grant(
        "t0",
        Permissions::of_user("reader").allow(&["list"], &["jobs"]),
    );
    let endpoint = cluster.endpoint_with_token(directory.path(), "t0");
    let mut exporter = Exporter::start(endpoint, listed(POLL));
    exporter.eventually(|e| e.jobs().len(), 2).await;
    exporter.eventually(Exporter::up, false).await;
    exporter.throughout(SECOND, Exporter::up, false).await;
    assert_eq!(
        count(&cluster, "/apis/batch/v1"),
        1,
        "the discovery result is cached"
    );
    assert_eq!(count(&cluster, "/apis/batch/v1beta1/cronjobs"), 0);
}
