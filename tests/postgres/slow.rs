//! A server that answers slowly or not at all. Nothing else may wait for it.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{
    database::LONGEST_WAIT,
    proxy::Mode,
    replica::{eventually, history, kill, setup, shows, synced, terminate, totals},
    scene::Scene,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_server_delays_only_what_is_written() {
    let (scene, mut jobs) = Scene::start("verify-full").await;
    scene.proxy.set(Mode::Delay(Duration::from_millis(50)));
    // It starts with the slow server, too.
    let exporter = scene.exporter().await;
    for _ in 0..3 {
        jobs.run(20);
        shows(&exporter, &jobs.truth).await;
        jobs.delete_all();
    }
    let metrics = exporter.scrape().await;
    assert_eq!(history(&metrics, "dropped_runs_total"), Some(0));
    terminate(exporter).await;
    jobs.are_in(&scene.database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapes_and_pages_are_answered_while_the_server_hangs() {
    let (scene, mut jobs) = Scene::start("verify-full").await;
    let exporter = scene.exporter().await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    scene.proxy.set(Mode::Freeze);
    jobs.run(5);
    // The proxy forwards nothing until all of these were answered.
    let known = jobs.truth.clone();
    let metrics = eventually(&exporter, |metrics| totals(metrics) == known).await;
    assert!(history(&metrics, "waiting_runs") > Some(0));
    for path in ["/", "/livez", "/readyz", "/targets", "/config", "/metrics"] {
        assert_eq!(exporter.get(path).await.status, 200, "{path}");
    }
    jobs.delete_all();
    scene.proxy.set(Mode::Forward);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    jobs.are_in(&scene.database);
}

/// A network that loses a connection does this.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_hangs_is_replaced() {
    let (scene, mut jobs) = Scene::start("verify-full").await;
    let exporter = scene.exporter().await;
    let other = synced(setup(&scene.cluster, &scene.database)).await;
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    let connections = scene.proxy.connections();
    scene.proxy.hang_connections();
    jobs.run(5);
    shows(&exporter, &jobs.truth).await;
    shows(&other, &jobs.truth).await;
    assert!(scene.proxy.connections() > connections);
    jobs.delete_all();
    terminate(exporter).await;
    terminate(other).await;
    jobs.are_in(&scene.database);
}

/// The client is gone, as when its machine fails, and the server does not know: it keeps the transaction and its locks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_of_a_lost_connection_does_not_stop_the_others_for_long() {
    let (scene, mut jobs) = Scene::start("disable").await;
    let lost = scene.exporter().await;
    let other = synced(setup(&scene.cluster, &scene.database)).await;
    jobs.run(5);
    shows(&lost, &jobs.truth).await;
    shows(&other, &jobs.truth).await;
    scene.proxy.set(Mode::HangCommits);
    let deadline = Instant::now() + LONGEST_WAIT;
    while scene.proxy.cuts() == 0 {
        jobs.run(1);
        sleep(Duration::from_millis(100)).await;
        assert!(Instant::now() < deadline, "no transaction was committed");
    }
    // The proxy keeps the connection to the server.
    kill(lost).await;
    jobs.run(5);
    shows(&other, &jobs.truth).await;
    terminate(other).await;
    jobs.are_in(&scene.database);
}
