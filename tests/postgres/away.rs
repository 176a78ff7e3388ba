//! A server that cannot be reached for long.

use batch_simulator::api::ApiOptions;

use crate::{
    cluster::Cluster,
    database::{Database, SCHEMA},
    jobs::Jobs,
    proxy::{Mode, Proxy},
    replica::{Extra, eventually, history, setup_with, shows, synced, terminate, totals},
    scene::Scene,
    seed,
};

/// Finished runs that wait for the server at most.
const QUEUED_RUNS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_wait_while_the_server_is_away() {
    let (scene, mut jobs) = Scene::start("verify-full").await;
    let exporter = scene.exporter().await;
    jobs.run(10);
    shows(&exporter, &jobs.truth).await;
    jobs.delete_all();
    scene.proxy.set(Mode::Cut);
    let mut waiting = 0;
    for runs in [1, 5, 20] {
        jobs.run(runs);
        waiting += runs as u64;
        let metrics = eventually(&exporter, |metrics| {
            history(metrics, "up") == Some(0) && history(metrics, "waiting_runs") == Some(waiting)
        })
        .await;
        assert_eq!(totals(&metrics), jobs.truth);
        assert!(history(&metrics, "errors_total") > Some(0));
        jobs.delete_all();
    }
    assert_eq!(scene.database.recorded().len(), 10);
    scene.proxy.set(Mode::Forward);
    shows(&exporter, &jobs.truth).await;
    terminate(exporter).await;
    jobs.are_in(&scene.database);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_at_the_start_is_waited_for() {
    let (scene, mut jobs) = Scene::start("verify-full").await;
    let earlier = scene.exporter().await;
    jobs.run(10);
    shows(&earlier, &jobs.truth).await;
    jobs.delete_all();
    terminate(earlier).await;

    for mode in [Mode::Cut, Mode::Freeze] {
        scene.proxy.set(mode);
        let exporter = scene.exporter().await;
        jobs.run(4);
        let metrics = eventually(&exporter, |metrics| {
            history(metrics, "waiting_runs") == Some(4)
        })
        .await;
        assert_eq!(history(&metrics, "up"), Some(0));
        assert!(totals(&metrics).is_empty(), "{metrics}");
        jobs.delete_all();
        scene.proxy.set(Mode::Forward);
        shows(&exporter, &jobs.truth).await;
        terminate(exporter).await;
        jobs.are_in(&scene.database);
    }
}

/// Two replicas drop at different moments.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_drops_runs_whose_jobs_are_gone_and_keeps_the_totals() {
    let options = ApiOptions {
        history: 100_000,
        ..ApiOptions::default()
    };
    let cluster = Cluster::start_with(options).await;
    let database = Database::new();
    let proxy = Proxy::start(database.server.address()).await;
    let mut jobs = Jobs::new(&cluster.api, seed());
    let url = database.url_by(proxy.address, "verify-full");
    // Jobs that are gone are forgotten at once.
    let extra = Extra {
        document: "retain_deleted: 0s",
        ..Extra::default()
    };
    let start = || synced(setup_with(&cluster, &database, &url, extra));
    let replicas = [start().await, start().await];
    jobs.run(1);
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    proxy.set(Mode::Cut);
    while jobs.count() < QUEUED_RUNS + 2_000 {
        jobs.run(500);
        jobs.delete_all();
        let known = jobs.truth.clone();
        for replica in &replicas {
            eventually(replica, |metrics| {
                totals(metrics) == known && history(metrics, "waiting_runs") <= Some(QUEUED_RUNS)
            })
            .await;
        }
    }
    // The first run was written.
    let unwritten = jobs.count() - 1;
    for replica in &replicas {
        let dropped = |metrics: &str| history(metrics, "dropped_runs_total").unwrap();
        let metrics = eventually(replica, |metrics| {
            dropped(metrics) + history(metrics, "waiting_runs").unwrap() == unwritten
        })
        .await;
        assert!(dropped(&metrics) > 0);
    }

    proxy.set(Mode::Forward);
    for replica in replicas {
        shows(&replica, &jobs.truth).await;
        terminate(replica).await;
        assert_eq!(database.totals(), jobs.truth);
    }
    let recorded = database.recorded();
    assert!(recorded.is_subset(&jobs.all_finished));
    assert!(recorded.len() < jobs.all_finished.len());
    // The totals of those that were dropped continue.
    let exporter = start().await;
    shows(&exporter, &jobs.truth).await;
    jobs.run(1);
    shows(&exporter, &jobs.truth).await;
    let count = format!("SELECT count(*) FROM {SCHEMA}.runs");
    let expected = recorded.len() + 1;
    database.eventually(&count, &expected.to_string()).await;
}

/// One replica was away for longer, and dropped runs that the other one still has.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_that_only_one_replica_has_dropped_are_counted_once() {
    let options = ApiOptions {
        history: 100_000,
        ..ApiOptions::default()
    };
    let cluster = Cluster::start_with(options).await;
    let database = Database::new();
    let proxies = [
        Proxy::start(database.server.address()).await,
        Proxy::start(database.server.address()).await,
    ];
    let mut jobs = Jobs::new(&cluster.api, seed());
    // Jobs that are gone are forgotten at once.
    let extra = Extra {
        document: "retain_deleted: 0s",
        ..Extra::default()
    };
    let start = |proxy: &Proxy| {
        let url = database.url_by(proxy.address, "verify-full");
        synced(setup_with(&cluster, &database, &url, extra))
    };
    let replicas = [start(&proxies[0]).await, start(&proxies[1]).await];
    jobs.run(1);
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    proxies[0].set(Mode::Cut);
    while jobs.count() < QUEUED_RUNS + 1_000 {
        if jobs.count() > 3_000 {
            proxies[1].set(Mode::Cut);
        }
        jobs.run(500);
        jobs.delete_all();
        let known = jobs.truth.clone();
        for replica in &replicas {
            eventually(replica, |metrics| totals(metrics) == known).await;
        }
    }
    let dropped = |metrics: &str| history(metrics, "dropped_runs_total").unwrap();
    eventually(&replicas[0], |metrics| dropped(metrics) > 0).await;
    assert_eq!(dropped(&replicas[1].scrape().await), 0);
    for (replica, proxy) in replicas.into_iter().zip(proxies) {
        proxy.set(Mode::Forward);
        shows(&replica, &jobs.truth).await;
        terminate(replica).await;
        assert_eq!(database.totals(), jobs.truth);
    }
    assert_eq!(database.recorded(), jobs.all_finished);
}
