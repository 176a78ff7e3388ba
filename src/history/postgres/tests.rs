//! What is deleted, and by whom, in a real server. The writer does it once an hour.
//!
//! ```text
//! scripts/with-postgres cargo test --lib history::postgres -- --include-ignored
//! ```

use std::{env, fs, path::PathBuf, sync::Arc};

use super::*;
use crate::{
    history::{
        pending::PendingWrites,
        rows::TargetRow,
        tests::{FakeStore, RunCounter, run, uid, workload},
    },
    model::{Departure, JournalEntry, WorkloadId},
};

const SINCE: Seconds = 1_795_000_000;

/// Keeps everything.
const GENEROUS: Limits = Limits {
    runs_per_workload: 100,
    oldest: 0,
    gone_workloads: 100,
};

fn target(name: &str) -> HistoryTarget {
    HistoryTarget {
        name: name.to_owned(),
        label_names: Arc::default(),
        row: TargetRow {
            since: SINCE,
            seen: SINCE + 10,
        },
    }
}

/// A process with a connection to its own schema.
#[allow(
    clippy::disallowed_methods,
    reason = "the script that starts the server says where it is"
)]
fn process(schema: &str) -> PostgresStorage {
    let directory =
        env::var_os("JOB_STATUS_POSTGRES").expect("run this with scripts/with-postgres");
    let directory = PathBuf::from(directory);
    let config = PostgresConfig {
        url_file: directory.join("url"),
        reader_url_file: None,
        schema: schema.to_owned(),
        ca_file: Some(directory.join("ca.crt")),
    };
    assert!(fs::exists(&config.url_file).unwrap());
    let bounds = Bounds {
        run_duration: vec![60.0, 3600.0],
        start_delay: vec![1.0],
    };
    PostgresStorage::new(config, bounds).unwrap()
}

/// The changes that these entries of the journal are.
fn changes(entries: impl IntoIterator<Item = JournalEntry>) -> PendingWrites {
    let mut pending = PendingWrites::default();
    for entry in entries {
        match entry {
            JournalEntry::RunFinished {
                workload,
                run,
                counted,
                state,
            } => pending.add_run(workload, *run, counted, state),
            other => panic!("{other:?}"),
        }
    }
    pending
}

fn write(process: &mut PostgresStorage, target: &HistoryTarget, pending: &PendingWrites) -> u64 {
    process.write(&[TargetWrites { target, pending }]).unwrap()
}

/// The uids of all runs, and the workloads with when they left.
fn content(
    process: &mut PostgresStorage,
    target: &HistoryTarget,
) -> (Vec<String>, Vec<(String, Seconds)>) {
    let (_, restored) = process.read(target).unwrap();
    let mut runs: Vec<_> = restored.runs.iter().map(ToString::to_string).collect();
    runs.sort();
    let workloads = restored.workloads.iter();
    let mut workloads: Vec<_> = workloads
        .map(|it| (it.id.name.to_string(), it.last_existed))
        .collect();
    workloads.sort();
    (runs, workloads)
}

fn uids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|it| uid(it).to_string()).collect()
}

#[test]
#[ignore = "needs a server: scripts/with-postgres"]
fn runs_are_pruned_by_number_and_age_unless_the_store_counts_them() {
    let target = target("prod");
    let mut process = process("prune_runs");
    process.start(&[&target]).unwrap();
    let mut counter = RunCounter::default();
    let runs = (1..=10).map(|number| counter.finish("nightly", run(number)));
    assert_eq!(write(&mut process, &target, &changes(runs)), 10);
    let store = FakeStore::default();
    store.workloads.lock().insert(workload("nightly"));
    store.counted.lock().insert(uid(2));
    let by_number = Limits {
        runs_per_workload: 6,
        ..GENEROUS
    };
    assert_eq!(process.prune("prod", by_number, &store).unwrap(), 7);
    assert_eq!(
        content(&mut process, &target).0,
        uids([2, 5, 6, 7, 8, 9, 10])
    );
    let by_age = Limits {
        oldest: run(8).end.unwrap(),
        ..GENEROUS
    };
    assert_eq!(process.prune("prod", by_age, &store).unwrap(), 4);
    assert_eq!(content(&mut process, &target).0, uids([2, 8, 9, 10]));
    let totals = process
        .read(&target)
        .unwrap()
        .1
        .workloads
        .remove(0)
        .state
        .totals;
    assert_eq!(totals.succeeded, 10, "totals include runs that are deleted");
}

#[test]
#[ignore = "needs a server: scripts/with-postgres"]
fn one_process_prunes_at_a_time_and_only_what_it_reads() {
    let target = target("prod");
    let [mut first, mut second] = [process("prune_lock"), process("prune_lock")];
    first.start(&[&target]).unwrap();
    second.start(&[&target]).unwrap();
    let mut counter = RunCounter::default();
    let runs = (1..=3).map(|number| counter.finish("nightly", run(number)));
    write(&mut first, &target, &changes(runs));
    let limits = Limits {
        runs_per_workload: 1,
        ..GENEROUS
    };
    let store = FakeStore::default();
    // The first one is at it.
    let lock = first.connection.as_ref().unwrap().sql.lock("prune", "prod");
    let begin = first.run(WRITE_TIMEOUT, async |connection, _| {
        connection.client.batch_execute("BEGIN").await?;
        connection.client.query(sql::LOCK, &[&lock]).await?;
        Ok(())
    });
    begin.unwrap();
    assert_eq!(second.prune("prod", limits, &store).unwrap(), 3);
    first
        .run(WRITE_TIMEOUT, async |connection, _| {
            Ok(connection.client.batch_execute("COMMIT").await?)
        })
        .unwrap();
    let other_shard = FakeStore {
        namespace: Some("billing".into()),
        ..FakeStore::default()
    };
    assert_eq!(second.prune("prod", limits, &other_shard).unwrap(), 3);
    assert_eq!(second.prune("prod", limits, &store).unwrap(), 1);
    assert_eq!(content(&mut first, &target).0, uids([3]));
}

#[test]
#[ignore = "needs a server: scripts/with-postgres"]
fn workloads_are_gone_for_those_who_read_them_and_deleted_later() {
    let target = target("prod");
    let mut process = process("prune_workloads");
    process.start(&[&target]).unwrap();
    let entries = ["here", "gone", "long-gone"]
        .map(|name| RunCounter::default().finish(name, run(name.len().try_into().unwrap())));
    write(&mut process, &target, &changes(entries));
    let mut left = PendingWrites::default();
    left.set_gone(workload("long-gone"), Departure::Deletion, SINCE - 5_000);
    write(&mut process, &target, &left);
    let other_shard = FakeStore {
        namespace: Some("billing".into()),
        ..FakeStore::default()
    };
    process.mark_gone("prod", SINCE + 7, &other_shard).unwrap();
    let named = |name: &str, left| (name.to_owned(), left);
    let seen = SINCE + 10;
    let expected = [
        named("gone", seen),
        named("here", seen),
        named("long-gone", SINCE - 5_000),
    ];
    assert_eq!(content(&mut process, &target).1, expected);
    let store = FakeStore::default();
    store.workloads.lock().insert(workload("here"));
    process.mark_gone("prod", SINCE + 7, &store).unwrap();
    let limits = Limits {
        oldest: SINCE - 1_000,
        ..GENEROUS
    };
    process.prune("prod", limits, &store).unwrap();
    let (runs, workloads) = content(&mut process, &target);
    assert_eq!(workloads, [named("gone", SINCE + 7), named("here", seen)]);
    assert_eq!(runs, uids([4]), "those of a deleted workload go with it");
}

#[test]
#[ignore = "needs a server: scripts/with-postgres"]
fn targets_that_nobody_reads_are_deleted_when_they_are_old() {
    let (kept, old) = (target("prod"), target("old"));
    let mut process = process("prune_targets");
    process.start(&[&kept, &old]).unwrap();
    for target in [&kept, &old] {
        let id = WorkloadId {
            name: "nightly".into(),
            ..workload("nightly")
        };
        let entry = RunCounter::default().finish(&id.name, run(1));
        write(&mut process, target, &changes([entry]));
    }
    let configured = HashSet::from(["prod"]);
    process.prune_targets(&configured, SINCE + 10).unwrap();
    assert_eq!(
        content(&mut process, &old).0,
        uids([1]),
        "it was seen since"
    );
    process.prune_targets(&configured, SINCE + 11).unwrap();
    assert!(content(&mut process, &old).0.is_empty());
    assert_eq!(content(&mut process, &kept).0, uids([1]));
}
