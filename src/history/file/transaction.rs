//! Writes pending changes in one transaction. The file has a run together with the totals that include it, or neither.

use redb::{ReadableTable as _, ReadableTableMetadata as _, Table, TableHandle as _};

use super::{
    super::{
        pending::PendingWorkload,
        rows::{RunRow, WorkloadRow, decode, encode},
        storage::TargetWrites,
    },
    FileError, HistoryFile,
    tables::{RUNS, RunKey, TARGETS, WORKLOADS, WorkloadKey, workload_key},
};
use crate::model::{Run, Seconds, WorkloadId};

type WorkloadTable<'a> = Table<'a, WorkloadKey<'static>, &'static str>;
type RunTable<'a> = Table<'a, RunKey<'static>, &'static str>;

impl HistoryFile {
    /// Writes the changes of all targets in one transaction. Returns the number of runs in the file.
    pub(in crate::history) fn write(&self, targets: &[TargetWrites<'_>]) -> Result<u64, FileError> {
        let transaction = self.database.begin_write()?;
        let run_count = {
            let mut target_rows = transaction.open_table(TARGETS)?;
            let mut workloads = transaction.open_table(WORKLOADS)?;
            let mut runs = transaction.open_table(RUNS)?;
            for TargetWrites { target, pending } in targets {
                let (name, label_names) = (target.name.as_str(), &target.label_names);
                let row = encode(TARGETS.name(), &target.row)?;
                target_rows.insert(name, row.as_str())?;
                for (id, workload) in &pending.workloads {
                    let key = workload_key(name, id);
                    write_workload(&mut workloads, key, workload, label_names)?;
                    for (run, counted) in &workload.runs {
                        write_run(&mut runs, name, id, run, *counted)?;
                    }
                }
            }
            runs.len()?
        };
        transaction.commit()?;
        Ok(run_count)
    }
}

fn write_workload(
    table: &mut WorkloadTable<'_>,
    key: WorkloadKey<'_>,
    workload: &PendingWorkload,
    label_names: &[String],
) -> Result<(), FileError> {
    let old_row = table.get(key)?.map(|row| row.value().to_owned());
    let row = match (&workload.state, &old_row) {
        (Some(state), _) => WorkloadRow::new(state, label_names),
        (None, Some(row)) => decode(WORKLOADS.name(), row)?,
        // It is gone and was never written.
        (None, None) => return Ok(()),
    };
    let row = WorkloadRow {
        left: workload.left.map(|(left, _)| left),
        departure: workload.left.map(|(_, departure)| departure),
        ..row
    };
    let row = encode(WORKLOADS.name(), &row)?;
    // After a start the store reports all workloads, and few of them have changed.
    if old_row.as_ref() != Some(&row) {
        table.insert(key, row.as_str())?;
    }
    Ok(())
}

fn write_run(
    table: &mut RunTable<'_>,
    target: &str,
    id: &WorkloadId,
    run: &Run,
    counted: bool,
) -> Result<(), FileError> {
    let (_, namespace, kind, name) = workload_key(target, id);
    let order: (Seconds, Seconds, Seconds) = run.sort_key().into();
    let uid = run.uid.to_string();
    let row = encode(RUNS.name(), &RunRow::new(run, counted))?;
    let key = (target, namespace, kind, name, order, uid.as_str());
    table.insert(key, row.as_str())?;
    Ok(())
}
