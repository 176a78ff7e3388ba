//! Metric families as tables of rows, rendered to the two text formats in bounded chunks.
//!
//! Each table ([`job`], [`cronjob`], [`workload`], [`ksm`], [`target`]) says what its families are called and how a
//! record of the store becomes samples; [`own`] adds what the `prometheus` registry knows of this process. [`Scrape`]
//! walks family by family over all targets, since a family must stand in one piece, and renders one block of records at
//! a time.

use std::{
    iter::FusedIterator,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::{
    config::{FamilyFilter, Pattern},
    history::{Status, StatusSnapshot},
    model::{CronJob, Job},
    store::{ConfiguredJob, CronJobRecord, Store, TargetSnapshot, WorkloadRecord},
};

mod cronjob;
mod example;
mod family;
mod history;
mod job;
mod ksm;
mod label;
mod mapped;
mod own;
mod reference;
mod samples;
mod selection;
mod target;
mod timetable;
mod value;
mod workload;
mod writer;

use family::{Family, Table, View};
use own::Own;
use selection::Selection;

pub use mapped::Labels;
pub use reference::reference;
pub use selection::{MetricsSettings, UnknownFamily};

/// A chunk is handed out as soon as it has this many bytes; what one block adds on top stays bounded too.
const CHUNK: usize = 64 * 1024;

/// Room for a chunk and the block that completes it, at usual lengths of names.
const PAGE: usize = 4 * CHUNK;

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
pub struct Metrics {
    /// The facts.
    store: Arc<Store>,
    /// What is shown of them.
    selection: Selection,
    /// With which labels from the objects.
    labels: Arc<Labels>,
    /// How the history is doing, if there is one.
    history: Option<Arc<Status>>,
    /// What is shown of this process.
    own: Arc<Own>,
}

/// One scrape: an iterator over chunks of the response, each rendered when it is asked for.
///
/// It works on a snapshot, so it is consistent however slowly it is read, and holds no lock. Beside the snapshot it
/// holds one chunk, and uses that memory again once the reader has dropped the chunk.
#[derive(Debug)]
pub struct Scrape {
    format: Format,
    selection: Selection,
    labels: Arc<Labels>,
    slices: Vec<TargetSnapshot>,
    history: Option<StatusSnapshot>,
    own: Arc<Own>,
    /// What is rendered and not handed out yet.
    page: BytesMut,
    position: Position,
    /// Time spent here, not in whatever the reader does between chunks.
    rendering: Duration,
}

/// Where a scrape is: what is rendered next.
#[derive(Debug, Default)]
struct Position {
    family: usize,
    slice: usize,
    block: usize,
    /// Whether the family's header is written. It waits for the first sample: empty families are left out.
    headed: bool,
    /// Whether there is nothing left.
    done: bool,
}

/// All families of facts that there are by these settings, in the order in which they are shown.
fn families(settings: &MetricsSettings) -> impl Iterator<Item = &'static dyn Family> {
    fn rows<T: Table>() -> impl Iterator<Item = &'static dyn Family> {
        T::ROWS.iter().map(|row| row as &dyn Family)
    }
    let MetricsSettings {
        per_job,
        kube_state_metrics,
        ..
    } = *settings;
    let mirrored = rows::<ksm::KsmJobs>().chain(rows::<ksm::KsmCronJobs>());
    rows::<Job>()
        .filter(move |_| per_job)
        .chain(rows::<ConfiguredJob>())
        .chain(rows::<CronJob>())
        .chain(rows::<CronJobRecord>())
        .chain(rows::<WorkloadRecord>())
        .chain(mirrored.filter(move |_| kube_state_metrics))
        .chain(rows::<TargetSnapshot>())
}

// === impl Format ===

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

// === impl Exposition ===

impl Metrics {
    /// Shows what is in `store`, as `settings` have it, and this process's own metrics.
    #[must_use]
    pub fn new(store: Arc<Store>, settings: &MetricsSettings) -> Self {
        Self {
            store,
            selection: Selection::new(settings),
            labels: Arc::new(settings.labels.clone()),
            history: None,
            own: Arc::new(Own::of_this_process()),
        }
    }

    /// The same, and how the history is doing.
    #[must_use]
    pub fn with_history(self, history: Arc<Status>) -> Self {
        Self {
            history: Some(history),
            ..self
        }
    }

    /// The configured patterns that match no family there could be: probably misspelt.
    #[must_use]
    pub fn idle_patterns(&self, patterns: &FamilyFilter) -> Vec<String> {
        let everything = MetricsSettings {
            per_job: true,
            kube_state_metrics: true,
            ..MetricsSettings::default()
        };
        let facts = families(&everything).map(|family| family.name().to_owned());
        let history = history::names().map(str::to_owned);
        let names: Vec<String> = facts.chain(history).chain(self.own.names()).collect();
        let patterns = patterns.include.iter().chain(&patterns.exclude);
        let idle = patterns.filter(|pattern| !names.iter().any(|name| pattern.matches(name)));
        idle.map(ToString::to_string).collect()
    }

    /// Begins a scrape.
    #[must_use]
    pub fn scrape(&self, format: Format) -> Scrape {
        self.begin(format, self.selection.clone())
    }

    /// Begins a scrape of families with these names; of all where none is given.
    pub fn scrape_families(
        &self,
        format: Format,
        asked: &[Pattern],
    ) -> Result<Scrape, UnknownFamily> {
        // Nearly all scrapes: the names need not be known, which takes asking the system about this process.
        if asked.is_empty() {
            return Ok(self.scrape(format));
        }
        let history = self.history.iter().flat_map(|_| history::names());
        let history = history.map(str::to_owned);
        let others: Vec<String> = self.own.names().chain(history).collect();
        let selection = self.selection.narrowed(asked, &others)?;
        Ok(self.begin(format, selection))
    }

    fn begin(&self, format: Format, selection: Selection) -> Scrape {
        let began = Instant::now();
        Scrape {
            format,
            selection,
            labels: self.labels.clone(),
            slices: self.store.snapshot(),
            history: self.history.as_deref().map(Status::snapshot),
            own: self.own.clone(),
            page: BytesMut::new(),
            position: Position::default(),
            rendering: began.elapsed(),
        }
    }
}

// === impl Scrape ===

impl Scrape {
    /// Renders the next block, or moves on to where there is one.
    fn advance(&mut self) {
        let position = &mut self.position;
        let Some(&family) = self.selection.families.get(position.family) else {
            let shows = |family: &str| self.selection.selects(family);
            if let Some(snapshot) = &self.history {
                history::render(snapshot, self.format, shows, &mut self.page);
            }
            self.own.render(self.format, shows, &mut self.page);
            writer::end(self.format, &mut self.page);
            position.done = true;
            return;
        };
        let Some(slice) = self.slices.get(position.slice) else {
            *position = Position {
                family: position.family + 1,
                ..Position::default()
            };
            return;
        };
        if position.block == family.blocks(slice) {
            position.slice += 1;
            position.block = 0;
            return;
        }
        let start = self.page.len();
        if !position.headed {
            let (name, kind, help) = (family.name(), family.kind(), family.help());
            writer::header(self.format, name, kind, help, &mut self.page);
        }
        let samples = self.page.len();
        let view = View {
            format: self.format,
            labels: &self.labels,
            date: slice.date.as_second(),
        };
        family.render(view, slice, position.block, &mut self.page);
        if self.page.len() == samples {
            self.page.truncate(start);
        } else {
            position.headed = true;
        }
        position.block += 1;
    }
}

impl Iterator for Scrape {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.position.done {
            return None;
        }
        let began = Instant::now();
        self.page.reserve(PAGE);
        while self.page.len() < CHUNK && !self.position.done {
            self.advance();
        }
        self.rendering += began.elapsed();
        if self.position.done {
            self.own.observe(self.rendering);
        }
        Some(self.page.split().freeze())
    }
}

impl FusedIterator for Scrape {}
