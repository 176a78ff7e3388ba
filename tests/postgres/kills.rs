//! Two replicas on one schema that are killed at random moments.

use std::time::Duration;

use futures_util::future::join_all;

use crate::{
    cluster::Cluster,
    database::Database,
    jobs::{Jobs, is_at_most},
    process::Exporter,
    replica::{kill, setup, shows, synced, terminate},
    seed,
};

/// Kills one of two replicas at random again and again, while runs finish and recorded Jobs are deleted.
async fn kill_repeatedly(kills: u32, seed: u64) {
    let cluster = Cluster::start().await;
    let database = Database::new();
    let mut jobs = Jobs::new(&cluster.api, seed);
    // Runs that end from now on are counted.
    let mut replicas = [
        synced(setup(&cluster, &database)).await,
        synced(setup(&cluster, &database)).await,
    ];
    for _ in 0..kills {
        let time = Duration::from_millis(jobs.rng.u64(..150));
        jobs.steps(time).await;
        let killed = jobs.rng.usize(..2);
        let started = start(&cluster, &database, jobs.rng.u8(..4) == 0);
        if jobs.rng.bool() {
            // There is one replica for a while.
            kill_in_place(&mut replicas[killed]);
            let time = Duration::from_millis(jobs.rng.u64(..50));
            jobs.steps(time).await;
            replicas[killed] = started.await;
        } else {
            // There are three for a moment, as in a rollout.
            let new = started.await;
            kill(std::mem::replace(&mut replicas[killed], new)).await;
        }
        let recorded = database.recorded();
        assert!(recorded.is_subset(&jobs.all_finished));
        let counted = database.totals();
        assert!(
            is_at_most(&counted, &jobs.truth),
            "{counted:?} of {:?}",
            jobs.truth
        );
        jobs.delete_some(&recorded);
    }
    jobs.finish_all();
    for replica in replicas {
        kill(replica).await;
    }
    // Both start from the database, and count what neither has written.
    let replicas = [
        synced(setup(&cluster, &database)).await,
        synced(setup(&cluster, &database)).await,
    ];
    for replica in &replicas {
        shows(replica, &jobs.truth).await;
    }
    jobs.delete_all();
    for replica in replicas {
        terminate(replica).await;
    }
    jobs.are_in(&database);
    // What remains is in the database alone.
    for _ in 0..2 {
        let replica = synced(setup(&cluster, &database)).await;
        shows(&replica, &jobs.truth).await;
    }
}

/// Starts a replica. `early` is to return before it has read the API or the database.
async fn start(cluster: &Cluster, database: &Database, early: bool) -> Exporter {
    let setup = setup(cluster, database);
    if early {
        setup.spawn()
    } else {
        synced(setup).await
    }
}

/// Kills a replica that is replaced later.
fn kill_in_place(replica: &mut Exporter) {
    replica.signal(&["KILL"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_is_lost_or_counted_twice_by_kills_of_two_replicas() {
    let seed = seed();
    join_all((0..4).map(|part| kill_repeatedly(25, seed.wrapping_add(part)))).await;
}
