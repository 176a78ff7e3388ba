//! The data that the pages show.
//!
//! [`PageData`] separates the server from the stages before it, so that tests can serve data of their own. A page is made
//! from memory and never waits for an API.

use std::{error::Error as _, io, sync::Arc};

use bytes::Bytes;

use crate::{
    config::Pattern,
    history::{ReadError, RunReader},
    metrics::{Format, Metrics, UnknownFamily},
    model::WorkloadId,
    server::{
        ExporterFacts, ExporterRecord,
        gzip::Gzip,
        readiness::{self, Readiness},
    },
    status::{PastRuns, WorkloadDetail},
    store::Store,
};

/// The chunks of a response body, in order.
pub type Chunks = Box<dyn Iterator<Item = Bytes> + Send>;

/// The chunks of a compressed response body, in order.
pub type CompressedChunks = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

/// The data that the pages show. Methods are called on the task of a connection and return at once.
pub trait PageData: Send + Sync + 'static {
    /// Starts a scrape of these families, or of all families if the slice is empty. The iterator renders each chunk on demand;
    /// one chunk should take at most a few milliseconds.
    fn scrape(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily>;

    /// The same, compressed with gzip.
    fn scrape_compressed(
        &self,
        format: Format,
        families: &[Pattern],
    ) -> Result<CompressedChunks, UnknownFamily> {
        Ok(Box::new(Gzip::new(self.scrape(format, families)?)))
    }

    /// Whether every target was read.
    fn readiness(&self) -> readiness::State;

    /// The state of all targets.
    fn store(&self) -> &Store;

    /// The exporter itself, and its configuration.
    fn exporter(&self) -> ExporterFacts;

    /// The finished runs of a workload that the history has. Reads a file, so it is not called on the task of a connection.
    fn past_runs(&self, target: Option<&str>, workload: &WorkloadId) -> PastRuns;
}

/// The data of the exporter.
#[derive(Debug)]
pub struct ExporterData {
    metrics: Arc<Metrics>,
    store: Arc<Store>,
    readiness: Arc<Readiness>,
    record: Arc<ExporterRecord>,
    /// `None` if no history is configured.
    history: Option<RunReader>,
}

impl ExporterData {
    /// Combines the sources of the data.
    #[must_use]
    pub fn new(
        metrics: impl Into<Arc<Metrics>>,
        store: Arc<Store>,
        readiness: Arc<Readiness>,
        record: Arc<ExporterRecord>,
    ) -> Self {
        Self {
            metrics: metrics.into(),
            store,
            readiness,
            record,
            history: None,
        }
    }

    /// Adds the runs that the history has.
    #[must_use]
    pub fn with_history(self, history: RunReader) -> Self {
        Self {
            history: Some(history),
            ..self
        }
    }
}

impl PageData for ExporterData {
    fn scrape(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        let scrape = self.metrics.scrape_families(format, families)?;
        Ok(Box::new(scrape))
    }

    fn scrape_compressed(
        &self,
        format: Format,
        families: &[Pattern],
    ) -> Result<CompressedChunks, UnknownFamily> {
        Ok(match self.metrics.scrape_compressed(format, families)? {
            Some(scrape) => Box::new(scrape),
            None => Box::new(Gzip::new(self.scrape(format, families)?)),
        })
    }

    fn readiness(&self) -> readiness::State {
        self.readiness.state()
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn exporter(&self) -> ExporterFacts {
        self.record.facts()
    }

    fn past_runs(&self, target: Option<&str>, workload: &WorkloadId) -> PastRuns {
        let Some(history) = &self.history else {
            return PastRuns::NoHistory;
        };
        match history.runs(target, workload, WorkloadDetail::MAX_RUNS) {
            Ok(runs) => PastRuns::Known(runs),
            Err(error) => PastRuns::Unreadable(with_cause(&error)),
        }
    }
}

/// The message of an error with that of its cause.
fn with_cause(error: &ReadError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
