//! Metric families as tables of rows, rendered to the two text formats in bounded chunks.
//!
//! Every scrape renders one snapshot. Each module depends only on the ones above it:
//! - `format`: the text formats.
//! - `labels`: labels that the configuration maps from the objects.
//! - `registry`: the metrics of this process, through the `prometheus` crate.
//! - `snapshot`: everything that one scrape shows.
//! - `table`: tables, rows and samples.
//! - `families`: all tables, and the list of them.
//! - `selection`: which families a scrape shows.
//! - `render`: the loop over families, sections and blocks.
//! - `reference`: `docs/metrics.md`, from the same tables.

use std::{sync::Arc, time::Instant};

use crate::{config::Pattern, history::HistoryStatus, store::Store};

mod example;
mod families;
mod format;
mod labels;
mod reference;
mod registry;
mod render;
mod selection;
mod snapshot;
mod table;

use registry::Registry;
use selection::FamilySelection;
use snapshot::ScrapeSnapshot;

pub use format::Format;
pub use labels::Labels;
pub use reference::reference;
pub use render::Scrape;
pub use selection::{MetricsSettings, UnknownFamily};

/// Everything that `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    store: Arc<Store>,
    history: Option<Arc<HistoryStatus>>,
    registry: Arc<Registry>,
    /// How many log lines were dropped so far.
    dropped_log_lines: fn() -> u64,
    settings: MetricsSettings,
    /// The families that the settings select.
    selection: FamilySelection,
    /// The mapped labels of the settings, shared with scrapes.
    labels: Arc<Labels>,
}

impl Metrics {
    /// The metrics of `store` and of this process.
    #[must_use]
    pub fn new(store: Arc<Store>, settings: &MetricsSettings) -> Self {
        Self {
            store,
            history: None,
            registry: Arc::new(Registry::new()),
            dropped_log_lines: || 0,
            settings: settings.clone(),
            selection: FamilySelection::new(settings, false),
            labels: Arc::new(settings.labels.clone()),
        }
    }

    /// Adds the metrics of the history.
    #[must_use]
    pub fn with_history(self, history: Arc<HistoryStatus>) -> Self {
        Self {
            history: Some(history),
            selection: FamilySelection::new(&self.settings, true),
            ..self
        }
    }

    /// Adds the number of log lines that were dropped, as `count` returns it at each scrape.
    #[must_use]
    pub fn with_dropped_log_lines(self, count: fn() -> u64) -> Self {
        Self {
            dropped_log_lines: count,
            ..self
        }
    }

    /// Starts a scrape of all families.
    #[must_use]
    pub fn scrape(&self, format: Format) -> Scrape {
        self.start(format, self.selection.clone())
    }

    /// Starts a scrape of the families that match `patterns`, or of all families if there are no patterns.
    pub fn scrape_families(
        &self,
        format: Format,
        patterns: &[Pattern],
    ) -> Result<Scrape, UnknownFamily> {
        if patterns.is_empty() {
            return Ok(self.scrape(format));
        }
        let selection = self.selection.narrowed(patterns)?;
        Ok(self.start(format, selection))
    }

    fn start(&self, format: Format, selection: FamilySelection) -> Scrape {
        let start = Instant::now();
        let snapshot = ScrapeSnapshot {
            targets: self.store.snapshot(),
            history: self.history.as_deref().map(HistoryStatus::snapshot),
            process: self.registry.snapshot((self.dropped_log_lines)()),
        };
        let (labels, registry) = (self.labels.clone(), self.registry.clone());
        Scrape::new(format, selection, labels, snapshot, registry, start)
    }
}
