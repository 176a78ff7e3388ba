//! Exporters of different targets in one schema.

use crate::{
    cluster::Cluster,
    database::{Database, SCHEMA},
    jobs::Jobs,
    process::Exporter,
    replica::{Extra, setup_with, shows, synced, terminate},
    seed,
};

async fn start(cluster: &Cluster, database: &Database, target: &str) -> Exporter {
    let extra = Extra {
        target: Some(target),
        ..Extra::default()
    };
    synced(setup_with(cluster, database, &database.url(), extra)).await
}

/// Namespaces, workloads and Jobs have the same names in both clusters.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_of_one_schema_do_not_disturb_each_other() {
    let database = Database::new();
    let clusters = [Cluster::start().await, Cluster::start().await];
    let names = ["prod", "test"];
    let seed = seed();
    let mut jobs = clusters.each_ref().map(|it| Jobs::new(&it.api, seed));
    for round in 1..=3 {
        let exporters = [
            start(&clusters[0], &database, names[0]).await,
            start(&clusters[1], &database, names[1]).await,
        ];
        jobs[0].run(4 * round);
        jobs[1].run(3);
        for (exporter, jobs) in exporters.iter().zip(&jobs) {
            shows(exporter, &jobs.truth).await;
        }
        for (exporter, jobs) in exporters.into_iter().zip(&mut jobs) {
            terminate(exporter).await;
            jobs.delete_all();
        }
        for (name, jobs) in names.iter().zip(&jobs) {
            let target = format!("target = '{name}'");
            assert_eq!(database.totals_where(&target), jobs.truth, "{name}");
            let query = format!("SELECT uid FROM {SCHEMA}.runs WHERE {target} ORDER BY uid");
            let expected: Vec<_> = jobs.all_finished.iter().cloned().collect();
            assert_eq!(database.column(&query), expected, "{name}");
        }
    }
}
