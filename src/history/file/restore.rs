//! Reads what earlier processes wrote of a target, or earlier configurations of this one.

use redb::{ReadableDatabase as _, TableHandle as _};

use super::{
    super::{
        rows::{RunRow, WorkloadRow, decode},
        storage::{HistoryTarget, Restored},
    },
    FileError, HistoryFile,
    tables::{RUNS, TARGETS, WORKLOADS, first_run, first_workload, next_name, workload_id},
};
use crate::model::{RestoredState, RestoredWorkload, Ticks, Uid};

impl HistoryFile {
    /// Returns the row and the content of a target. A target that the file does not have keeps its row.
    pub(in crate::history) fn read(&self, target: &HistoryTarget) -> Result<Restored, FileError> {
        let transaction = self.database.begin_read()?;
        let targets = transaction.open_table(TARGETS)?;
        let workloads = transaction.open_table(WORKLOADS)?;
        let runs = transaction.open_table(RUNS)?;
        let (name, end) = (target.name.as_str(), next_name(&target.name));
        let row = match targets.get(name)? {
            Some(row) => decode(TARGETS.name(), row.value())?,
            None => target.row,
        };
        let mut restored = RestoredState {
            since: row.since,
            label_names: target.label_names.clone(),
            ..RestoredState::default()
        };
        for workload in workloads.range(first_workload(name)..first_workload(&end))? {
            let (key, value) = workload?;
            let id = workload_id(key.value());
            let workload: WorkloadRow<'_> = decode(WORKLOADS.name(), value.value())?;
            restored.workloads.push(RestoredWorkload {
                id,
                last_existed: workload.left.unwrap_or(row.seen),
                departure: workload.departure.unwrap_or_default(),
                state: workload.into_state(&target.label_names),
            });
        }
        // Both tables have the order of namespace, kind and name. The latest runs come first here.
        let mut workloads = restored.workloads.iter_mut().rev().peekable();
        for run in runs.range(first_run(name)..first_run(&end))?.rev() {
            let (key, value) = run?;
            let (_, namespace, kind, name, _, uid) = key.value();
            let uid = Uid::parse(uid);
            let owner = (namespace, kind, name);
            while workloads.next_if(|it| order(it) > owner).is_some() {}
            // An invalid row only leaves a gap among the ticks.
            if let Some(workload) = workloads.peek_mut()
                && order(workload) == owner
                && workload.state.ticks.len() < Ticks::MAX
                && let Ok(row) = decode::<RunRow<'_>>(RUNS.name(), value.value())
            {
                let run = row.into_run(uid.clone());
                workload.state.ticks.add_run(&run);
                if run.jobs.is_some() {
                    restored.owner_runs.push(run);
                }
            }
            restored.runs.push(uid);
        }
        Ok((row, restored))
    }
}

/// The position of the rows of a workload among those of its target.
fn order(workload: &RestoredWorkload) -> (&str, &str, &str) {
    let id = &workload.id;
    (&id.namespace, &id.kind, &id.name)
}
