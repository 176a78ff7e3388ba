//! Keeps finished runs and the totals of workloads in a file, so that they survive restarts.
//!
//! The store appends entries to one [`Journal`] per target. They wait in the [`WriteQueue`] until the [`Writer`], a dedicated
//! thread, commits them to the [`file`](mod@file). At the next start the store continues from the [`RestoredState`]. While
//! the file cannot be written, everything else works as usual.
//!
//! The writer asks the store, by [`StoreLookup`], which rows it may delete.

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
    model::{self, Journal, Name, RestoredState, START_DELAY_BOUNDS, StoreLookup},
};

mod check;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod identity;
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
    /// Workloads that are gone and are kept, for each target.
    pub gone_workloads: usize,
    /// Upper bounds of the duration histograms.
    pub run_duration_buckets: Arc<[f64]>,
    /// Names of the configured labels, in the order of their values.
    pub label_names: Arc<[String]>,
}

/// The open file and its writer.
#[derive(Debug)]
pub struct History {
    queue: Arc<WriteQueue>,
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
            gone_workloads: config.limits.workloads,
            run_duration_buckets: config.metrics.run_duration_buckets.clone().into(),
            label_names: config.labels.names().collect(),
        })
    }
}

impl History {
    /// Checks that the path is valid and its permissions suffice. Leaves the file as it is, also while another process uses
    /// it. A disk that fails is no problem of the configuration.
    pub fn check(settings: &HistorySettings) -> Result<(), Error> {
        match check::check(&settings.path) {
            Err(source) if file::is_about_path(&source) => Err(Error::Path {
                path: settings.path.clone(),
                source,
            }),
            _ => Ok(()),
        }
    }

    /// Opens or creates the file for these targets and starts the writer. Blocks while it reads the file.
    ///
    /// A failing disk is not an error: the writer tries again, and `HistoryStatus::up` is false until it succeeds.
    pub fn open(settings: &HistorySettings, targets: &[Option<Name>]) -> Result<Self, Error> {
        Self::open_with(settings, targets, file::open_database())
    }

    fn open_with(
        settings: &HistorySettings,
        targets: &[Option<Name>],
        open_database: OpenDatabase,
    ) -> Result<Self, Error> {
        let name = |target: &Option<Name>| target.as_deref().unwrap_or_default().to_owned();
        let location = Location {
            path: settings.path.clone(),
            targets: targets.iter().map(name).collect(),
            bounds: Bounds {
                run_duration: settings.run_duration_buckets.to_vec(),
                start_delay: START_DELAY_BOUNDS.to_vec(),
            },
            label_names: settings.label_names.clone(),
            open_database,
        };
        let path = location.path.clone();
        match location.open() {
            Ok((file, restored)) => Self::start(location, Some(file), restored, settings),
            Err(OpenError::Disk(error)) => {
                Self::start_unread(location, &error.to_string(), settings)
            }
            Err(OpenError::Content(problem)) => Self::start_unread(location, &problem, settings),
            Err(OpenError::InUse) => Err(Error::InUse { path }),
            Err(OpenError::Path(source)) => Err(Error::Path { path, source }),
            Err(OpenError::SetAside { aside, source }) => Err(Error::SetAside {
                path,
                aside,
                source,
            }),
        }
    }

    /// Starts the writer. `file` is `None` if it has to open the file later.
    fn start(
        location: Location,
        file: Option<HistoryFile>,
        restored: Vec<RestoredState>,
        settings: &HistorySettings,
    ) -> Result<Self, Error> {
        let status = Arc::new(HistoryStatus::default());
        if let Some(file) = &file {
            status.up.store(true, Relaxed);
            status.runs.store(file.runs, Relaxed);
            status.file_size.store(file.size(), Relaxed);
        } else {
            status.errors.fetch_add(1, Relaxed);
        }
        let path = location.path.clone();
        let queue = Arc::new(WriteQueue::new(location.targets.len(), status.clone()));
        let ended = CancellationToken::new();
        let guard = ended.clone().drop_guard();
        let writer = Writer::new(queue.clone(), location, file, settings, guard);
        thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::Thread)?;
        Ok(Self {
            queue,
            status,
            ended,
            path,
            restored,
        })
    }

    /// Starts the writer without a file, because the disk fails. The state of earlier processes follows when it works again.
    fn start_unread(
        location: Location,
        problem: &str,
        settings: &HistorySettings,
    ) -> Result<Self, Error> {
        tracing::error!(
            path = %location.path.display(),
            error = problem,
            "history file cannot be opened, trying again: the counters of workloads are not shown until it can"
        );
        let delayed = || RestoredState {
            delayed: true,
            ..empty_state()
        };
        let restored = location.targets.iter().map(|_| delayed()).collect();
        Self::start(location, None, restored, settings)
    }

    /// Returns the restored state and the journal of the target at this position. The state is returned once only.
    pub fn target(&mut self, position: usize) -> (RestoredState, Arc<dyn Journal>) {
        let restored = self.restored.get_mut(position).map(mem::take);
        let journal = TargetJournal::new(self.queue.clone(), position);
        (restored.unwrap_or_else(empty_state), Arc::new(journal))
    }

    /// Gives the writer the store of the target at this position. Until then it deletes nothing of the target.
    ///
    /// The reference is weak because the store owns the journal, and with it the queue.
    pub fn attach(&self, position: usize, store: Weak<dyn StoreLookup>) {
        self.queue.attach(position, store);
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
        self.queue.close();
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
