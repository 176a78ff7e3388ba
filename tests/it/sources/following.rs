//! Watch mode: the store goes along with the API, whatever becomes of the watches.

use job_status_exporter::{
    model::{Code, EventKind, RestartReason, Verb},
    server::readiness::State,
};

use super::*;

#[tokio::test]
async fn the_store_goes_along_with_the_objects() {
    each_manner(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        cluster.apply("billing", "load", complete());
        let cronjob = json!({"metadata": {"namespace": "etl", "name": "tick"}, "spec": {"schedule": "@daily"}});
        cluster.api.apply(Kind::CronJob, cronjob.clone()).unwrap();

        let mut exporter = cluster.watched();
        exporter
            .eventually(
                Exporter::jobs,
                vec!["billing/load".into(), "etl/load".into()],
            )
            .await;
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
        exporter
            .eventually(
                Exporter::jobs,
                vec!["billing/load".into(), "etl/load".into()],
            )
            .await;
        exporter.eventually(Exporter::cronjobs, vec![]).await;

        let metrics = exporter.metrics();
        for line in [
            "batch_job_state{namespace=\"etl\",job_name=\"load\",workload_type=\"job\",workload=\"load\",state=\"complete\"} 1",
            "job_status_exporter_target_up 1",
            "job_status_exporter_target_synced 1",
        ] {
            assert!(metrics.lines().any(|l| l == line), "{line} in {metrics}");
        }
        assert_eq!(
            cluster.count("watch", "cronjobs"),
            cluster.count("watch", "jobs")
        );
    })
    .await;
}

#[tokio::test]
async fn ready_means_that_both_kinds_are_listed() {
    each_manner(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.api.set_latency(SECOND / 10);
        cluster.apply("etl", "load", running());
        let mut exporter = cluster.watched();
        assert_eq!(
            exporter.readiness.state(),
            State::Waiting(vec!["tested".into()])
        );
        while !exporter.ready() {
            let synced = exporter.snapshot().status.synced;
            assert!(!synced || exporter.ready());
            exporter.check().await;
        }
        assert_eq!(exporter.jobs(), ["etl/load"]);
    })
    .await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let cluster = Cluster::start(manners()[2].clone()).await;
    for number in 0..1200 {
        cluster.apply("etl", &format!("load-{number:04}"), complete());
    }
    let mut exporter = cluster.watched();
    exporter.eventually(|e| e.jobs().len(), 1200).await;
    let requests = cluster.api.requests();
    let pages = requests
        .iter()
        .filter(|r| r.path.ends_with("/jobs") && r.query.starts_with("limit=500"));
    let pages: Vec<_> = pages.map(|r| r.query.contains("&continue=")).collect();
    assert_eq!(pages, [false, true, true]);
    assert_eq!(exporter.snapshot().status.jobs, 1200);
}

/// Deletes and compacts when the second page was asked for.
#[tokio::test]
async fn a_list_that_expires_midway_is_begun_again() {
    let cluster = Cluster::start(ApiOptions {
        history: 5000,
        ..manners()[2].clone()
    })
    .await;
    cluster.api.set_latency(SECOND / 20);
    for number in 0..1200 {
        cluster.apply("etl", &format!("load-{number:04}"), running());
    }
    let mut exporter = cluster.watched();
    while cluster.count("list", "jobs") < 2 {
        exporter.check().await;
    }
    cluster.api.delete(Kind::Job, "etl", "load-0001"); // of a page that was sent
    cluster.api.compact();
    exporter.eventually(|e| e.jobs().len(), 1199).await;
    assert_eq!(exporter.requests(Verb::List, Code::Gone), 1);
    assert_eq!(exporter.restarts(RestartReason::Error), 0);
    let snapshot = exporter.snapshot();
    assert!(snapshot.status.up, "{:?}", snapshot.status);
    assert!(!exporter.jobs().contains(&"etl/load-0001".to_owned()));
}

#[tokio::test]
async fn an_expired_watch_lists_anew_and_nothing_disappears_meanwhile() {
    each_manner(async |options| {
        let cluster = Cluster::start(options).await;
        for number in 0..300 {
            cluster.apply("etl", &format!("load-{number:03}"), running());
        }
        let mut exporter = cluster.watched();
        exporter.eventually(|e| e.jobs().len(), 300).await;
        exporter.eventually(Exporter::up, true).await;
        for round in 1..=2 {
            // Something else than Jobs moves on, so that the watch of Jobs falls behind and is compacted away.
            let other =
                json!({"metadata": {"name": "other"}, "spec": {"schedule": round.to_string()}});
            cluster.api.apply(Kind::CronJob, other).unwrap();
            cluster.api.compact();
            cluster.api.end_watches();
            while exporter.restarts(RestartReason::Expired) < round {
                assert_eq!(exporter.jobs().len(), 300);
                assert!(exporter.up());
                exporter.check().await;
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
async fn a_watch_that_ends_goes_on_where_it_was() {
    each_manner(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        let mut exporter = cluster.watched();
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
async fn a_server_that_comes_back_on_an_empty_disk_is_followed() {
    each_manner(async |options| {
        let mut cluster = Cluster::start(options).await;
        for number in 0..50 {
            cluster.apply("etl", &format!("old-{number:02}"), running());
        }
        let mut exporter = cluster.watched();
        exporter.eventually(|e| e.jobs().len(), 50).await;
        cluster.go_down().await;
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

/// Without an outage nothing tells of the reset but a watch that stays silent.
#[tokio::test]
async fn a_reset_behind_a_gateway_is_noticed_by_the_silence() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    for number in 0..50 {
        cluster.apply("etl", &format!("old-{number:02}"), running());
    }
    let stale_after = 4 * SECOND; // watches of 2 s
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
async fn what_is_deleted_while_nobody_looks_is_gone_after_the_list() {
    each_manner(async |options| {
        let mut cluster = Cluster::start(options).await;
        cluster.apply("etl", "unfinished", running());
        cluster.apply("etl", "finished", complete());
        cluster.apply("etl", "other", running());
        let mut exporter =
            Exporter::start_with(cluster.endpoint(), everything(), SECOND, 600 * SECOND);
        exporter.eventually(|e| e.jobs().len(), 3).await;
        cluster.go_down().await;
        exporter.eventually(Exporter::up, false).await;
        for name in ["finished", "unfinished"] {
            cluster.api.delete(Kind::Job, "etl", name);
        }
        cluster.api.compact();
        cluster.serve().await;
        // The finished one stays for a while, but is not counted.
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
async fn what_is_deleted_during_a_list_does_not_stay() {
    each_manner(async |options| {
        let cluster = Cluster::start(options).await;
        cluster.api.set_latency(SECOND / 10);
        cluster.apply("etl", "brief", running());
        cluster.apply("etl", "other", running());
        let mut exporter = cluster.watched();
        // The answer to the request is still held back, or its watch is not yet open.
        while cluster.count("list", "jobs") + cluster.count("watch", "jobs") == 0 {
            exporter.check().await;
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
async fn finished_jobs_are_shown_for_a_while_after_their_deletion() {
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
