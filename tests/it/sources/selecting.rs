//! Selection of objects, and the requests that read them.

use std::collections::BTreeSet;

use job_status_exporter::config::{Mode, Selection};

use super::*;
use crate::exporter::{POLL, selection};

/// A cluster with a Job and a `CronJob` in each namespace. Their label `home` is the namespace.
async fn cluster(options: ApiOptions, namespaces: &[&str]) -> Cluster {
    let cluster = Cluster::start(options).await;
    for namespace in namespaces {
        let metadata =
            json!({"namespace": namespace, "name": "load", "labels": {"home": namespace}});
        let job = json!({"metadata": metadata, "status": running()});
        cluster.api.apply(Kind::Job, job).unwrap();
        let cronjob = json!({"metadata": metadata, "spec": {"schedule": "@daily"}});
        cluster.api.apply(Kind::CronJob, cronjob).unwrap();
    }
    cluster
}

/// Asserts in both modes that only objects of these namespaces are shown. Returns the paths of the requests for Jobs.
async fn paths(selection: Selection, expected: &[&str]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let polled = |selection| Mode::PollLists {
        selection,
        poll: POLL,
    };
    for options in server_variants() {
        for mode in [Mode::Watch(selection.clone()), polled(selection.clone())] {
            let cluster = cluster(options.clone(), &["billing", "etl", "etl-scratch", "web"]).await;
            let mut exporter = Exporter::start(cluster.endpoint(), mode);
            exporter.eventually(Exporter::ready, true).await;
            let objects: Vec<_> = expected
                .iter()
                .map(|namespace| format!("{namespace}/load"))
                .collect();
            exporter.eventually(Exporter::jobs, objects.clone()).await;
            exporter.eventually(Exporter::cronjobs, objects).await;
            cluster.apply("etl-late", "load", running());
            cluster.apply("etl", "late", running());
            let late = expected.contains(&"etl");
            if late {
                exporter
                    .eventually(|e| e.jobs().contains(&"etl/late".into()), true)
                    .await;
            }
            let requests = cluster.api.requests();
            let of_jobs = requests.into_iter().filter(|r| r.path.ends_with("/jobs"));
            paths.extend(of_jobs.map(|r| r.path.replace("/apis/batch/v1", "")));
        }
    }
    paths
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

#[tokio::test]
async fn namespaces_given_by_name_are_requested_one_by_one() {
    let paths = paths(
        selection(&["etl", "web", "absent"], &[], ""),
        &["etl", "web"],
    )
    .await;
    assert_eq!(
        paths,
        set(&[
            "/namespaces/etl/jobs",
            "/namespaces/web/jobs",
            "/namespaces/absent/jobs"
        ])
    );
}

#[tokio::test]
async fn namespace_patterns_filter_a_request_for_the_whole_cluster() {
    let paths = paths(
        selection(&["etl*", "web"], &["*-scratch"], ""),
        &["etl", "web"],
    )
    .await;
    assert_eq!(paths, set(&["/jobs"]));
}

#[tokio::test]
async fn excluded_namespaces_are_omitted() {
    let paths = paths(selection(&[], &["etl-*", "web"], ""), &["billing", "etl"]).await;
    assert_eq!(paths, set(&["/jobs"]));
}

#[tokio::test]
async fn objects_are_selected_by_label_selector() {
    for_each_server(async |options| {
        let cluster = cluster(options, &["billing", "etl", "web"]).await;
        let selection = selection(&[], &[], "home in (etl, web),home!=web");
        let mut exporter = Exporter::start(cluster.endpoint(), Mode::Watch(selection));
        exporter
            .eventually(Exporter::jobs, vec!["etl/load".into()])
            .await;
        exporter
            .eventually(Exporter::cronjobs, vec!["etl/load".into()])
            .await;
        // A watch with a selector reports an object that loses the label as deleted.
        cluster.apply("etl", "load", running());
        exporter.eventually(Exporter::jobs, vec![]).await;
    })
    .await;
}
