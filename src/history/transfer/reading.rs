//! Reads lines, and imports a number of workloads at a time, each with all its runs.
//!
//! The totals of a workload include its runs, so these are in one transaction. If the lines end too early, the last workload is not
//! written: otherwise the rest of its runs would be counted again by the next import.

use std::io::{BufRead, Read as _};

use super::{
    super::{
        merge::reset_histograms,
        rows::{Bounds, WorkloadRow},
        storage::Limits,
    },
    Destination, Imported, ImportedTarget, ImportedWorkload, TransferError,
    line::{Header, Line},
};
use crate::model::{Run, WorkloadId};

/// The most workloads and runs of a transaction, unless one workload has more runs.
const MAX_ROWS: usize = 2_000;

/// The most bytes of a line. A workload with many annotations has some thousands.
const MAX_LINE: u64 = 1024 * 1024;

/// An import while it is read.
pub(super) struct Import<'a> {
    destination: &'a mut dyn Destination,
    location: &'a str,
    bounds: Bounds,
    limits: Limits,
    progress: &'a mut dyn FnMut(Imported),
    /// The number of the last line.
    number: u64,
    /// Those of the first line.
    line_bounds: Option<Bounds>,
    has_warned: bool,
    target: Option<ImportedTarget>,
    is_target_written: bool,
    /// Workloads of the target that are not written yet. More runs of the last one may follow.
    part: Vec<ImportedWorkload>,
    /// Workloads and runs in it.
    rows: usize,
    is_complete: bool,
    imported: Imported,
}

impl<'a> Import<'a> {
    pub(super) fn new(
        destination: &'a mut dyn Destination,
        location: &'a str,
        bounds: Bounds,
        limits: Limits,
        progress: &'a mut dyn FnMut(Imported),
    ) -> Self {
        Self {
            destination,
            location,
            bounds,
            limits,
            progress,
            number: 0,
            line_bounds: None,
            has_warned: false,
            target: None,
            is_target_written: false,
            part: Vec::new(),
            rows: 0,
            is_complete: false,
            imported: Imported::default(),
        }
    }

    /// Reads all lines.
    pub(super) fn read(&mut self, input: &mut dyn BufRead) -> Result<(), TransferError> {
        let outcome = self.read_lines(input);
        if matches!(outcome, Err(TransferError::Line { .. })) {
            // Its runs may not be complete.
            self.part.pop();
            self.write()?;
        }
        outcome
    }

    /// Reports how much is read and written.
    pub(super) fn report(&mut self) {
        (self.progress)(self.imported);
    }

    fn read_lines(&mut self, input: &mut dyn BufRead) -> Result<(), TransferError> {
        let mut buffer = Vec::new();
        loop {
            buffer.clear();
            let mut line = (&mut *input).take(MAX_LINE);
            let length = line.read_until(b'\n', &mut buffer);
            let length = length.map_err(TransferError::Input)?;
            self.number += 1;
            if length == 0 {
                break;
            }
            if length as u64 == MAX_LINE && !buffer.ends_with(b"\n") {
                return Err(self.problem(format!("has more than {MAX_LINE} bytes")));
            }
            match str::from_utf8(&buffer) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => self.add(text)?,
                Err(_) => return Err(self.problem("is not UTF-8")),
            }
        }
        if self.is_complete {
            return Ok(());
        }
        Err(self.problem(match self.line_bounds {
            Some(_) => "is missing: the export is not complete, it has no line `end`",
            None => "is missing: there is no export",
        }))
    }

    fn problem(&self, problem: impl Into<String>) -> TransferError {
        TransferError::Line {
            number: self.number,
            problem: problem.into(),
        }
    }

    fn add(&mut self, text: &str) -> Result<(), TransferError> {
        if self.is_complete {
            return Err(self.problem("follows the line `end`"));
        }
        if self.line_bounds.is_none() {
            let header = Header::parse(text).map_err(|problem| self.problem(problem))?;
            self.line_bounds = Some(header.bounds);
            return Ok(());
        }
        match Line::parse(text).map_err(|problem| self.problem(problem))? {
            Line::Target(name, row) => {
                self.write()?;
                self.target = Some(ImportedTarget { name, row });
                self.is_target_written = false;
                self.imported.read.targets += 1;
            }
            Line::Workload(target, id, bounds, row) => {
                self.check_target(&target)?;
                let row = self.adapted(bounds.as_ref(), *row);
                self.begin(ImportedWorkload {
                    id,
                    row: Some(row),
                    runs: Vec::new(),
                })?;
                self.imported.read.workloads += 1;
            }
            Line::Run(target, id, run, counted) => {
                self.check_target(&target)?;
                self.add_run(id, *run, counted)?;
            }
            Line::End(counts) => {
                let read = self.imported.read;
                if read != counts {
                    let problem = format!("says that the export has {counts}, but it has {read}");
                    return Err(self.problem(problem));
                }
                self.write()?;
                self.is_complete = true;
            }
        }
        Ok(())
    }

    /// Checks that a line is of the target before it.
    fn check_target(&self, target: &str) -> Result<(), TransferError> {
        match &self.target {
            Some(current) if current.name == target => Ok(()),
            Some(current) => Err(self.problem(format!(
                "is of target `{target}`, but follows target `{}`",
                current.name
            ))),
            None => Err(self.problem("has no target before it")),
        }
    }

    /// The workload with histograms of the configured bounds.
    fn adapted(
        &mut self,
        bounds: Option<&Bounds>,
        mut row: WorkloadRow<'static>,
    ) -> WorkloadRow<'static> {
        if let Some(bounds) = bounds.or(self.line_bounds.as_ref())
            && *bounds != self.bounds
        {
            if !self.has_warned {
                tracing::warn!(
                    line = self.number,
                    "histogram buckets differ from those in the export, histograms restart from zero"
                );
                self.has_warned = true;
            }
            reset_histograms(row.totals.to_mut(), bounds, &self.bounds);
        }
        row
    }

    /// Adds a run to the workload before it, or to one of which only runs are left.
    fn add_run(&mut self, id: WorkloadId, run: Run, counted: bool) -> Result<(), TransferError> {
        if self.part.last().is_none_or(|last| last.id != id) {
            self.begin(ImportedWorkload {
                id,
                row: None,
                runs: Vec::new(),
            })?;
        }
        if let Some(last) = self.part.last_mut() {
            last.runs.push((run, counted));
            self.rows += 1;
        }
        self.imported.read.runs += 1;
        Ok(())
    }

    /// Adds a workload. Those before it are complete.
    fn begin(&mut self, workload: ImportedWorkload) -> Result<(), TransferError> {
        if self.rows >= MAX_ROWS {
            self.write()?;
        }
        self.part.push(workload);
        self.rows += 1;
        Ok(())
    }

    /// Writes what is complete.
    fn write(&mut self) -> Result<(), TransferError> {
        let Some(target) = &self.target else {
            return Ok(());
        };
        if self.part.is_empty() && self.is_target_written {
            return Ok(());
        }
        let new = self.destination.import(target, &self.part, self.limits);
        self.imported.new += new.map_err(|problem| TransferError::Storage {
            action: "import into",
            location: self.location.to_owned(),
            problem,
        })?;
        self.part.clear();
        self.rows = 0;
        self.is_target_written = true;
        self.report();
        Ok(())
    }
}
