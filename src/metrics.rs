//! Metric families as tables of rows, rendered to two text formats or protobuf in bounded chunks.
//!
//! Every scrape renders one snapshot. Each module depends only on the ones above it:
//! - `format`: the formats.
//! - `labels`: labels that the configuration maps from the objects.
//! - `registry`: the metrics of this process, through the `prometheus` crate.
//! - `snapshot`: everything that one scrape shows.
//! - `table`: tables, rows and samples.
//! - `families`: all tables, and the list of them.
//! - `selection`: which families a scrape shows.
//! - `deflate`: compressed pieces that are stitched into one gzip member.
//! - `cache`: the compressed blocks of earlier scrapes.
//! - `walk`: the loop over families, sections and blocks.
//! - `render`: a scrape as text.
//! - `compressed`: a scrape as gzip, which compresses only what changed.
//! - `reference`: `docs/metrics.md`, from the same tables.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::RwLock;

use crate::{
    config::Pattern,
    history::HistoryStatus,
    model::Shard,
    store::{Store, TargetSnapshot},
};

mod cache;
mod compressed;
mod deflate;
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
mod walk;

use cache::BlockCache;
use registry::{ProcessSnapshot, Registry};
use render::ScrapeTimer;
use selection::FamilySelection;
use snapshot::{ProbeSnapshot, ScrapeSnapshot};
use table::View;
use walk::Walk;

pub use compressed::CompressedScrape;
pub use format::Format;
pub use reference::reference;
pub use render::Scrape;
pub use selection::{MetricsSettings, UnknownFamily};

/// What may be kept for each block of 1,024 records by default, in bytes. All families of a Job take about 130 bytes per format,
/// those of kube-state-metrics 80 more, and those of a workload 500.
const BLOCK_BUDGET: usize = 1 << 19;

/// Everything that `/metrics` shows.
#[derive(Debug)]
pub struct Metrics {
    store: Arc<Store>,
    history: Option<Arc<HistoryStatus>>,
    registry: Arc<Registry>,
    cache: Arc<BlockCache>,
    /// How many log lines were dropped so far.
    dropped_log_lines: fn() -> u64,
    /// How many events were dropped so far.
    dropped_events: fn() -> u64,
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
            cache: Arc::default(),
            dropped_log_lines: || 0,
            dropped_events: || 0,
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
        self.cache.clear();
    }

    /// Drops what is kept for scrapes when none comes any more. Never ends.
    pub async fn drop_unused(self: Arc<Self>) {
        loop {
            tokio::time::sleep(cache::SWEEP_INTERVAL).await;
            self.cache.drop_unused();
        }
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

    /// Adds the number of events that were dropped, as `count` returns it at each scrape.
    #[must_use]
    pub fn with_dropped_events(self, count: fn() -> u64) -> Self {
        Self {
            dropped_events: count,
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
        Ok(self.start(format, self.selected(patterns)?))
    }

    /// The same as one gzip member, which keeps what it compresses for the next scrape. `None` if nothing may be kept.
    pub fn scrape_compressed(
        &self,
        format: Format,
        patterns: &[Pattern],
    ) -> Result<Option<CompressedScrape>, UnknownFamily> {
        let start = Instant::now();
        let selected = self.selected(patterns)?;
        if selected.settings.cache_size == Some(0) {
            return Ok(None);
        }
        let snapshot = self.snapshot(selected.settings.shard);
        let budget = cache_budget(selected.settings.cache_size, &snapshot);
        let timer = ScrapeTimer::new(self.registry.clone(), start);
        let walk = selected.walk(format, snapshot);
        let cache = self.cache.clone();
        Ok(Some(CompressedScrape::new(walk, cache, budget, timer)))
    }

    /// The size in bytes of what is kept for scrapes.
    #[must_use]
    pub fn cache_size(&self) -> usize {
        self.cache.size()
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
        let mut selected = self.selected.read().clone();
        selected.families = FamilySelection::of_probe(&selected.settings);
        Scrape::new(selected.walk(format, snapshot), ScrapeTimer::default())
    }

    /// What a scrape of the families that match `patterns` shows.
    fn selected(&self, patterns: &[Pattern]) -> Result<Selected, UnknownFamily> {
        let mut selected = self.selected.read().clone();
        if !patterns.is_empty() {
            selected.families = selected.families.narrowed(patterns)?;
        }
        Ok(selected)
    }

    fn snapshot(&self, shard: Option<Shard>) -> ScrapeSnapshot {
        ScrapeSnapshot {
            targets: self.store.snapshot(),
            history: self.history.as_deref().map(HistoryStatus::snapshot),
            process: ProcessSnapshot {
                shard,
                dropped_log_lines: (self.dropped_log_lines)(),
                dropped_events: (self.dropped_events)(),
                ..self.registry.snapshot()
            },
            probe: None,
        }
    }

    fn start(&self, format: Format, selected: Selected) -> Scrape {
        let start = Instant::now();
        let snapshot = self.snapshot(selected.settings.shard);
        let timer = ScrapeTimer::new(self.registry.clone(), start);
        Scrape::new(selected.walk(format, snapshot), timer)
    }
}

/// The most bytes that may be kept for scrapes. The default is enough for all families of all objects in two formats.
fn cache_budget(configured: Option<u64>, snapshot: &ScrapeSnapshot) -> usize {
    if let Some(configured) = configured {
        return usize::try_from(configured).unwrap_or(usize::MAX);
    }
    let records = |target: &TargetSnapshot| {
        let TargetSnapshot {
            jobs,
            cronjobs,
            workloads,
            ..
        } = target;
        let blocks = jobs.blocks() + cronjobs.blocks() + workloads.blocks();
        blocks * BLOCK_BUDGET
    };
    snapshot.targets.iter().map(records).sum()
}

impl Selected {
    /// The walk through the blocks of a snapshot.
    fn walk(self, format: Format, snapshot: ScrapeSnapshot) -> Walk {
        let view = View {
            format,
            label_scope: self.settings.label_scope,
        };
        Walk::new(view, self.families, snapshot)
    }

    fn new(settings: &MetricsSettings, has_history: bool) -> Self {
        Self {
            families: FamilySelection::new(settings, has_history),
            settings: settings.clone(),
        }
    }
}
