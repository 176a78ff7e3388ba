//! Versions of the schema, and processes that create it at the same time.

use futures_util::future::join_all;

use crate::{
    cluster::Cluster,
    database::{Database, SCHEMA},
    jobs::Jobs,
    replica::{Extra, refused, setup, setup_with, shows, synced, terminate},
    seed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_create_the_tables_once() {
    let cluster = Cluster::start().await;
    for round in 0..4 {
        let database = Database::new();
        let mut jobs = Jobs::new(&cluster.api, seed());
        let exporters = (0..4).map(|_| synced(setup(&cluster, &database)));
        let exporters = join_all(exporters).await;
        let versions = database.column(&format!("SELECT count(*) FROM {SCHEMA}.version"));
        assert_eq!(versions, ["1"], "round {round}");
        jobs.run(2);
        for exporter in &exporters {
            shows(exporter, &jobs.truth).await;
        }
        for exporter in exporters {
            terminate(exporter).await;
        }
        assert_eq!(database.totals(), jobs.truth);
        jobs.delete_all();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_is_refused_and_left_alone() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(2);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    database.sql(&format!(
        "UPDATE {SCHEMA}.version SET version = version + 1"
    ));
    let log = refused(setup(&cluster, &database)).await;
    assert!(log.contains("version"), "{log}");
    assert!(log.lines().any(|line| line.starts_with("hint: ")), "{log}");
    assert_eq!(database.totals(), jobs.truth);
    database.sql(&format!(
        "UPDATE {SCHEMA}.version SET version = version - 1"
    ));
    let exporter = synced(setup(&cluster, &database)).await;
    shows(&exporter, &jobs.truth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemas_of_one_database_are_apart() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(3);
    shows(&exporter, &jobs.truth).await;
    let before = jobs.truth.clone();
    jobs.delete_all();
    let extra = Extra {
        postgres: ", schema: another_one",
        ..Extra::default()
    };
    terminate(exporter).await;
    let other = synced(setup_with(&cluster, &database, &database.url(), extra)).await;
    let mut later = Jobs::new(&cluster.api, seed());
    later.run(3);
    shows(&other, &later.truth).await;
    terminate(other).await;
    assert_eq!(database.totals(), before);
    let runs = database.column("SELECT count(*) FROM another_one.runs");
    assert_eq!(runs, ["3"]);
}
