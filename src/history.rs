//! The memory that survives the process: finished runs and the totals of workloads, in one file.
//!
//! The store tells a [`Journal`] per target what must not be lost; it waits at the [`queue`] until the [`writer`], a thread of
//! its own, has it in the [`file`](mod@file). What was in the file at the start is the [`RestoredState`] with which the store goes
//! on. While the file cannot be written, everything else goes on as usual.

use std::{
    io, mem,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    config,
    model::{self, Journal, Name, NoopJournal, RestoredState, START_DELAY_BOUNDS, UID_RETENTION},
};

mod file;
mod pending;
mod prune;
mod rows;
mod status;
mod transaction;
mod worker;
mod write_queue;

pub use status::{Status, StatusSnapshot};

use file::{OpenError, Place};
use rows::Bounds;
use worker::Writer;
use write_queue::{TargetJournal, WriteQueue};

/// What is kept, and where.
#[derive(Clone, Debug)]
pub struct HistorySettings {
    /// The file.
    pub path: PathBuf,
    /// So many runs of each workload are kept, and those that the API still shows.
    pub runs_per_workload: u32,
    /// What ended or left this long ago is taken out.
    pub max_age: Duration,
    /// Upper bounds of the histograms of durations that are to be kept.
    pub run_duration_buckets: Arc<[f64]>,
}

/// The file, with its writer at work.
#[derive(Debug)]
pub struct History {
    /// `None` where the disk gave nothing to begin with: then this process has no history.
    queue: Option<Arc<WriteQueue>>,
    status: Arc<Status>,
    ended: CancellationToken,
    path: PathBuf,
    memories: Vec<RestoredState>,
}

/// Why there can be no history.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two processes that count for themselves cannot share it.
    #[error("history file {}: it is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The path is wrong, or what is there may not be used.
    #[error("open history file {}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The file is of no use, and cannot be set aside.
    #[error("set history file {}, which is of no use, aside as {}", path.display(), aside.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// What it should be called.
        aside: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The system gives no thread.
    #[error("start the thread that writes the history")]
    Thread(#[source] io::Error),
}

impl HistorySettings {
    /// What the configuration says, if it wants a history.
    #[must_use]
    pub fn of(settings: &config::Config) -> Option<Self> {
        let history = settings.history.as_ref()?;
        Some(Self {
            path: history.path.clone(),
            runs_per_workload: history.runs_per_workload,
            max_age: history.max_age,
            run_duration_buckets: settings.metrics.run_duration_buckets.clone().into(),
        })
    }
}

impl History {
    /// Opens the file for these targets, in their order, or begins it, and starts its writer. Blocks while it reads.
    ///
    /// A disk that fails is no reason to be without metrics: then this process has no history, and says so.
    pub fn open(settings: HistorySettings, targets: &[Option<Name>]) -> Result<Self, Error> {
        Self::begin(settings, targets, Place::opener())
    }

    fn begin(
        settings: HistorySettings,
        targets: &[Option<Name>],
        opener: file::Opener,
    ) -> Result<Self, Error> {
        let HistorySettings {
            path,
            runs_per_workload,
            max_age,
            run_duration_buckets,
        } = settings;
        let name = |target: &Option<Name>| target.as_deref().unwrap_or_default().to_owned();
        let place = Place {
            path: path.clone(),
            targets: targets.iter().map(name).collect(),
            bounds: Bounds {
                run_duration: run_duration_buckets.to_vec(),
                start_delay: START_DELAY_BOUNDS.to_vec(),
            },
            opener,
        };
        let status = Arc::new(Status::default());
        let ended = CancellationToken::new();
        let (file, memories) = match place.open() {
            Ok(found) => found,
            Err(OpenError::InUse) => return Err(Error::InUse { path }),
            Err(OpenError::Path(source)) => return Err(Error::Path { path, source }),
            Err(OpenError::SetAside { aside, source }) => {
                return Err(Error::SetAside {
                    path,
                    aside,
                    source,
                });
            }
            Err(error @ (OpenError::Disk(_) | OpenError::Content(_))) => {
                tracing::error!(
                    path = %path.display(),
                    %error,
                    "the history cannot be read: nothing is kept until the next start, and counters begin at 0"
                );
                status.errors.fetch_add(1, Relaxed);
                return Ok(Self {
                    queue: None,
                    status,
                    ended,
                    path,
                    memories: targets.iter().map(|_| fresh_memory()).collect(),
                });
            }
        };
        status.up.store(true, Relaxed);
        status.runs.store(file.runs, Relaxed);
        status.file_size.store(file.size(), Relaxed);
        let queue = Arc::new(WriteQueue::new(
            targets.len(),
            UID_RETENTION,
            status.clone(),
        ));
        let limits = (runs_per_workload, max_age);
        let guard = ended.clone().drop_guard();
        let writer = Writer::new(queue.clone(), place, file, limits, guard);
        thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run())
            .map_err(Error::Thread)?;
        Ok(Self {
            queue: Some(queue),
            status,
            ended,
            path,
            memories,
        })
    }

    /// What is remembered of a target, by its position, and where its store is to note what happens. The memory is given once.
    pub fn target(&mut self, position: usize) -> (RestoredState, Arc<dyn Journal>) {
        let memory = self.memories.get_mut(position).map(mem::take);
        let journal: Arc<dyn Journal> = match &self.queue {
            Some(queue) => Arc::new(TargetJournal::new(queue.clone(), position)),
            None => Arc::new(NoopJournal),
        };
        (memory.unwrap_or_else(fresh_memory), journal)
    }

    /// How the file is doing.
    #[must_use]
    pub fn status(&self) -> Arc<Status> {
        self.status.clone()
    }

    /// Waits for the writer to end. It does so only when it is asked to, or by a defect.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        self.ended.clone().cancelled_owned()
    }

    /// Has everything written and the file closed, if that takes no longer than `deadline`.
    pub async fn close(self, deadline: Duration) {
        let Some(queue) = self.queue else {
            return;
        };
        queue.close();
        if timeout(deadline, self.ended.cancelled()).await.is_err() {
            tracing::warn!(
                path = %self.path.display(),
                "the history was not closed in time: what was not written is read again at the next start, if it is still there"
            );
        }
    }
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some(
                "each process needs a `history.path` of its own; when one takes the place of another, the first must have ended",
            ),
            Self::Path { .. } => Some(
                "`history.path` is a file in a directory that exists, both of which this process may write",
            ),
            Self::SetAside { .. } | Self::Thread(_) => None,
        }
    }

    /// Whether the configuration is to blame.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Path { .. } | Self::SetAside { .. })
    }
}

fn fresh_memory() -> RestoredState {
    RestoredState {
        since: model::now().as_second(),
        ..RestoredState::default()
    }
}

#[cfg(test)]
mod tests;
