//! Watch mode: the store follows the API through events, and through watches that end or expire.

use job_status_exporter::{
    model::{Code, EventKind, RestartReason, Verb},
    server::readiness::State,
};

use super::*;

#[tokio::test]
async fn the_store_follows_created_updated_and_deleted_objects() {
    for_each_server(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        cluster.apply("billing", "load", complete());
        let cronjob = json!({"metadata": {"namespace": "etl", "name": "tick"}, "spec": {"schedule": "@daily"}});
        cluster.api.apply(Kind::CronJob, cronjob.clone()).unwrap();

        let mut exporter = cluster.watch();
        let loads = || vec!["billing/load".into(), "etl/load".into()];
        exporter.eventually(Exporter::jobs, loads()).await;
        exporter
            .eventually(Exporter::cronjobs, vec!["etl/tick".into()])
            .await;
        exporter.eventually(Exporter::up, true).await;

        cluster.apply("etl", "new", json!({}));
        exporter
            .eventually(
                Exporter::states,
                vec![
                    "load: complete".into(),
                    "load: running".into(),
                    "new: pending".into(),
                ],
            )
            .await;
        cluster.apply("etl", "new", running());
        cluster.apply("etl", "load", complete());
        exporter
            .eventually(
                Exporter::states,
                vec![
                    "load: complete".into(),
                    "load: complete".into(),
                    "new: running".into(),
                ],
            )
            .await;
        cluster.api.delete(Kind::Job, "etl", "new");
        cluster.api.delete(Kind::CronJob, "etl", "tick");
        exporter.eventually(Exporter::jobs, loads()).await;
        exporter.eventually(Exporter::cronjobs, vec![]).await;

        assert_metrics_of_complete_load(&exporter.metrics());
        assert_eq!(
            cluster.count("watch", "cronjobs"),
            cluster.count("watch", "jobs")
        );
    })
    .await;
}

fn assert_metrics_of_complete_load(metrics: &str) {
    for line in [
        "batch_job_state{namespace=\"etl\",job_name=\"load\",workload_type=\"job\",workload=\"load\",state=\"complete\"} 1",
        "job_status_exporter_target_up 1",
        "job_status_exporter_target_synced 1",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line} in {metrics}");
    }
}

#[tokio::test]
async fn a_target_is_ready_after_both_kinds_are_listed() {
    for_each_server(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.api.set_latency(SECOND / 10);
        cluster.apply("etl", "load", running());
        let mut exporter = cluster.watch();
        assert_eq!(
            exporter.readiness.state(),
            State::Waiting(vec!["default".into()])
        );
        while !exporter.ready() {
            let synced = exporter.snapshot().status.synced;
            assert!(!synced || exporter.ready());
            exporter.step().await;
        }
        assert_eq!(exporter.jobs(), ["etl/load"]);
    })
    .await;
}

#[tokio::test]
async fn a_long_list_is_read_in_pages() {
    let cluster = Cluster::start(old_server()).await;
    for number in 0..1200 {
        cluster.apply("etl", &format!("load-{number:04}"), complete());
    }
    let mut exporter = cluster.watch();
    exporter.eventually(|e| e.jobs().len(), 1200).await;
    let requests = cluster.api.requests();
    let pages = requests
        .iter()
        .filter(|r| r.path.ends_with("/jobs") && r.query.starts_with("limit=500"));
    let pages: Vec<_> = pages.map(|r| r.query.contains("&continue=")).collect();
    assert_eq!(pages, [false, true, true]);
    assert_eq!(exporter.snapshot().status.jobs, 1200);
}

/// The test deletes a Job and compacts after the request for the second page.
#[tokio::test]
async fn a_list_that_expires_between_pages_is_restarted() {
    let cluster = Cluster::start(ApiOptions {
        history: 5000,
        ..old_server()
    })
    .await;
    cluster.api.set_latency(SECOND / 20);
    for number in 0..1200 {
        cluster.apply("etl", &format!("load-{number:04}"), running());
    }
    let mut exporter = cluster.watch();
    while cluster.count("list", "jobs") < 2 {
        exporter.step().await;
    }
    cluster.api.delete(Kind::Job, "etl", "load-0001"); // on the first page
    cluster.api.compact();
    exporter.eventually(|e| e.jobs().len(), 1199).await;
    assert_eq!(exporter.requests(Verb::List, Code::Gone), 1);
    assert_eq!(exporter.restarts(RestartReason::Error), 0);
    let snapshot = exporter.snapshot();
    assert!(snapshot.status.up, "{:?}", snapshot.status);
    assert!(!exporter.jobs().contains(&"etl/load-0001".to_owned()));
}

#[tokio::test]
async fn an_expired_watch_is_followed_by_a_list_and_no_job_disappears_meanwhile() {
    for_each_server(async |options| {
        let cluster = Cluster::start(options).await;
        for number in 0..300 {
            cluster.apply("etl", &format!("load-{number:03}"), running());
        }
        let mut exporter = cluster.watch();
        exporter.eventually(|e| e.jobs().len(), 300).await;
        exporter.eventually(Exporter::up, true).await;
        for round in 1..=2 {
            // Only CronJobs change, so that compaction removes the resource version of the watch of Jobs.
            let other =
                json!({"metadata": {"name": "other"}, "spec": {"schedule": round.to_string()}});
            cluster.api.apply(Kind::CronJob, other).unwrap();
            cluster.api.compact();
            cluster.api.end_watches();
            while exporter.restarts(RestartReason::Expired) < round {
                assert_eq!(exporter.jobs().len(), 300);
                assert!(exporter.up());
                exporter.step().await;
            }
            cluster.apply("etl", &format!("new-{round}"), running());
            let new = format!("etl/new-{round}");
            exporter.eventually(|e| e.jobs().contains(&new), true).await;
            cluster
                .api
                .delete(Kind::Job, "etl", &format!("new-{round}"));
            exporter.eventually(|e| e.jobs().len(), 300).await;
        }
        let metrics = exporter.metrics();
        let line =
            "job_status_exporter_watch_restarts_total{resource=\"jobs\",reason=\"expired\"} 2";
        assert!(metrics.contains(line), "{metrics}");
    })
    .await;
}

#[tokio::test]
async fn a_watch_that_ends_resumes_at_its_last_resource_version() {
    for_each_server(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        let mut exporter = cluster.watch();
        exporter.eventually(Exporter::ready, true).await;
        cluster.apply("etl", "next", running());
        exporter.eventually(|e| e.jobs().len(), 2).await;
        cluster.api.clear_requests();
        cluster.api.end_watches();
        exporter
            .eventually(|e| e.restarts(RestartReason::Ended), 1)
            .await;
        cluster.apply("etl", "meanwhile", running());
        exporter.eventually(|e| e.jobs().len(), 3).await;
        let requests = cluster.api.requests();
        let jobs = requests.iter().filter(|r| r.path.ends_with("/jobs"));
        let queries: Vec<_> = jobs.map(|r| r.query.as_str()).collect();
        assert_eq!(queries.len(), 1, "{queries:?}");
        assert!(
            queries[0].contains("watch=1") && queries[0].ends_with("&resourceVersion=3"),
            "{queries:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn the_store_follows_a_server_that_returns_with_an_empty_etcd() {
    for_each_server(async |options| {
        let mut cluster = Cluster::start(options).await;
        for number in 0..50 {
            cluster.apply("etl", &format!("old-{number:02}"), running());
        }
        let mut exporter = cluster.watch();
        exporter.eventually(|e| e.jobs().len(), 50).await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::up, false).await;
        cluster.api.reset();
        cluster.apply("etl", "new", running());
        exporter.throughout(SECOND, |e| e.jobs().len(), 50).await;
        cluster.serve().await;
        exporter
            .eventually(Exporter::jobs, vec!["etl/new".into()])
            .await;
        exporter.eventually(Exporter::up, true).await;
    })
    .await;
}

/// A gateway hides the outage. Only the silent watch shows that the server was reset.
#[tokio::test]
async fn a_reset_behind_a_gateway_is_detected_by_the_silent_watch() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    for number in 0..50 {
        cluster.apply("etl", &format!("old-{number:02}"), running());
    }
    let stale_after = 4 * SECOND; // so a watch lasts 2 s
    let mut exporter = Exporter::start_with(cluster.endpoint(), everything(), SECOND, stale_after);
    exporter.eventually(|e| e.jobs().len(), 50).await;
    cluster.api.reset();
    cluster.apply("etl", "new", running());
    exporter
        .eventually(Exporter::jobs, vec!["etl/new".into()])
        .await;
    cluster.apply("etl", "newer", running());
    exporter.eventually(|e| e.jobs().len(), 2).await;
}

#[tokio::test]
async fn an_object_deleted_during_an_outage_disappears_with_the_next_list() {
    for_each_server(async |options| {
        let mut cluster = Cluster::start(options).await;
        cluster.apply("etl", "unfinished", running());
        cluster.apply("etl", "finished", complete());
        cluster.apply("etl", "other", running());
        let mut exporter =
            Exporter::start_with(cluster.endpoint(), everything(), SECOND, 600 * SECOND);
        exporter.eventually(|e| e.jobs().len(), 3).await;
        cluster.shut_down().await;
        exporter.eventually(Exporter::up, false).await;
        for name in ["finished", "unfinished"] {
            cluster.api.delete(Kind::Job, "etl", name);
        }
        cluster.api.compact();
        cluster.serve().await;
        // The finished Job is retained for a while, but is not counted.
        exporter
            .eventually(
                Exporter::jobs,
                vec!["etl/finished".into(), "etl/other".into()],
            )
            .await;
        assert_eq!(exporter.snapshot().status.jobs, 1);
        exporter
            .eventually(Exporter::jobs, vec!["etl/other".into()])
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_job_deleted_during_a_list_disappears() {
    for_each_server(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.api.set_latency(SECOND / 10);
        cluster.apply("etl", "brief", running());
        cluster.apply("etl", "other", running());
        let mut exporter = cluster.watch();
        // The latency still delays the response of the list or of the watch.
        while cluster.count("list", "jobs") + cluster.count("watch", "jobs") == 0 {
            exporter.step().await;
        }
        cluster.api.delete(Kind::Job, "etl", "brief");
        exporter
            .eventually(Exporter::jobs, vec!["etl/other".into()])
            .await;
        exporter.eventually(Exporter::ready, true).await;
        assert_eq!(exporter.jobs(), ["etl/other"]);
    })
    .await;
}

#[tokio::test]
async fn deleted_jobs_are_retained_if_they_are_finished() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "finished", complete());
    cluster.apply("etl", "unfinished", running());
    let mut exporter = Exporter::start_with(cluster.endpoint(), everything(), SECOND, 600 * SECOND);
    exporter.eventually(|e| e.jobs().len(), 2).await;
    cluster.api.delete(Kind::Job, "etl", "finished");
    cluster.api.delete(Kind::Job, "etl", "unfinished");
    exporter
        .eventually(|e| e.events(EventKind::Deleted), 2)
        .await;
    assert_eq!(exporter.jobs(), ["etl/finished"]);
    exporter.eventually(Exporter::jobs, vec![]).await;
}
