//! Metric families as tables of rows, rendered to the two text formats in bounded chunks.

use std::sync::Arc;

use bytes::Bytes;

use crate::store::Store;

/// A text format that Prometheus reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4.
    Text,
    /// `OpenMetrics` 1.0.0.
    OpenMetrics,
}

/// Everything that `/metrics` shows.
#[derive(Debug)]
pub struct Exposition {
    /// The facts.
    store: Arc<Store>,
}

/// One scrape: an iterator over chunks of the response, each rendered when it is asked for.
///
/// It works on a snapshot, so it is consistent however slowly it is read, and holds no lock.
#[derive(Debug)]
pub struct Scrape {}

impl Format {
    /// The `Content-Type` of a response.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

impl Exposition {
    /// Shows what is in `store`, and this process's own metrics.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    /// Begins a scrape.
    #[must_use]
    pub fn scrape(&self, _format: Format) -> Scrape {
        let _ = &self.store;
        Scrape {}
    }
}

impl Iterator for Scrape {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        None
    }
}
