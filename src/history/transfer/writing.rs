//! Writes lines: each target, and each of its workloads before its runs.

use std::io::{self, Write};

use super::{
    super::{
        rows::{Bounds, RunRow, TargetRow, WorkloadRow, decode},
        storage::StorageError,
    },
    Counts, Failure,
    line::Line,
};
use crate::model::WorkloadId;

/// How many lines are written between two reports of the progress.
const REPORT_LINES: u64 = 1_000;

/// Writes lines and counts them.
pub(in crate::history) struct LineWriter<'a> {
    output: &'a mut dyn Write,
    progress: &'a mut dyn FnMut(Counts),
    counts: Counts,
}

/// A workload of a storage.
pub(in crate::history) struct ExportedWorkload {
    pub(in crate::history) id: WorkloadId,
    /// The bounds of its histograms, if they are not those of the header.
    pub(in crate::history) bounds: Option<Bounds>,
    pub(in crate::history) row: WorkloadRow<'static>,
}

/// A run of a storage, with its row as text.
pub(in crate::history) struct ExportedRun {
    pub(in crate::history) workload: WorkloadId,
    pub(in crate::history) uid: String,
    pub(in crate::history) row: String,
}

impl<'a> LineWriter<'a> {
    pub(super) fn new(output: &'a mut dyn Write, progress: &'a mut dyn FnMut(Counts)) -> Self {
        Self {
            output,
            progress,
            counts: Counts::default(),
        }
    }

    /// Writes the first line.
    pub(in crate::history) fn header(&mut self, bounds: &Bounds) -> Result<(), Failure> {
        self.line(Line::header(bounds))
    }

    /// Writes a target. Both its workloads and its runs are in the order of the names of workloads.
    pub(in crate::history) fn target(
        &mut self,
        name: &str,
        row: TargetRow,
        mut workloads: impl Iterator<Item = Result<ExportedWorkload, StorageError>>,
        mut runs: impl Iterator<Item = Result<ExportedRun, StorageError>>,
    ) -> Result<(), Failure> {
        self.line(Line::target(name, row))?;
        self.counts.targets += 1;
        let mut workload = workloads.next().transpose().map_err(Failure::Storage)?;
        let mut run = runs.next().transpose().map_err(Failure::Storage)?;
        loop {
            // A run may stay longer than its workload.
            let is_next = |workload: &&ExportedWorkload| {
                run.as_ref()
                    .is_none_or(|run| order(&workload.id) <= order(&run.workload))
            };
            if let Some(next) = workload.as_ref().filter(is_next) {
                let bounds = next.bounds.as_ref();
                self.line(Line::workload(name, &next.id, bounds, &next.row))?;
                self.counts.workloads += 1;
                workload = workloads.next().transpose().map_err(Failure::Storage)?;
            } else if let Some(next) = run {
                self.run(name, &next)?;
                run = runs.next().transpose().map_err(Failure::Storage)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Writes a run. One that cannot be decoded is left out, as pages do.
    fn run(&mut self, target: &str, run: &ExportedRun) -> Result<(), Failure> {
        let ExportedRun { workload, uid, row } = run;
        let row: RunRow<'_> = match decode("runs", row) {
            Ok(row) => row,
            Err(error) => {
                let WorkloadId {
                    namespace,
                    kind,
                    name,
                } = workload;
                tracing::warn!(target, %namespace, %kind, %name, uid, %error, "a run in the history is invalid, left it out");
                return Ok(());
            }
        };
        self.line(Line::run(target, workload, uid, &row))?;
        self.counts.runs += 1;
        Ok(())
    }

    /// Writes the last line.
    pub(super) fn finish(mut self) -> Result<Counts, Failure> {
        self.line(Line::end(self.counts))?;
        self.output.flush().map_err(Failure::Output)?;
        Ok(self.counts)
    }

    fn line(&mut self, line: serde_json::Result<String>) -> Result<(), Failure> {
        let mut line = line.map_err(|error| Failure::Output(io::Error::from(error)))?;
        line.push('\n');
        let written = self.output.write_all(line.as_bytes());
        written.map_err(Failure::Output)?;
        let Counts {
            targets,
            workloads,
            runs,
        } = self.counts;
        if (targets + workloads + runs).is_multiple_of(REPORT_LINES) {
            (self.progress)(self.counts);
        }
        Ok(())
    }
}

/// The position of a workload among those of its target: by the bytes of its names.
fn order(id: &WorkloadId) -> (&str, &str, &str) {
    (&id.namespace, &id.kind, &id.name)
}
