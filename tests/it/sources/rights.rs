//! Tokens that may not do what is asked for.

use std::{fs, path::Path};

use batch_simulator::api::Permissions;
use job_status_exporter::model::{Code, Verb};

use super::*;
use crate::exporter::{POLL, polled};

/// A kubeconfig for somebody with this token.
pub(crate) fn endpoint(cluster: &Cluster, directory: &Path, token: &str) -> Endpoint {
    let path = directory.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {{server: \"http://{}\"}}}}]\n\
         users: [{{name: u, user: {{token: {token}}}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}]\n",
        cluster.address
    );
    fs::write(&path, text).unwrap();
    Endpoint::Kubernetes {
        kubeconfig: Some(path),
        context: None,
    }
}

fn reader() -> Permissions {
    Permissions::of_user("reader").allow(&["list", "watch"], &["jobs", "cronjobs"])
}

#[tokio::test]
async fn a_token_without_rights_is_not_tried_without_pause_and_works_once_granted() {
    each_manner(async |options| {
        let directory = tempfile::tempdir().unwrap();
        let cluster = Cluster::start(options).await;
        cluster.apply("etl", "load", running());
        cluster.api.grant("t0", Permissions::of_user("reader"));
        let mut exporter =
            Exporter::start(endpoint(&cluster, directory.path(), "t0"), everything());
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
            // At 0 s, and after waits of up to 0.5 s, 1 s and 2 s; each may be half as long.
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

/// A role with `list` and without `watch` is a usual mistake.
#[tokio::test]
async fn who_may_list_but_not_watch_sees_the_list_and_is_down_all_the_time() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(manners()[2].clone()).await;
    cluster.apply("etl", "load", running());
    cluster.api.grant(
        "t0",
        Permissions::of_user("reader").allow(&["list"], &["jobs", "cronjobs"]),
    );
    let mut exporter = Exporter::start(endpoint(&cluster, directory.path(), "t0"), everything());
    exporter
        .eventually(|e| e.requests(Verb::Watch, Code::Forbidden) >= 2, true)
        .await;
    assert_eq!(exporter.jobs(), ["etl/load"]);
    exporter
        .throughout(SECOND * 3 / 2, Exporter::up, false)
        .await;
    assert!(cluster.count("list", "jobs") >= 2, "it keeps up by listing");
    assert!(cluster.count("watch", "jobs") <= 5);
    cluster.api.grant("t0", reader());
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn get_on_the_status_is_all_that_polling_a_job_needs() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.apply("etl", "load", running());
    cluster.apply("billing", "load", running());
    let rights = Permissions::of_user("poller").allow(&["get"], &["jobs/status"]);
    cluster.api.grant("t0", rights.clone().in_namespace("etl"));
    let mode = polled(&["etl/load", "billing/load"], POLL);
    let mut exporter = Exporter::start(endpoint(&cluster, directory.path(), "t0"), mode);
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
    cluster.api.grant("t0", rights);
    exporter.eventually(|e| e.jobs().len(), 2).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
}
