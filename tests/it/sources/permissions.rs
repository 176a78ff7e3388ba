//! Tokens that lack permissions.

use batch_simulator::api::Permissions;
use job_status_exporter::model::{Code, Verb};

use super::*;
use crate::exporter::{POLL, polled};

/// May list and watch.
fn reader() -> Permissions {
    Permissions::of_user("reader").allow(&["list", "watch"], &["jobs", "cronjobs"])
}

#[tokio::test]
async fn requests_without_permission_back_off_and_succeed_once_it_is_granted() {
    for_each_server(async |options| {
        let directory = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        cluster.api.grant("t0", Permissions::of_user("reader"));
        let mut exporter = Exporter::start(
            cluster.endpoint_with_token(directory.path(), "t0"),
            everything(),
        );
        exporter
            .eventually(
                |e| {
                    e.requests(Verb::List, Code::Forbidden)
                        + e.requests(Verb::Watch, Code::Forbidden)
                        >= 2
                },
                true,
            )
            .await;
        exporter
            .throughout(
                SECOND * 3 / 2,
                |e| (e.up(), e.ready(), e.jobs().len()),
                (false, false, 0),
            )
            .await;
        for resource in ["jobs", "cronjobs"] {
            // At 0 s, and after backoffs of 0.5 s, 1 s and 2 s. Jitter shortens each by up to half.
            let attempts = cluster.count("list", resource) + cluster.count("watch", resource);
            assert!((2..=4).contains(&attempts), "{attempts} for {resource}");
        }
        cluster.api.grant("t0", reader());
        exporter
            .eventually(Exporter::jobs, vec!["etl/load".into()])
            .await;
        exporter
            .eventually(|e| (e.up(), e.ready()), (true, true))
            .await;
    })
    .await;
}

/// A role with `list` but without `watch` is a common mistake.
#[tokio::test]
async fn without_permission_to_watch_the_list_is_shown_and_the_target_is_down() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(old_server()).await;
    cluster.apply("etl", "load", running());
    cluster.api.grant(
        "t0",
        Permissions::of_user("reader").allow(&["list"], &["jobs", "cronjobs"]),
    );
    let mut exporter = Exporter::start(
        cluster.endpoint_with_token(directory.path(), "t0"),
        everything(),
    );
    exporter
        .eventually(|e| e.requests(Verb::Watch, Code::Forbidden) >= 2, true)
        .await;
    assert_eq!(exporter.jobs(), ["etl/load"]);
    exporter
        .throughout(SECOND * 3 / 2, Exporter::up, false)
        .await;
    assert!(
        cluster.count("list", "jobs") >= 2,
        "the exporter still lists"
    );
    assert!(cluster.count("watch", "jobs") <= 5);
    cluster.api.grant("t0", reader());
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn polling_a_job_needs_only_get_on_its_status() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "load", running());
    cluster.apply("billing", "load", running());
    let permissions = Permissions::of_user("poller").allow(&["get"], &["jobs/status"]);
    cluster
        .api
        .grant("t0", permissions.clone().in_namespace("etl"));
    let mode = polled(&["etl/load", "billing/load"], POLL);
    let mut exporter = Exporter::start(cluster.endpoint_with_token(directory.path(), "t0"), mode);
    exporter
        .eventually(Exporter::jobs, vec!["etl/load".into()])
        .await;
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Forbidden) >= 1, true)
        .await;
    exporter
        .throughout(SECOND, |e| (e.up(), e.ready()), (false, false))
        .await;
    assert!(
        exporter.requests(Verb::Get, Code::Ok) >= 3,
        "{}",
        exporter.metrics()
    );
    let refused = exporter.requests(Verb::Get, Code::Forbidden);
    assert!((2..=5).contains(&refused), "{refused}");
    cluster.api.grant("t0", permissions);
    exporter.eventually(|e| e.jobs().len(), 2).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
}
