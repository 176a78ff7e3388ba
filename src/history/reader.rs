//! Reads the runs of one workload for those who look at it, beside the thread that writes.

use std::error;

use super::file::FileReader;
#[cfg(feature = "postgres")]
use super::postgres::PostgresReader;
use crate::model::{Run, WorkloadId};

/// Reads runs. A clone reads the same storage.
#[derive(Clone, Debug)]
pub struct RunReader(Source);

#[derive(Clone, Debug)]
enum Source {
    File(FileReader),
    #[cfg(feature = "postgres")]
    Postgres(PostgresReader),
}

/// Why runs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The writer has closed the file: it cannot be written at the moment, or the process ends.
    #[error("the history file is not open")]
    NotOpen,
    /// The disk fails, or the writer closed the file during the read.
    #[error("read runs from the history file")]
    Failed(#[source] Box<dyn error::Error + Send + Sync>),
    /// The server cannot be reached, does not answer in time, or refuses.
    #[error("read runs from PostgreSQL")]
    Database(#[source] Box<dyn error::Error + Send + Sync>),
}

// === impl RunReader ===

impl RunReader {
    /// The latest `max` runs of a workload that the history has, the latest first. `target` is `None` for the unnamed target. Blocks
    /// while it reads.
    ///
    /// Runs that finished a moment ago may be missing: the writer writes them soon. Rows that cannot be decoded are logged and left
    /// out.
    pub fn runs(
        &self,
        target: Option<&str>,
        workload: &WorkloadId,
        max: usize,
    ) -> Result<Vec<Run>, ReadError> {
        let target = target.unwrap_or_default();
        match &self.0 {
            Source::File(reader) => reader.runs(target, workload, max),
            #[cfg(feature = "postgres")]
            Source::Postgres(reader) => reader.runs(target, workload, max),
        }
    }
}

impl From<FileReader> for RunReader {
    fn from(reader: FileReader) -> Self {
        Self(Source::File(reader))
    }
}

#[cfg(feature = "postgres")]
impl From<PostgresReader> for RunReader {
    fn from(reader: PostgresReader) -> Self {
        Self(Source::Postgres(reader))
    }
}

// === impl ReadError ===

impl ReadError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotOpen => "the log says why the history cannot be written; it is tried again",
            Self::Failed(_) | Self::Database(_) => "try again; if that fails too, see the log",
        }
    }
}
