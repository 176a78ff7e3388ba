//! Poll mode: single configured jobs, and lists.

use batch_simulator::api::ApiRequest;
use job_status_exporter::{
    config::{Mode, PollConfig},
    model::{Code, Verb},
};

use super::*;
use crate::exporter::{POLL, listed, polled, selection};

/// `name: exists` of the configured jobs that have been polled.
fn configured(exporter: &Exporter) -> Vec<String> {
    let snapshot = exporter.snapshot();
    let configured = snapshot.configured.iter();
    configured
        .filter_map(|job| Some(format!("{}: {}", job.name, job.exists?)))
        .collect()
}

#[tokio::test]
async fn configured_jobs_are_created_and_replaced() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "other", running());
    cluster.apply("etl", "weekly", running());
    let mode = polled(&["etl/nightly", "etl/weekly"], POLL);
    let mut exporter = Exporter::start_with(cluster.endpoint(), mode, SECOND, 600 * SECOND);
    exporter
        .eventually(
            configured,
            vec!["nightly: false".into(), "weekly: true".into()],
        )
        .await;
    assert!(
        exporter.up() && exporter.ready(),
        "an absent job is not a failure"
    );
    assert_eq!(exporter.jobs(), ["etl/weekly"]);
    let line = "batch_job_exists{namespace=\"etl\",job_name=\"nightly\"} 0";
    let metrics = exporter.metrics();
    assert!(metrics.lines().any(|l| l == line), "{metrics}");

    cluster.apply("etl", "nightly", complete());
    exporter
        .eventually(
            configured,
            vec!["nightly: true".into(), "weekly: true".into()],
        )
        .await;
    let uid = |exporter: &Exporter| {
        let snapshot = exporter.snapshot();
        let mut jobs = snapshot.jobs.iter();
        jobs.find(|job| &*job.name == "nightly")
            .map(|job| job.uid.clone())
    };
    let first = uid(&exporter).expect("a job");
    cluster.api.delete(Kind::Job, "etl", "nightly");
    cluster.apply("etl", "nightly", running());
    exporter
        .eventually(|e| uid(e).is_some_and(|uid| uid != first), true)
        .await;
    assert_eq!(exporter.states(), ["nightly: running", "weekly: running"]);
    assert_only_status_is_polled(&cluster);
}

#[tokio::test]
async fn a_configured_job_is_retained_after_its_deletion_if_it_is_finished() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "nightly", running());
    cluster.apply("etl", "weekly", running());
    let mode = polled(&["etl/nightly", "etl/weekly"], POLL);
    let mut exporter = Exporter::start_with(cluster.endpoint(), mode, SECOND, 600 * SECOND);
    exporter
        .eventually(
            Exporter::states,
            vec!["nightly: running".into(), "weekly: running".into()],
        )
        .await;
    cluster.apply("etl", "nightly", complete());
    exporter
        .eventually(
            Exporter::states,
            vec!["nightly: complete".into(), "weekly: running".into()],
        )
        .await;
    cluster.api.delete(Kind::Job, "etl", "nightly");
    cluster.api.delete(Kind::Job, "etl", "weekly");
    exporter
        .eventually(
            configured,
            vec!["nightly: false".into(), "weekly: false".into()],
        )
        .await;
    assert_eq!(
        exporter.jobs(),
        ["etl/nightly"],
        "the finished job is retained"
    );
    exporter.eventually(Exporter::jobs, vec![]).await;
    assert_only_status_is_polled(&cluster);
}

fn assert_only_status_is_polled(cluster: &Cluster) {
    let requests = cluster.api.requests();
    let polls_status = |r: &ApiRequest| r.path.ends_with("/status") && r.method == "GET";
    assert!(requests.iter().all(polls_status));
}

#[tokio::test]
async fn lists_are_polled_by_label_selector_and_in_pages() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    for number in 0..600 {
        let metadata = json!({"name": format!("load-{number:03}"), "labels": {"tier": "batch"}});
        cluster
            .api
            .apply(
                Kind::Job,
                json!({"metadata": metadata, "status": running()}),
            )
            .unwrap();
    }
    cluster.apply("default", "unlabelled", running());
    let mode = Mode::PollLists {
        selection: selection(&[], &[], "tier=batch"),
        poll: POLL,
    };
    let mut exporter = Exporter::start(cluster.endpoint(), mode);
    exporter.eventually(|e| e.jobs().len(), 600).await;
    assert!(exporter.up());
    cluster.api.delete(Kind::Job, "default", "load-000");
    exporter.eventually(|e| e.jobs().len(), 599).await;
    let requests = cluster.api.requests();
    assert!(
        requests
            .iter()
            .all(|r| r.query.contains("labelSelector=tier%3Dbatch"))
    );
    assert!(requests.iter().any(|r| r.query.contains("&continue=")));
    assert!(requests.iter().all(|r| !r.query.contains("watch")));
}

#[tokio::test]
async fn a_polled_list_that_expires_between_pages_is_restarted_at_once() {
    let options = ApiOptions {
        history: 5000,
        ..ApiOptions::default()
    };
    let cluster = Cluster::start(options).await;
    cluster.api.set_latency(SECOND / 20);
    for number in 0..600 {
        cluster.apply("etl", &format!("load-{number:03}"), running());
    }
    let poll = PollConfig {
        timeout: 5 * SECOND,
        ..POLL
    };
    let mut exporter = Exporter::start(cluster.endpoint(), listed(poll));
    exporter.eventually(Exporter::up, true).await;
    cluster.api.clear_requests();
    let second_page = |request: &ApiRequest| request.query.contains("continue");
    while !cluster.api.requests().iter().any(second_page) {
        exporter.step().await;
    }
    cluster.apply("etl", "new", running());
    cluster.api.compact();
    while exporter.jobs().len() < 601 {
        assert!(exporter.up(), "an expired list is not a failure");
        exporter.step().await;
    }
    assert_eq!(exporter.requests(Verb::List, Code::Gone), 1);
}

#[tokio::test]
async fn jobs_stay_while_the_api_is_unreachable() {
    let mut cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "nightly", running());
    for mode in [polled(&["etl/nightly"], POLL), listed(POLL)] {
        let mut exporter = Exporter::start(cluster.endpoint(), mode);
        exporter.eventually(Exporter::up, true).await;
        exporter
            .eventually(Exporter::jobs, vec!["etl/nightly".into()])
            .await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::up, false).await;
        exporter
            .throughout(SECOND / 2, Exporter::jobs, vec!["etl/nightly".into()])
            .await;
        cluster.serve().await;
        exporter.eventually(Exporter::up, true).await;
    }
}

#[tokio::test]
async fn stale_jobs_are_dropped_and_return_with_the_api() {
    let modes = [everything(), polled(&["etl/nightly"], POLL), listed(POLL)];
    join_all(modes.map(async |mode| {
        let mut cluster = Cluster::start(ApiOptions::default()).await;
        cluster.apply("etl", "nightly", running());
        let mut exporter = Exporter::start_with(cluster.endpoint(), mode, SECOND, 2 * SECOND);
        exporter
            .eventually(Exporter::jobs, vec!["etl/nightly".into()])
            .await;
        exporter.eventually(Exporter::up, true).await;
        exporter.eventually(Exporter::ready, true).await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::jobs, vec![]).await;
        assert_eq!(configured(&exporter), [""; 0]);
        assert!(exporter.snapshot().status.last_success.is_some());
        cluster.serve().await;
        exporter
            .eventually(Exporter::jobs, vec!["etl/nightly".into()])
            .await;
    }))
    .await;
}
