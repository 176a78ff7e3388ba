//! Another number of shards: namespaces move between processes with one schema.

use std::time::Duration;

use job_status_exporter::model::Shard;

use crate::{
    cluster::Cluster,
    database::Database,
    jobs::{Jobs, Totals, is_at_most},
    process::Exporter,
    replica::{Extra, eventually, history, kill, setup_with, synced, terminate, totals},
    seed,
};

const NAMESPACES: usize = 12;

async fn start(cluster: &Cluster, database: &Database, shard: Shard) -> Exporter {
    let sharding = format!(
        "sharding: {{shards: {}, shard: {}}}",
        shard.shards(),
        shard.index()
    );
    let extra = Extra {
        document: &sharding,
        ..Extra::default()
    };
    synced(setup_with(cluster, database, &database.url(), extra)).await
}

fn shard(index: u32, shards: u32) -> Shard {
    Shard::new(index, shards).unwrap()
}

/// The part of the totals that a shard owns.
fn owned(totals: &Totals, shard: Shard) -> Totals {
    let all = totals.iter();
    all.filter(|((namespace, _), _)| shard.owns(namespace))
        .map(|(workload, counts)| (workload.clone(), *counts))
        .collect()
}

/// Waits until a shard shows its part of these totals, and nothing of others.
async fn shows(exporter: &Exporter, truth: &Totals, shard: Shard) {
    let expected = owned(truth, shard);
    eventually(exporter, |metrics| {
        totals(metrics) == expected
            && history(metrics, "up") == Some(1)
            && history(metrics, "waiting_runs") == Some(0)
    })
    .await;
}

/// Replaces the processes one after another by those of another number of shards, while runs finish and recorded Jobs are deleted.
async fn rollout(shards: [u32; 2], killed: bool, seed: u64) {
    let [before, after] = shards;
    let cluster = Cluster::start().await;
    let database = Database::new();
    let names = (0..NAMESPACES).map(|number| format!("team-{number:02}"));
    let mut jobs = Jobs::in_namespaces(&cluster.api, seed, names.collect());
    let mut old = Vec::new();
    for index in 0..before {
        old.push(start(&cluster, &database, shard(index, before)).await);
    }
    jobs.run(40);
    for (index, exporter) in old.iter().enumerate() {
        let shard = shard(u32::try_from(index).unwrap(), before);
        shows(exporter, &jobs.truth, shard).await;
    }
    let mut new = Vec::new();
    for index in 0..before.max(after) {
        jobs.steps(Duration::from_millis(150)).await;
        if !old.is_empty() {
            let ended = old.remove(0);
            if killed {
                kill(ended).await;
            } else {
                terminate(ended).await;
            }
        }
        jobs.steps(Duration::from_millis(50)).await;
        if index < after {
            let shard = shard(index, after);
            let recorded = owned(&database.totals(), shard);
            let exporter = start(&cluster, &database, shard).await;
            // It continues what others have counted.
            let metrics = eventually(&exporter, |metrics| history(metrics, "up") == Some(1)).await;
            let shown = totals(&metrics);
            assert!(is_at_most(&recorded, &shown), "{recorded:?} {shown:?}");
            new.push((exporter, shard));
        }
        let recorded = database.recorded();
        assert!(recorded.is_subset(&jobs.all_finished));
        assert!(is_at_most(&database.totals(), &jobs.truth));
        jobs.delete_some(&recorded);
    }
    jobs.finish_all();
    // A shard that started before another one ended may lack what that one counted last. After a restart it does not.
    for (exporter, _) in &new {
        eventually(exporter, |metrics| {
            history(metrics, "waiting_runs") == Some(0)
        })
        .await;
    }
    database
        .eventually(
            &format!("SELECT count(*) FROM {}.runs", crate::database::SCHEMA),
            &jobs.count().to_string(),
        )
        .await;
    for (exporter, _) in new {
        terminate(exporter).await;
    }
    jobs.are_in(&database);
    jobs.delete_all();
    let mut sum = Totals::new();
    for index in 0..after {
        let shard = shard(index, after);
        let exporter = start(&cluster, &database, shard).await;
        shows(&exporter, &jobs.truth, shard).await;
        sum.append(&mut totals(&exporter.scrape().await));
    }
    assert_eq!(sum, jobs.truth);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn totals_continue_on_the_shard_that_takes_over() {
    let seed = seed();
    for (shards, killed) in [
        ([2, 3], false),
        ([3, 2], false),
        ([2, 3], true),
        ([1, 2], true),
    ] {
        rollout(shards, killed, seed).await;
    }
}
