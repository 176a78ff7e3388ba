//! What the server has to show, and where it comes from.
//!
//! The seam between the server and the stages before it, so that the server is tested with pages of the test's own.
//! Invariant: a page is made from memory. Nothing here waits for an API.

use std::sync::Arc;

use bytes::Bytes;

use crate::{
    config::Pattern,
    metrics::{Format, Metrics, UnknownFamily},
    model::Name,
    server::readiness::{self, Readiness},
    store::{Store, TargetStatus},
};

/// A response in parts.
pub type Chunks = Box<dyn Iterator<Item = Bytes> + Send>;

/// What there is to show. Each is asked for once per request, on the connection's task, so answers come at once.
pub trait Pages: Send + Sync + 'static {
    /// Begins a scrape of these families, or of all when none is named. Chunks are made when asked for; one should take
    /// at most a few milliseconds.
    fn metrics(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily>;

    /// Whether scrapes give a full picture.
    fn readiness(&self) -> readiness::State;

    /// The targets, for people.
    fn targets(&self) -> Vec<TargetLine>;
}

/// A target on the landing page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetLine {
    /// Its name; `None` for the single unnamed one.
    pub name: Option<Name>,
    /// How it is doing.
    pub status: TargetStatus,
}

/// The pages of the exporter.
#[derive(Debug)]
pub struct ExporterPages {
    metrics: Metrics,
    store: Arc<Store>,
    readiness: Arc<Readiness>,
}

impl ExporterPages {
    /// Shows these.
    #[must_use]
    pub fn new(metrics: Metrics, store: Arc<Store>, readiness: Arc<Readiness>) -> Self {
        Self {
            metrics,
            store,
            readiness,
        }
    }
}

impl Pages for ExporterPages {
    fn metrics(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        let scrape = self.metrics.scrape_families(format, families)?;
        Ok(Box::new(scrape))
    }

    fn readiness(&self) -> readiness::State {
        self.readiness.state()
    }

    fn targets(&self) -> Vec<TargetLine> {
        self.store
            .snapshot()
            .into_iter()
            .map(|slice| TargetLine {
                name: slice.target,
                status: slice.status,
            })
            .collect()
    }
}
