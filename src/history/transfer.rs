//! Moves the history between storages as lines of JSON.
//!
//! An export has everything of all targets as of one moment, and does not change the storage. An import adds what is new: runs are
//! known by their uid, so an import that is repeated counts nothing twice.
//!
//! - `line`: the format of lines
//! - `writing`: writes lines in the order of the rows
//! - `reading`: reads lines, and what belongs together in one transaction
//! - `merge`: what becomes of a workload that exists already

use std::{
    fmt,
    io::{self, BufRead, Write},
    ops::AddAssign,
};

use serde::{Deserialize, Serialize};

use super::{
    Error, HistorySettings, file,
    storage::{Limits, StorageError},
};
#[cfg(feature = "postgres")]
use super::{postgres::PostgresStorage, storage::Storage as _};
use crate::{config::HistoryStorage, model};

pub(super) mod line;
mod merge;
mod reading;
mod writing;

pub(super) use merge::{ImportedTarget, ImportedWorkload, StoredParts};
pub(super) use writing::{ExportedRun, ExportedWorkload, LineWriter};

use reading::Import;

/// How many targets, workloads and runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Targets.
    pub targets: u64,
    /// Workloads.
    pub workloads: u64,
    /// Runs.
    pub runs: u64,
}

/// What an import has read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What the lines have. Less than that may be written if the import fails.
    pub read: Counts,
    /// What of it the history did not have.
    pub new: Counts,
}

/// Why the history cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The history cannot be opened.
    #[error(transparent)]
    Open(#[from] Error),
    /// The history cannot be opened, written or read now.
    #[error("{action} the history in {location}: {problem}")]
    Storage {
        /// What was done.
        action: &'static str,
        /// The file, or the server with the database and the schema.
        location: String,
        /// The problem.
        problem: StorageError,
    },
    /// An export cannot be written.
    #[error("write the export")]
    Output(#[source] io::Error),
    /// What is imported cannot be read.
    #[error("read the export")]
    Input(#[source] io::Error),
    /// A line is not one of an export.
    #[error("line {number} {problem}")]
    Line {
        /// Its number, from 1 on.
        number: u64,
        /// What is wrong.
        problem: String,
    },
}

/// Why an export or an import fails at the storage.
#[derive(Debug)]
pub(super) enum Failure {
    /// It cannot be opened, and trying again does not help.
    Open(Error),
    /// It cannot be opened, read or written now.
    Storage(StorageError),
    /// Lines cannot be written.
    Output(io::Error),
}

/// Where an import is written.
pub(super) trait Destination {
    /// Adds a target and some of its workloads in one transaction. Returns what is new.
    fn import(
        &mut self,
        target: &ImportedTarget,
        part: &[ImportedWorkload],
        limits: Limits,
    ) -> Result<Counts, StorageError>;
}

/// Writes everything that the history has. `progress` is told from time to time how much is written.
///
/// A file must not be open in another process.
pub fn export(
    settings: &HistorySettings,
    output: &mut dyn Write,
    progress: &mut dyn FnMut(Counts),
) -> Result<Counts, TransferError> {
    let mut lines = LineWriter::new(output, progress);
    let (location, outcome) = match &settings.storage {
        HistoryStorage::File(path) => {
            let outcome = file::transfer::export(path, &mut lines);
            (path.display().to_string(), outcome)
        }
        #[cfg(feature = "postgres")]
        HistoryStorage::Postgres(config) => {
            let storage = PostgresStorage::new(config.clone(), settings.bounds())?;
            (storage.location(), storage.export(&mut lines))
        }
        #[cfg(not(feature = "postgres"))]
        HistoryStorage::Postgres(_) => return Err(super::without_postgres().into()),
    };
    let outcome = outcome.and_then(|()| lines.finish());
    outcome.map_err(|failure| failure.into_error("export", location))
}

/// Reads the lines of an export into the history. `progress` is told how much is read and how much of it was new, from time to time
/// and at last, also if the import fails.
///
/// Everything before a line that is invalid is written, except a workload whose runs may not be complete. The import can be repeated.
/// A file must not be open in another process.
pub fn import(
    settings: &HistorySettings,
    input: &mut dyn BufRead,
    progress: &mut dyn FnMut(Imported),
) -> Result<(), TransferError> {
    let bounds = settings.bounds();
    let (location, opened) = match &settings.storage {
        HistoryStorage::File(path) => {
            let opened = file::transfer::FileImport::open(path, bounds.clone());
            let opened = opened.map(|it| Box::new(it) as Box<dyn Destination>);
            (path.display().to_string(), opened)
        }
        #[cfg(feature = "postgres")]
        HistoryStorage::Postgres(config) => {
            let mut storage = PostgresStorage::new(config.clone(), bounds.clone())?;
            let location = storage.location();
            let opened = storage.open_for_import();
            (location, opened.map(|()| Box::new(storage) as _))
        }
        #[cfg(not(feature = "postgres"))]
        HistoryStorage::Postgres(_) => return Err(super::without_postgres().into()),
    };
    let mut destination =
        opened.map_err(|failure| failure.into_error("import into", location.clone()))?;
    let limits = Limits::new(settings, model::now().as_second());
    let mut import = Import::new(destination.as_mut(), &location, bounds, limits, progress);
    let outcome = import.read(input);
    import.report();
    outcome
}

// === impl Counts ===

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.targets += more.targets;
        self.workloads += more.workloads;
        self.runs += more.runs;
    }
}

/// Such as `1 target, 120 workloads, 5000 runs`.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Self {
            targets,
            workloads,
            runs,
        } = *self;
        write!(
            f,
            "{targets} target{}, {workloads} workload{}, {runs} run{}",
            plural(targets),
            plural(workloads),
            plural(runs)
        )
    }
}

// === impl TransferError ===

impl TransferError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Open(Error::InUse { .. }) => Some(
                "stop the exporter that has the file open: it is locked while the exporter runs",
            ),
            Self::Open(error) => error.hint(),
            Self::Line { .. } => Some(
                "everything before it is in the history, except the workload whose runs were not complete; the import can be repeated",
            ),
            Self::Storage { .. } | Self::Output(_) | Self::Input(_) => None,
        }
    }

    /// Whether the configuration or the input is the cause.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Open(error) => error.is_configuration(),
            Self::Line { .. } => true,
            Self::Storage { .. } | Self::Output(_) | Self::Input(_) => false,
        }
    }
}

impl Failure {
    fn into_error(self, action: &'static str, location: String) -> TransferError {
        match self {
            Self::Open(error) => TransferError::Open(error),
            Self::Output(error) => TransferError::Output(error),
            Self::Storage(problem) => TransferError::Storage {
                action,
                location,
                problem,
            },
        }
    }
}

#[cfg(test)]
mod tests;
