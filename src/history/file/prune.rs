//! Deletes rows that are no longer needed: old runs, surplus runs, and workloads and targets that are long gone.
//!
//! A run stays while the store counts it, regardless of the limits: its row keeps a later process from counting it again.
//! The writer prunes a target only after everything of it was read.

use std::{cmp::Reverse, collections::HashSet};

use redb::{ReadableTable as _, ReadableTableMetadata as _, TableHandle as _, WriteTransaction};
use serde::Deserialize;

use super::{
    super::{
        rows::{TargetRow, WorkloadRow, decode, encode},
        storage::Limits,
    },
    FileError, HistoryFile,
    tables::{
        RUNS, TARGETS, WORKLOADS, first_run, first_workload, next_name, workload_id, workload_key,
    },
};
use crate::model::{Seconds, StoreLookup, Uid, WorkloadId};

/// Runs that are deleted per transaction.
const RUNS_PER_TRANSACTION: usize = 10_000;

/// The fields of [`RunRow`](super::super::rows::RunRow) that decide whether a run is deleted.
#[derive(Deserialize)]
struct FinishedJob {
    job: String,
    end: Option<Seconds>,
}

/// The key of a run.
struct RunId {
    workload: WorkloadId,
    order: (Seconds, Seconds, Seconds),
    uid: String,
}

impl HistoryFile {
    /// Marks the workloads of a target that do not exist as gone since `last_seen`.
    pub(in crate::history) fn mark_gone(
        &self,
        target: &str,
        last_seen: Seconds,
        lookup: &dyn StoreLookup,
    ) -> Result<(), FileError> {
        let transaction = self.database.begin_write()?;
        {
            let mut workloads = transaction.open_table(WORKLOADS)?;
            let mut gone = Vec::new();
            let end = next_name(target);
            for row in workloads.range(first_workload(target)..first_workload(&end))? {
                let (key, value) = row?;
                let id = workload_id(key.value());
                let mut row: WorkloadRow<'_> = decode(WORKLOADS.name(), value.value())?;
                if row.left.is_none() && !lookup.has_workload(&id) {
                    row.left = Some(last_seen);
                    gone.push((id, encode(WORKLOADS.name(), &row)?));
                }
            }
            for (id, row) in gone {
                workloads.insert(workload_key(target, &id), row.as_str())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Deletes the rows of a target that exceed the limits, except runs that the store counts. Returns the number of runs
    /// in the file.
    pub(in crate::history) fn prune(
        &self,
        target: &str,
        limits: Limits,
        lookup: &dyn StoreLookup,
    ) -> Result<u64, FileError> {
        loop {
            let transaction = self.database.begin_write()?;
            prune_workloads(&transaction, target, limits)?;
            let pruned = prune_runs(&transaction, target, limits, lookup)?;
            let runs = transaction.open_table(RUNS)?.len()?;
            transaction.commit()?;
            if pruned < RUNS_PER_TRANSACTION {
                return Ok(runs);
            }
        }
    }

    /// Deletes targets that are not `configured` and were last seen before `oldest`.
    pub(in crate::history) fn prune_targets(
        &self,
        configured: &HashSet<&str>,
        oldest: Seconds,
    ) -> Result<(), FileError> {
        let gone = {
            let transaction = self.database.begin_write()?;
            let mut gone = HashSet::new();
            {
                let mut targets = transaction.open_table(TARGETS)?;
                for row in targets.iter()? {
                    let (name, row) = row?;
                    let TargetRow { seen, .. } = decode(TARGETS.name(), row.value())?;
                    let name = name.value().to_owned();
                    if seen < oldest && !configured.contains(name.as_str()) {
                        gone.insert(name);
                    }
                }
                for name in &gone {
                    targets.remove(name.as_str())?;
                }
                let mut workloads = transaction.open_table(WORKLOADS)?;
                let mut runs = transaction.open_table(RUNS)?;
                if !gone.is_empty() {
                    workloads.retain(|(target, ..), _| !gone.contains(target))?;
                    runs.retain(|(target, ..), _| !gone.contains(target))?;
                }
            }
            transaction.commit()?;
            gone
        };
        for target in gone {
            tracing::info!(
                target,
                "target is no longer configured, deleted it from the history"
            );
        }
        Ok(())
    }
}

fn prune_workloads(
    transaction: &WriteTransaction,
    target: &str,
    limits: Limits,
) -> Result<(), FileError> {
    let mut workloads = transaction.open_table(WORKLOADS)?;
    let mut gone = Vec::new();
    let end = next_name(target);
    for row in workloads.range(first_workload(target)..first_workload(&end))? {
        let (key, value) = row?;
        let row: WorkloadRow<'_> = decode(WORKLOADS.name(), value.value())?;
        if let Some(left) = row.left {
            gone.push((left, workload_id(key.value())));
        }
    }
    gone.sort_unstable_by_key(|(left, _)| Reverse(*left));
    let kept = gone.partition_point(|(left, _)| *left >= limits.oldest);
    for (_, id) in &gone[kept.min(limits.gone_workloads)..] {
        workloads.remove(workload_key(target, id))?;
    }
    Ok(())
}

/// Deletes up to [`RUNS_PER_TRANSACTION`] runs that exceed the limits. Returns their number.
fn prune_runs(
    transaction: &WriteTransaction,
    target: &str,
    limits: Limits,
    lookup: &dyn StoreLookup,
) -> Result<usize, FileError> {
    let workloads = transaction.open_table(WORKLOADS)?;
    let mut runs = transaction.open_table(RUNS)?;
    let mut surplus = Vec::new();
    // In reverse order, the latest run of a workload comes first.
    let mut workload: Option<WorkloadId> = None;
    let mut rank = 0;
    let mut is_orphan = false;
    let end = next_name(target);
    for run in runs.range(first_run(target)..first_run(&end))?.rev() {
        let (key, value) = run?;
        let (_, namespace, kind, name, order, uid) = key.value();
        let same =
            |id: &WorkloadId| (&*id.namespace, &*id.kind, &*id.name) == (namespace, kind, name);
        if !workload.as_ref().is_some_and(same) {
            workload = Some(workload_id((target, namespace, kind, name)));
            is_orphan = workloads.get((target, namespace, kind, name))?.is_none();
            rank = 0;
        }
        rank += 1;
        let FinishedJob { job, end } = decode(RUNS.name(), value.value())?;
        let old = end.unwrap_or(order.1) < limits.oldest;
        if (rank > limits.runs_per_workload || old || is_orphan)
            && !lookup.is_counted(namespace, &job, &Uid::parse(uid))
        {
            surplus.extend(workload.clone().map(|workload| RunId {
                workload,
                order,
                uid: uid.to_owned(),
            }));
        }
        if surplus.len() == RUNS_PER_TRANSACTION {
            break;
        }
    }
    for run in &surplus {
        let (target, namespace, kind, name) = workload_key(target, &run.workload);
        runs.remove((target, namespace, kind, name, run.order, run.uid.as_str()))?;
    }
    Ok(surplus.len())
}
