//! Writing down what waits: all of it in one transaction, so that a run is in the file with the totals that it is part of, or
//! neither is.

use std::borrow::Cow;

use redb::{ReadableTable as _, ReadableTableMetadata as _, Table, TableHandle as _};

use super::{
    file::{Failure, File},
    pending::{Entry, PendingWrites},
    rows::{
        RUNS, RunKey, RunRow, TARGETS, TargetRow, WORKLOADS, WorkloadKey, WorkloadRow, decode,
        encode, workload_key,
    },
};
use crate::model::{Run, Seconds, WorkloadId};

type Workloads<'a> = Table<'a, WorkloadKey<'static>, &'static str>;
type Runs<'a> = Table<'a, RunKey<'static>, &'static str>;

/// What is to be written of one target.
pub(super) struct Part<'a> {
    pub(super) target: &'a str,
    pub(super) waiting: &'a PendingWrites,
    pub(super) row: TargetRow,
}

impl File {
    /// Writes all parts. Gives the number of runs in the file.
    pub(super) fn write(&self, parts: &[Part<'_>]) -> Result<u64, Failure> {
        let transaction = self.database.begin_write()?;
        let total = {
            let mut targets = transaction.open_table(TARGETS)?;
            let mut workloads = transaction.open_table(WORKLOADS)?;
            let mut runs = transaction.open_table(RUNS)?;
            for part in parts {
                let row = encode(TARGETS.name(), &part.row)?;
                targets.insert(part.target, row.as_str())?;
                for (id, entry) in &part.waiting.workloads {
                    write_workload(&mut workloads, workload_key(part.target, id), entry)?;
                    for (run, counted) in &entry.runs {
                        write_run(&mut runs, part.target, id, run, *counted)?;
                    }
                }
            }
            runs.len()?
        };
        transaction.commit()?;
        Ok(total)
    }
}

fn write_workload(
    workloads: &mut Workloads<'_>,
    key: WorkloadKey<'_>,
    entry: &Entry,
) -> Result<(), Failure> {
    let known = workloads.get(key)?.map(|row| row.value().to_owned());
    let totals = match (&entry.totals, &known) {
        (Some(totals), _) => Cow::Borrowed(totals),
        (None, Some(known)) => decode::<WorkloadRow<'_>>(WORKLOADS.name(), known)?.totals,
        // It left, and nothing was known of it.
        (None, None) => return Ok(()),
    };
    let row = WorkloadRow {
        left: entry.left,
        totals,
    };
    let row = encode(WORKLOADS.name(), &row)?;
    // After a start all workloads are told of, and few of them have changed.
    if known.as_ref() != Some(&row) {
        workloads.insert(key, row.as_str())?;
    }
    Ok(())
}

fn write_run(
    runs: &mut Runs<'_>,
    target: &str,
    id: &WorkloadId,
    run: &Run,
    counted: bool,
) -> Result<(), Failure> {
    let (_, namespace, kind, name) = workload_key(target, id);
    let order: (Seconds, Seconds, Seconds) = run.sort_key().into();
    let uid = run.uid.to_string();
    let row = encode(RUNS.name(), &RunRow::new(run, counted))?;
    let key = (target, namespace, kind, name, order, uid.as_str());
    runs.insert(key, row.as_str())?;
    Ok(())
}
