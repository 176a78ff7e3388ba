//! A server that crashes and comes back while two replicas write, and one that another one takes over from.

use std::time::Duration;

use crate::{
    cluster::Cluster,
    database::{Database, SCHEMA, Server},
    jobs::Jobs,
    replica::{eventually, history, setup, setup_by, shows, synced, terminate, totals},
    seed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_by_restarts_of_the_server() {
    let server = Server::start_another();
    let cluster = Cluster::start().await;
    let database = server.database();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let replicas = [
        synced(setup(&cluster, &database)).await,
        synced(setup(&cluster, &database)).await,
    ];
    for _ in 0..6 {
        let time = Duration::from_millis(jobs.rng.u64(..500));
        jobs.steps(time).await;
        server.stop();
        let time = Duration::from_millis(jobs.rng.u64(..800));
        jobs.steps(time).await;
        server.start();
        let time = Duration::from_millis(jobs.rng.u64(..1500));
        jobs.steps(time).await;
        let recorded = database.recorded();
        assert!(recorded.is_subset(&jobs.all_finished));
        jobs.delete_some(&recorded);
    }
    // Those that neither replica has written are in the memory of both.
    jobs.finish_all();
    for replica in &replicas {
        let all = |metrics: &str| totals(metrics) == jobs.truth;
        eventually(replica, all).await;
    }
    jobs.delete_all();
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
        let metrics = replica.scrape().await;
        assert_eq!(history(&metrics, "dropped_runs_total"), Some(0));
        assert!(history(&metrics, "errors_total") > Some(0));
    }
    for replica in replicas {
        terminate(replica).await;
    }
    jobs.are_in(&database);
    let replica = synced(setup(&cluster, &database)).await;
    shows(&replica, &jobs.truth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_when_the_exporter_starts_is_waited_for() {
    let server = Server::start_another();
    let cluster = Cluster::start().await;
    let database = server.database();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    jobs.delete_all();

    server.stop();
    let exporter = synced(setup(&cluster, &database)).await;
    jobs.run(3);
    // Later runs are known, but not how many there were before.
    let metrics = eventually(&exporter, |metrics| {
        history(metrics, "waiting_runs") == Some(3)
    })
    .await;
    assert_eq!(history(&metrics, "up"), Some(0));
    for unknown in [
        "\nbatch_workload_runs_total",
        "\nbatch_workload_run_duration_seconds",
    ] {
        assert!(!metrics.contains(unknown), "{metrics}");
    }
    server.start();
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    assert_eq!(database.totals(), jobs.truth);
}

/// A standby that takes over may lack what was committed last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lacks_the_last_transactions_gets_again_what_exists() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed());
    let replicas = [
        synced(setup(&cluster, &database)).await,
        synced(setup(&cluster, &database)).await,
    ];
    jobs.run(5);
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    let tables = ["workloads", "runs"];
    let save = tables.map(|table| format!("CREATE TABLE saved.{table} AS TABLE {SCHEMA}.{table};"));
    database.sql(&format!("CREATE SCHEMA saved; {}", save.concat()));
    jobs.delete_all();
    jobs.run(6);
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    let restore = tables.map(|table| {
        format!("DELETE FROM {SCHEMA}.{table}; INSERT INTO {SCHEMA}.{table} TABLE saved.{table};")
    });
    let name = &database.name;
    database.sql(&format!(
        "BEGIN; {} COMMIT; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'",
        restore.concat()
    ));
    assert_eq!(database.recorded().len(), 5);
    jobs.run(1);
    let count = format!("SELECT count(*) FROM {SCHEMA}.runs");
    database.eventually(&count, "12").await;
    for replica in replicas {
        shows(&replica, &jobs.truth).await;
        terminate(replica).await;
    }
    jobs.are_in(&database);
}

/// The URL names two servers. The one that may be written is used, also after they have changed places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_host_of_the_url_takes_over() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let standby = database.twin(Server::start_another());
    standby.read_only(true);
    let mut jobs = Jobs::new(&cluster.api, seed());
    let (name, hosts) = (&database.name, [&standby, &database]);
    let hosts = hosts.map(|database| database.server.address().to_string());
    let url = database
        .url_by(database.server.address(), "disable")
        .replace(&hosts[1], &hosts.join(","));
    let url = format!("{url}&target_session_attrs=read-write");
    let exporter = synced(setup_by(&cluster, &database, &url)).await;
    jobs.run(3);
    shows(&exporter, &jobs.truth).await;
    assert_eq!(database.recorded(), jobs.all_finished);
    // The standby has nothing of it, and gets what exists.
    standby.read_only(false);
    database.read_only(true);
    database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{name}'"
    ));
    jobs.run(3);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    assert_eq!(standby.totals(), jobs.truth);
    assert_eq!(standby.recorded(), jobs.all_finished);
    assert_eq!(database.recorded().len(), 3);
}
