//! Taking out what nobody needs any more: old runs, surplus runs, workloads and targets that are long gone.
//!
//! A run stays for as long as the API shows its Job, and a while longer, whatever the limits: it is what keeps a later process
//! from counting that Job again. So nothing of a target is touched before everything of it was read.

use std::collections::HashSet;

use redb::{ReadableTable as _, ReadableTableMetadata as _, TableHandle as _, WriteTransaction};
use serde::Deserialize;

use super::{
    file::{Failure, File},
    rows::{
        RUNS, TARGETS, TargetRow, WORKLOADS, WorkloadRow, behind, decode, encode, first_run,
        first_workload, workload_id, workload_key,
    },
};
use crate::model::{Seconds, Uid, WorkloadId};

/// As many runs are taken out per transaction.
const STEP: usize = 10_000;

/// What stays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Runs of a workload.
    pub(super) runs: usize,
    /// What ended or left before is old.
    pub(super) oldest: Seconds,
}

/// The part of a run's row that matters here.
#[derive(Deserialize)]
struct Ended {
    end: Option<Seconds>,
}

/// The key of a run, to be kept beyond a look at its row.
struct RunId {
    workload: WorkloadId,
    order: (Seconds, Seconds, Seconds),
    uid: String,
}

impl File {
    /// Makes workloads leave that were not there when everything was read, as of when they were last seen.
    pub(super) fn settle(
        &self,
        target: &str,
        seen: Seconds,
        there: impl Fn(&WorkloadId) -> bool,
    ) -> Result<(), Failure> {
        let transaction = self.database.begin_write()?;
        {
            let mut workloads = transaction.open_table(WORKLOADS)?;
            let mut left = Vec::new();
            let behind = behind(target);
            for row in workloads.range(first_workload(target)..first_workload(&behind))? {
                let (key, value) = row?;
                let id = workload_id(key.value());
                let mut row: WorkloadRow<'_> = decode(WORKLOADS.name(), value.value())?;
                if row.left.is_none() && !there(&id) {
                    row.left = Some(seen);
                    left.push((id, encode(WORKLOADS.name(), &row)?));
                }
            }
            for (id, row) in left {
                workloads.insert(workload_key(target, &id), row.as_str())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Takes out of a target what is beyond the limits, but runs that have to be `known`. Gives the number of runs in the file.
    pub(super) fn prune(
        &self,
        target: &str,
        limits: Limits,
        known: impl Fn(&Uid) -> bool,
    ) -> Result<u64, Failure> {
        loop {
            let transaction = self.database.begin_write()?;
            prune_workloads(&transaction, target, limits.oldest)?;
            let pruned = prune_runs(&transaction, target, limits, &known)?;
            let runs = transaction.open_table(RUNS)?.len()?;
            transaction.commit()?;
            if pruned < STEP {
                return Ok(runs);
            }
        }
    }

    /// Takes out targets, but those that are `configured`, that were last seen too long ago.
    pub(super) fn prune_targets(
        &self,
        configured: &[String],
        oldest: Seconds,
    ) -> Result<(), Failure> {
        let gone = {
            let transaction = self.database.begin_write()?;
            let mut gone = HashSet::new();
            {
                let mut targets = transaction.open_table(TARGETS)?;
                for row in targets.iter()? {
                    let (name, row) = row?;
                    let TargetRow { seen, .. } = decode(TARGETS.name(), row.value())?;
                    let name = name.value().to_owned();
                    if seen < oldest && !configured.contains(&name) {
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
                "a target that is no longer configured was taken out of the history"
            );
        }
        Ok(())
    }
}

fn prune_workloads(
    transaction: &WriteTransaction,
    target: &str,
    oldest: Seconds,
) -> Result<(), Failure> {
    let mut workloads = transaction.open_table(WORKLOADS)?;
    let mut gone = Vec::new();
    let behind = behind(target);
    for row in workloads.range(first_workload(target)..first_workload(&behind))? {
        let (key, value) = row?;
        let row: WorkloadRow<'_> = decode(WORKLOADS.name(), value.value())?;
        if row.left.is_some_and(|left| left < oldest) {
            gone.push(workload_id(key.value()));
        }
    }
    for id in gone {
        workloads.remove(workload_key(target, &id))?;
    }
    Ok(())
}

/// Takes out some of the runs that are beyond the limits, and gives their number.
fn prune_runs(
    transaction: &WriteTransaction,
    target: &str,
    limits: Limits,
    known: &impl Fn(&Uid) -> bool,
) -> Result<usize, Failure> {
    let mut runs = transaction.open_table(RUNS)?;
    let mut surplus = Vec::new();
    // Backwards, the latest run of a workload comes first.
    let mut workload: Option<WorkloadId> = None;
    let mut rank = 0;
    let behind = behind(target);
    for run in runs.range(first_run(target)..first_run(&behind))?.rev() {
        let (key, value) = run?;
        let (_, namespace, kind, name, order, uid) = key.value();
        let same =
            |id: &WorkloadId| (&*id.namespace, &*id.kind, &*id.name) == (namespace, kind, name);
        if !workload.as_ref().is_some_and(same) {
            workload = Some(workload_id((target, namespace, kind, name)));
            rank = 0;
        }
        rank += 1;
        let Ended { end } = decode(RUNS.name(), value.value())?;
        let old = end.unwrap_or(order.1) < limits.oldest;
        if (rank > limits.runs || old) && !known(&Uid::parse(uid)) {
            surplus.extend(workload.clone().map(|workload| RunId {
                workload,
                order,
                uid: uid.to_owned(),
            }));
        }
        if surplus.len() == STEP {
            break;
        }
    }
    for run in &surplus {
        let (target, namespace, kind, name) = workload_key(target, &run.workload);
        runs.remove((target, namespace, kind, name, run.order, run.uid.as_str()))?;
    }
    Ok(surplus.len())
}
