//! A server that answers slowly or not at all. Nothing else may wait for it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    cluster::Cluster,
    database::{Database, PATIENCE},
    jobs::Jobs,
    proxy::{Mode, Proxy},
    replica::{eventually, history, kill, setup, setup_by, shows, synced, terminate, totals},
    seed,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_delays_only_what_is_written() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let proxy = Proxy::start(database.server.address()).await;
    let mut jobs = Jobs::new(&cluster.api, seed());
    proxy.set(Mode::Delay(Duration::from_millis(50)));
    let url = database.url_by(proxy.address, "verify-full");
    // It starts with the slow server, too.
    let exporter = synced(setup_by(&cluster, &database, &url)).await;
    for _ in 0..3 {
        jobs.run(20);
        shows(&exporter, &jobs.truth).await;
        jobs.delete_all();
    }
    let metrics = exporter.scrape().await;
    assert_eq!(history(&metrics, "dropped_runs_total"), Some(0));
    terminate(exporter).await;
    assert_eq!(database.totals(), jobs.truth);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_and_pages_are_answered_while_the_server_hangs() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let proxy = Proxy::start(database.server.address()).await;
    let mut jobs = Jobs::new(&cluster.api, seed());
    let url = database.url_by(proxy.address, "verify-full");
    let exporter = synced(setup_by(&cluster, &database, &url)).await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    proxy.set(Mode::Freeze);
    jobs.run(5);
    // The proxy forwards nothing until all of these were answered.
    let known = jobs.truth.clone();
    let metrics = eventually(&exporter, |metrics| totals(metrics) == known).await;
    assert!(history(&metrics, "waiting_runs") > Some(0));
    for path in ["/", "/livez", "/readyz", "/targets", "/config", "/metrics"] {
        assert_eq!(exporter.get(path).await.status, 200, "{path}");
    }
    jobs.delete_all();
    proxy.set(Mode::Forward);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    assert_eq!(database.totals(), jobs.truth);
    assert_eq!(database.recorded(), jobs.all_finished);
}

/// A network that loses a connection does this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_hangs_is_replaced() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let proxy = Proxy::start(database.server.address()).await;
    let mut jobs = Jobs::new(&cluster.api, seed());
    let url = database.url_by(proxy.address, "verify-full");
    let exporter = synced(setup_by(&cluster, &database, &url)).await;
    let other = synced(setup(&cluster, &database)).await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    let connections = proxy.connections();
    proxy.hang_connections();
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    shows(&other, &jobs.truth).await;
    assert!(proxy.connections() > connections);
    jobs.delete_all();
    terminate(exporter).await;
    terminate(other).await;
    assert_eq!(database.totals(), jobs.truth);
    assert_eq!(database.recorded(), jobs.all_finished);
}

/// The client is gone, as when its machine fails, and the server does not know: it keeps the transaction and its locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_a_lost_connection_does_not_stop_the_others_for_long() {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let proxy = Proxy::start(database.server.address()).await;
    let mut jobs = Jobs::new(&cluster.api, seed());
    let url = database.url_by(proxy.address, "disable");
    let lost = synced(setup_by(&cluster, &database, &url)).await;
    let other = synced(setup(&cluster, &database)).await;
    jobs.run(5);
    shows(&lost, &jobs.truth).await;
    shows(&other, &jobs.truth).await;
    proxy.set(Mode::HangCommits);
    let deadline = Instant::now() + PATIENCE;
    while proxy.cuts() == 0 {
        jobs.run(1);
        sleep(Duration::from_millis(100)).await;
        assert!(Instant::now() < deadline, "no transaction was committed");
    }
    // The proxy keeps the connection to the server.
    kill(lost).await;
    jobs.run(5);
    shows(&other, &jobs.truth).await;
    terminate(other).await;
    assert_eq!(database.totals(), jobs.truth);
    assert_eq!(database.recorded(), jobs.all_finished);
}
