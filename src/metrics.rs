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

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;

use crate::{
    config::Pattern,
    history::HistoryStatus,
    store::{Store, TargetSnapshot},
};

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

use registry::{ProcessSnapshot, Registry};
use selection::FamilySelection;
use snapshot::{ProbeSnapshot, ScrapeSnapshot};

pub use format::Format;
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
    /// What the configuration selects. A reload replaces it.
    selected: RwLock<Selected>,
}

/// What the configuration selects for all scrapes.
#[derive(Clone, Debug)]
struct Selected {
    settings: MetricsSettings,
    /// The families that the settings select.
    families: FamilySelection,
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
            selected: RwLock::new(Selected::new(settings, false)),
        }
    }

    /// Adds the metrics of the history.
    #[must_use]
    pub fn with_history(mut self, history: Arc<HistoryStatus>) -> Self {
        self.history = Some(history);
        let settings = self.selected.get_mut().settings.clone();
        self.configure(&settings);
        self
    }

    /// Selects what other settings select, from the next scrape on.
    pub fn configure(&self, settings: &MetricsSettings) {
        *self.selected.write() = Selected::new(settings, self.history.is_some());
    }

    /// Records whether the configuration in force is the one in the files, as of now. It is at the start.
    pub fn set_config_loaded(&self, loaded: bool) {
        self.registry.set_config_loaded(loaded);
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
        self.start(format, self.selected.read().clone())
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
        let mut selected = self.selected.read().clone();
        selected.families = selected.families.narrowed(patterns)?;
        Ok(self.start(format, selected))
    }

    /// The page of a probe. `target` is a view that has only the Job, and `success` says whether its state is known.
    #[must_use]
    pub fn probe(
        &self,
        format: Format,
        target: TargetSnapshot,
        success: bool,
        duration: Duration,
    ) -> Scrape {
        let snapshot = ScrapeSnapshot {
            targets: vec![target],
            history: None,
            process: ProcessSnapshot::default(),
            probe: Some(ProbeSnapshot { success, duration }),
        };
        let selected = self.selected.read();
        let families = FamilySelection::of_probe(&selected.settings);
        Scrape::new(format, families, selected.settings.label_scope, snapshot)
    }

    fn start(&self, format: Format, selected: Selected) -> Scrape {
        let start = Instant::now();
        let snapshot = ScrapeSnapshot {
            targets: self.store.snapshot(),
            history: self.history.as_deref().map(HistoryStatus::snapshot),
            process: self.registry.snapshot((self.dropped_log_lines)()),
            probe: None,
        };
        let Selected { settings, families } = selected;
        Scrape::new(format, families, settings.label_scope, snapshot)
            .observed_by(self.registry.clone(), start)
    }
}

impl Selected {
    fn new(settings: &MetricsSettings, has_history: bool) -> Self {
        Self {
            families: FamilySelection::new(settings, has_history),
            settings: settings.clone(),
        }
    }
}
