//! Connections that break at random moments, and those that break when a transaction commits.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::{
    database::LONGEST_WAIT,
    jobs::is_at_most,
    proxy::Mode,
    replica::{eventually, history, setup, shows, synced, terminate, totals},
    scene::Scene,
    seed,
};

/// Lets connections of two replicas break until this number did.
async fn drop_repeatedly(drops: u64, sslmode: &str, seed: u64) {
    let (scene, mut jobs) = Scene::with_seed(sslmode, seed).await;
    let replicas = [scene.exporter().await, scene.exporter().await];
    scene.proxy.set(Mode::Unreliable(40));
    let deadline = Instant::now() + LONGEST_WAIT;
    while scene.proxy.cuts() < drops {
        jobs.steps(Duration::from_millis(100)).await;
        let recorded = scene.database.recorded();
        assert!(recorded.is_subset(&jobs.all_finished));
        assert!(is_at_most(&scene.database.totals(), &jobs.truth));
        jobs.delete_some(&recorded);
        assert!(Instant::now() < deadline, "{} cuts", scene.proxy.cuts());
    }
    scene.proxy.set(Mode::Forward);
    jobs.finish_all();
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    jobs.delete_all();
    for replica in replicas {
        terminate(replica).await;
    }
    jobs.are_in(&scene.database);
    let replica = synced(setup(&scene.cluster, &scene.database)).await;
    shows(&replica, &jobs.truth).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_by_broken_connections() {
    let seed = seed();
    let parts = ["verify-full", "disable", "verify-full", "disable"];
    let parts = parts.into_iter().zip(0..);
    join_all(parts.map(|(sslmode, part)| drop_repeatedly(10, sslmode, seed.wrapping_add(part))))
        .await;
}

/// The client cannot know whether the transaction was committed: in one case it was, in the other it was not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_counted_once_when_the_connection_breaks_at_the_commit() {
    let (scene, mut jobs) = Scene::start("disable").await;
    let exporter = scene.exporter().await;
    jobs.run(1);
    shows(&exporter, &jobs.truth).await;
    for round in 0..6 {
        let server_knows = round % 2 == 0;
        let cuts = scene.proxy.cuts();
        scene.proxy.set(Mode::CutCommits { server_knows });
        jobs.run(3);
        let known = jobs.truth.clone();
        eventually(&exporter, |metrics| totals(metrics) == known).await;
        // All Jobs are gone before the exporter can write their runs again.
        jobs.delete_all();
        let deadline = Instant::now() + LONGEST_WAIT;
        while scene.proxy.cuts() == cuts {
            assert!(Instant::now() < deadline, "no transaction was committed");
            sleep(Duration::from_millis(5)).await;
        }
        scene.proxy.set(Mode::Forward);
        shows(&exporter, &jobs.truth).await;
        assert_eq!(scene.database.totals(), jobs.truth, "{server_knows}");
        assert_eq!(scene.database.recorded(), jobs.all_finished);
    }
    assert_eq!(
        history(&exporter.scrape().await, "dropped_runs_total"),
        Some(0)
    );
    terminate(exporter).await;
}
