//! Keeps finished runs and the totals of workloads in a file, so that they survive restarts.
//!
//! The store appends entries to one [`Journal`] per target. They wait in the [`WriteQueue`] until the [`Writer`], a dedicated
//! thread, commits them to the [`file`](mod@file). At the next start the store continues from the [`RestoredState`]. While
//! the file cannot be written, everything else works as usual.
//!
//! The writer asks the store, by [`CountedRunLookup`], which rows it may delete.

use std::{
    io, mem,
    path::PathBuf,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    config,
    model::{
        self, CountedRunLookup, Journal, Name, NoopJournal, RestoredState, START_DELAY_BOUNDS,
    },
};

mod check;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod migrate;
mod pending;
mod prune;
mod rows;
mod status;
mod transaction;
mod worker;
mod write_queue;

pub use status::{HistoryStatus, StatusSnapshot};

use file::{HistoryFile, Location, OpenDatabase, OpenError};
use rows::Bounds;
use worker::Writer;
use write_queue::{TargetJournal, WriteQueue};

/// The settings of the history.
#[derive(Clone, Debug)]
pub struct HistorySettings {
    /// Path of the file.
    pub path: PathBuf,
    /// The latest runs of each workload that are kept. Runs that the store counts are kept in addition.
    pub runs_per_workload: u32,
    /// Age at which ended runs, and workloads and targets that are gone, are deleted.
    pub max_age: Duration,
    /// Upper bounds of the duration histograms.
    pub run_duration_buckets: Arc<[f64]>,
    /// Names of the configured labels, in the order of their values.
    pub label_names: Arc<[String]>,
}

/// The open file and its writer.
#[derive(Debug)]
pub struct History {
    /// `None` if the disk failed at the start: then this process has no history.
    queue: Option<Arc<WriteQueue>>,
    status: Arc<HistoryStatus>,
    /// Cancelled when the writer ends.
    ended: CancellationToken,
    path: PathBuf,
    /// By position of the target.
    restored: Vec<RestoredState>,
}

/// Why the history cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process uses the file. Two processes that count separately cannot share it.
    #[error("history file {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The path is invalid, or a permission is missing.
    #[error("open history file {}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is invalid and cannot be renamed.
    #[error("rename invalid history file {} to {}", path.display(), aside.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// The new name.
        aside: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The system cannot start a thread.
    #[error("start the history thread")]
    Thread(#[source] io::Error),
}

impl HistorySettings {
    /// The settings from the configuration; `None` if no history is configured.
    #[must_use]
    pub fn from_config(config: &config::Config) -> Option<Self> {
        let history = config.history.as_ref()?;
        Some(Self {
            path: history.path.clone(),
            runs_per_workload: history.runs_per_workload,
            max_age: history.max_age,
            run_duration_buckets: config.metrics.run_duration_buckets.clone().into(),
            label_names: config.labels.names().collect(),
        })
    }
}

impl History {
    /// Checks that the file can be opened or created. Leaves it as it is, also while another process uses it.
    pub fn check(settings: &HistorySettings) -> Result<(), Error> {
        check::check(&settings.path).map_err(|source| Error::Path {
            path: settings.path.clone(),
            source,
        })
    }

    /// Opens or creates the file for these targets and starts the writer. Blocks while it reads the file.
    ///
    /// A failing disk is not an error: the process runs without a history, and `HistoryStatus::up` is false.
    pub fn open(settings: HistorySettings, targets: &[Option<Name>]) -> Result<Self, Error> {
        Self::open_with(settings, targets, file::open_database())
    }

    fn open_with(
        settings: HistorySettings,
        targets: &[Option<Name>],
        open_database: OpenDatabase,
    ) -> Result<Self, Error> {
        let name = |target: &Option<Name>| target.as_deref().unwrap_or_default().to_owned();
        let location = Location {
            path: settings.path,
            targets: targets.iter().map(name).collect(),
            bounds: Bounds {
                run_duration: settings.run_duration_buckets.to_vec(),
                start_delay: START_DELAY_BOUNDS.to_vec(),
            },
            label_names: settings.label_names,
            open_database,
        };
        let limits = (settings.runs_per_workload, settings.max_age);
        let path = location.path.clone();
        match location.open() {
            Ok((file, restored)) => Self::start(location, file, restored, limits),
            Err(OpenError::Disk(error)) => Ok(Self::unavailable(location, &error.to_string())),
            Err(OpenError::Content(problem)) => Ok(Self::unavailable(location, &problem)),
            Err(OpenError::InUse) => Err(Error::InUse { path }),
            Err(OpenError::Path(source)) => Err(Error::Path { path, source }),
            Err(OpenError::SetAside { aside, source }) => Err(Error::SetAside {
                path,
                aside,
                source,
            }),
        }
    }

    /// Starts the writer of an open file.
    fn start(
        location: Location,
        file: HistoryFile,
        restored: Vec<RestoredState>,
        limits: (u32, Duration),
    ) -> Result<Self, Error> {
        let status = Arc::new(HistoryStatus::default());
        status.up.store(true, Relaxed);
        status.runs.store(file.runs, Relaxed);
        status.file_size.store(file.size(), Relaxed);
        let path = location.path.clone();
        let queue = Arc::new(WriteQueue::new(location.targets.len(), status.clone()));
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let writer = Writer::new(queue.clone(), location, file, limits, guard);
        thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::Thread)?;
        Ok(Self {
            queue: Some(queue),
            status,
            ended,
            path,
            restored,
        })
    }

    /// A history that keeps nothing, because the file cannot be read.
    fn unavailable(location: Location, problem: &str) -> Self {
        tracing::error!(
            path = %location.path.display(),
            error = problem,
            "history file is unreadable: running without a history, counters restart from zero"
        );
        let status = Arc::new(HistoryStatus::default());
        status.errors.fetch_add(1, Relaxed);
        Self {
            queue: None,
            status,
            ended: CancellationToken::new(),
            path: location.path,
            restored: location.targets.iter().map(|_| empty_state()).collect(),
        }
    }

    /// Returns the restored state and the journal of the target at this position. The state is returned once only.
    pub fn target(&mut self, position: usize) -> (RestoredState, Arc<dyn Journal>) {
        let restored = self.restored.get_mut(position).map(mem::take);
        let journal: Arc<dyn Journal> = match &self.queue {
            Some(queue) => Arc::new(TargetJournal::new(queue.clone(), position)),
            None => Arc::new(NoopJournal),
        };
        (restored.unwrap_or_else(empty_state), journal)
    }

    /// Gives the writer the store of the target at this position. Until then it deletes nothing of the target.
    ///
    /// The reference is weak because the store owns the journal, and with it the queue.
    pub fn attach(&self, position: usize, store: Weak<dyn CountedRunLookup>) {
        if let Some(queue) = &self.queue {
            queue.attach(position, store);
        }
    }

    /// Returns the state of the history for metrics.
    #[must_use]
    pub fn status(&self) -> Arc<HistoryStatus> {
        self.status.clone()
    }

    /// Completes when the writer ends. Before [`Self::close`] that is a bug.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.ended.clone().cancelled_owned()
    }

    /// Commits the remaining changes and closes the file. Gives up after `deadline`.
    pub async fn close(self, deadline: Duration) {
        let Some(queue) = self.queue else {
            return;
        };
        queue.close();
        if timeout(deadline, self.ended.cancelled()).await.is_err() {
            tracing::warn!(
                path = %self.path.display(),
                "history was not closed in time: uncommitted runs are counted at the next start if their Jobs still exist"
            );
        }
    }
}

impl Error {
    /// How to fix it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some(
                "each process needs its own `history.path`; when one process replaces another, the old one must end first",
            ),
            Self::Path { .. } => Some(
                "`history.path` must name a file in an existing directory; the process needs write permission for both",
            ),
            Self::SetAside { .. } | Self::Thread(_) => None,
        }
    }

    /// Whether the configuration is the cause.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Path { .. } | Self::SetAside { .. })
    }
}

/// The state of a target that was never read before.
fn empty_state() -> RestoredState {
    RestoredState {
        since: model::now().as_second(),
        ..RestoredState::default()
    }
}

#[cfg(test)]
mod tests;
