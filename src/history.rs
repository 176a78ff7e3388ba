//! Keeps finished runs and the totals of workloads in a [`file`](mod@file) or in PostgreSQL, so that they survive restarts.
//!
//! The store appends entries to one [`Journal`] per target. They wait in the [`WriteQueue`] until the [`Writer`], a dedicated
//! thread, writes them to the [`Storage`]. At the next start the store continues from the [`RestoredState`]. While it cannot
//! be written, everything else works as usual.
//!
//! The store also appends events of what it counts. The writer writes them to an [`EventSink`] once that is committed.
//!
//! People who look at a workload get its runs from a [`RunReader`], which reads the file beside the writer.
//!
//! Targets come and go while the file is open. The store of one that is added later gets its state from the writer, so it
//! does not wait for the disk.
//!
//! The writer asks the store, by [`StoreLookup`], which rows it may delete.

use std::{
    path::Path,
    sync::{Arc, Weak, atomic::Ordering::Relaxed},
    thread,
    time::Duration,
};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, HistoryStorage},
    model::{EventSink, Journal, Name, RestoredState, START_DELAY_BOUNDS, StoreLookup},
};

mod batch;
mod error;
mod events;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod merge;
mod pending;
#[cfg(feature = "postgres")]
mod postgres;
mod reader;
mod rows;
mod status;
mod storage;
mod transfer;
mod worker;
mod write_queue;

pub use error::Error;
pub use reader::{ReadError, RunReader};
pub use status::{HistoryStatus, StatusSnapshot};
pub use transfer::{Counts, Imported, TransferError, export, import};

use batch::AddedTarget;
use file::{DatabaseSlot, FileReader, FileStorage, Location, OpenDatabase, check};
#[cfg(feature = "postgres")]
use postgres::{PostgresReader, PostgresStorage};
use rows::Bounds;
use storage::{HistoryTarget, Restored, StartError, Storage};
use worker::Writer;
use write_queue::{TargetJournal, WriteQueue};

/// The settings of the history.
#[derive(Clone, Debug)]
pub struct HistorySettings {
    /// The file or the database. It cannot change while it is open.
    pub storage: HistoryStorage,
    /// The latest runs of each workload that are kept. Runs that the store counts are kept in addition.
    pub runs_per_workload: u32,
    /// Age at which ended runs, and workloads and targets that are gone, are deleted.
    pub max_age: Duration,
    /// Workloads that are gone and are kept, for each target.
    pub gone_workloads: usize,
    /// Upper bounds of the duration histograms. They cannot change while the file is open.
    pub run_duration_buckets: Arc<[f64]>,
    /// Names of the labels of targets that are added, in the order of their values. Those of other targets change by
    /// [`JournalEntry::Relabelled`](crate::model::JournalEntry::Relabelled).
    pub label_names: Arc<[String]>,
}

/// The open file and its writer.
#[derive(Debug)]
pub struct History {
    queue: Arc<WriteQueue>,
    status: Arc<HistoryStatus>,
    reader: RunReader,
    /// Cancelled when the writer ends.
    ended: CancellationToken,
    location: String,
}

/// Identifies a target from [`History::add`] to [`History::remove`]. A later target of the same name has another id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(u64);

/// What the history gives the store of a target.
#[derive(Debug)]
pub struct TargetHistory {
    /// Identifies the target.
    pub id: TargetId,
    /// What the store starts from.
    pub restored: RestoredState,
    /// Where the store writes.
    pub journal: Arc<dyn Journal>,
}

impl HistorySettings {
    /// The settings from the configuration; `None` if no history is configured.
    #[must_use]
    pub fn from_config(config: &config::Config) -> Option<Self> {
        let history = config.history.as_ref()?;
        Some(Self {
            storage: history.storage.clone(),
            runs_per_workload: history.runs_per_workload,
            max_age: history.max_age,
            gone_workloads: config.limits.workloads,
            run_duration_buckets: config.metrics.run_duration_buckets.clone().into(),
            label_names: config.labels.names().collect(),
        })
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            run_duration: self.run_duration_buckets.to_vec(),
            start_delay: START_DELAY_BOUNDS.to_vec(),
        }
    }
}

impl History {
    /// Checks that the path is valid and its permissions suffice, or that the URL of the database is valid. Leaves the file as it is,
    /// also while another process uses it, and connects to nothing. A disk that fails is no problem of the configuration.
    pub fn check(settings: &HistorySettings) -> Result<(), Error> {
        match &settings.storage {
            HistoryStorage::File(path) => match check::check(path) {
                Err(source) if file::is_about_path(&source) => Err(Error::Path {
                    path: path.clone(),
                    source,
                }),
                _ => Ok(()),
            },
            #[cfg(feature = "postgres")]
            HistoryStorage::Postgres(config) => PostgresStorage::check(config),
            #[cfg(not(feature = "postgres"))]
            HistoryStorage::Postgres(_) => Err(without_postgres()),
        }
    }

    /// Opens or creates the file, or connects to the database, and starts the writer. Returns what it has of these targets, in their
    /// order. Blocks while it reads. The writer writes to `events` what was counted, once that is written.
    ///
    /// A failing disk or server is not an error: the writer tries again, and `HistoryStatus::up` is false until it succeeds. The
    /// states of the targets are `delayed` then.
    pub fn open(
        settings: &HistorySettings,
        targets: &[Option<Name>],
        events: Arc<dyn EventSink>,
    ) -> Result<(Self, Vec<TargetHistory>), Error> {
        match &settings.storage {
            HistoryStorage::File(path) => {
                Self::open_file(settings, path, targets, events, file::open_database())
            }
            #[cfg(feature = "postgres")]
            HistoryStorage::Postgres(config) => {
                let storage = PostgresStorage::new(config.clone(), settings.bounds())?;
                let reader = PostgresReader::new(config).into();
                Self::open_storage(settings, targets, events, storage, reader)
            }
            #[cfg(not(feature = "postgres"))]
            HistoryStorage::Postgres(_) => Err(without_postgres()),
        }
    }

    fn open_file(
        settings: &HistorySettings,
        path: &Path,
        targets: &[Option<Name>],
        events: Arc<dyn EventSink>,
        open_database: OpenDatabase,
    ) -> Result<(Self, Vec<TargetHistory>), Error> {
        let slot = DatabaseSlot::default();
        let location = Location {
            path: path.to_owned(),
            bounds: settings.bounds(),
            open_database,
            slot: slot.clone(),
        };
        let reader = FileReader::new(slot).into();
        let storage = FileStorage::new(location);
        Self::open_storage(settings, targets, events, storage, reader)
    }

    fn open_storage(
        settings: &HistorySettings,
        targets: &[Option<Name>],
        events: Arc<dyn EventSink>,
        mut storage: impl Storage,
        reader: RunReader,
    ) -> Result<(Self, Vec<TargetHistory>), Error> {
        let status = Arc::new(HistoryStatus::default());
        let queue = Arc::new(WriteQueue::new(settings, status, events));
        let targets = targets.iter().map(|name| queue.new_target(name.as_deref()));
        let targets: Vec<_> = targets.collect();
        let restored = match storage.start(&targets.iter().collect::<Vec<_>>()) {
            Ok(restored) => restored.into_iter().map(Some).collect(),
            Err(StartError::Passing(problem)) => unread(&storage.location(), &problem, &targets),
            Err(StartError::Final(error)) => return Err(error),
        };
        let history = Self {
            status: queue.status.clone(),
            reader,
            queue,
            ended: CancellationToken::new(),
            location: storage.location(),
        };
        // The writer must know all of them at once: it deletes old rows of targets that it does not know.
        let targets = targets.into_iter().zip(restored);
        let targets = targets.map(|(target, restored)| history.register(target, restored));
        let targets = targets.collect();
        history.start_writer(storage)?;
        Ok((history, targets))
    }

    /// Starts the writer. If the storage is closed, the writer has to open it later.
    fn start_writer(&self, storage: impl Storage) -> Result<(), Error> {
        if storage.is_open() {
            self.status.up.store(true, Relaxed);
            self.status.runs.store(storage.runs(), Relaxed);
            self.status.file_size.store(storage.size(), Relaxed);
        } else {
            self.status.errors.fetch_add(1, Relaxed);
        }
        let guard = self.ended.clone().drop_guard();
        let writer = Writer::new(self.queue.clone(), storage, guard);
        let thread = thread::Builder::new().name("history".to_owned());
        let thread = thread.spawn(move || writer.run());
        thread.map(drop).map_err(Error::Thread)
    }

    /// Adds a target while the file is open. Does not wait for the disk: the restored state is `delayed`, and the writer gives
    /// the store what the file has of this name by [`StoreLookup::adopt`], soon after [`Self::attach`].
    ///
    /// No two targets may have the same name at a time.
    #[must_use]
    pub fn add(&self, name: Option<&str>) -> TargetHistory {
        self.register(self.queue.new_target(name), None)
    }

    /// Adds a target. `restored` is `None` if the writer has to read it.
    fn register(&self, target: HistoryTarget, restored: Option<Restored>) -> TargetHistory {
        let is_read = restored.is_some();
        let (row, restored) = restored.unwrap_or_else(|| {
            let delayed = RestoredState {
                since: target.row.since,
                label_names: target.label_names.clone(),
                delayed: true,
                ..RestoredState::default()
            };
            (target.row, delayed)
        });
        let target = HistoryTarget { row, ..target };
        let id = self.queue.add(AddedTarget { target, is_read });
        TargetHistory {
            id,
            restored,
            journal: Arc::new(TargetJournal::new(self.queue.clone(), id)),
        }
    }

    /// Gives the writer the store of a target. Until then it deletes nothing of the target.
    ///
    /// The reference is weak because the store owns the journal, and with it the queue.
    pub fn attach(&self, id: TargetId, store: Weak<dyn StoreLookup>) {
        self.queue.attach(id, store);
    }

    /// Removes a target. What its store has reported until now is still written; what it reports later is ignored. Its rows
    /// stay in the file until they have the maximum age.
    ///
    /// If the store did not get its delayed state yet, what it has reported is dropped: it lacks what is in the file.
    pub fn remove(&self, id: TargetId) {
        self.queue.remove(id);
    }

    /// Changes the limits of the file, which count from the next time it is pruned, within an hour, and the label names of
    /// targets that are added from now on. The path and the buckets of histograms stay as they are until a restart.
    pub fn configure(&self, settings: &HistorySettings) {
        self.queue.configure(settings);
    }

    /// Returns the state of the history for metrics.
    #[must_use]
    pub fn status(&self) -> Arc<HistoryStatus> {
        self.status.clone()
    }

    /// Returns a reader of the runs in the history.
    #[must_use]
    pub fn reader(&self) -> RunReader {
        self.reader.clone()
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
                location = self.location,
                "history was not closed in time: uncommitted runs are counted at the next start if their Jobs still exist"
            );
        }
    }
}

/// The configuration is checked for this, too.
#[cfg(not(feature = "postgres"))]
fn without_postgres() -> Error {
    Error::Postgres {
        location: "PostgreSQL".to_owned(),
        problem: "this build has no support for it".to_owned(),
        hint: None,
    }
}

/// Logs that the history cannot be read yet. The state of each target follows when it can.
fn unread(location: &str, problem: &str, targets: &[HistoryTarget]) -> Vec<Option<Restored>> {
    tracing::error!(
        location,
        error = problem,
        "history cannot be opened, trying again: the counters of workloads are not shown until it can"
    );
    targets.iter().map(|_| None).collect()
}

#[cfg(test)]
mod tests;
