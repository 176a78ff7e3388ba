//! The file: opened, checked, and set aside where it is of no use.
//!
//! redb locks it and keeps it whole whatever happens to the process. [`write`](super::write) and [`prune`](super::prune)
//! change what is in it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{
    Builder, CommitError, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, StorageError, TableError, TableHandle as _, TransactionError,
    WriteTransaction,
};

use super::rows::{
    BOUNDS_KEY, BadRow, Bounds, FORMAT, FORMAT_KEY, META, RUNS, TARGETS, TargetRow, WORKLOADS,
    WorkloadRow, behind, decode, encode, first_run, first_workload, workload_id, workload_key,
};
use crate::model::{self, Histogram, RestoredState, Seconds, Totals, Uid};

/// What redb may cache. The writer touches a few pages at the end of some workloads, over and over.
const CACHE: usize = 4 * 1024 * 1024;

/// How the file at a path is opened. Tests put a failing disk in between.
pub(super) type Opener =
    Arc<dyn Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// Where the file is, and what is to be in it.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// All targets, by name.
    pub(super) targets: Vec<String>,
    pub(super) bounds: Bounds,
    pub(super) opener: Opener,
}

/// An open file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) database: Database,
    path: PathBuf,
    /// How many runs were in it when it was opened.
    pub(super) runs: u64,
    /// By position of the target: as it was when the file was opened.
    pub(super) targets: Vec<TargetRow>,
}

/// What was in the file, by position of the target.
pub(super) type Memories = Vec<RestoredState>;

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// Another process has it.
    #[error("it is in use by another process")]
    InUse,
    /// The path is wrong, or what is there may not be used.
    #[error("{0}")]
    Path(io::Error),
    /// The disk does not do what it is asked for.
    #[error(transparent)]
    Disk(Failure),
    /// What is in it is not ours, or broken.
    #[error("{0}")]
    Content(String),
    /// It should be set aside, and that does not work.
    #[error("set it aside as {}", aside.display())]
    SetAside { aside: PathBuf, source: io::Error },
}

/// Why something did not work on the open file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Database(#[from] DatabaseError),
    #[error(transparent)]
    Transaction(#[from] TransactionError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Row(#[from] BadRow),
    #[error("{0}")]
    Foreign(String),
}

// === impl Place ===

impl Place {
    /// The usual way to open a file.
    pub(super) fn opener() -> Opener {
        Arc::new(|builder, path| builder.create(path))
    }

    /// Opens the file, or begins it. One that is of no use is set aside, and another is begun.
    pub(super) fn open(&self) -> Result<(File, Memories), OpenError> {
        let problem = match self.try_open() {
            Err(OpenError::Content(problem)) => problem,
            outcome => return outcome,
        };
        let aside = set_aside(&self.path)?;
        tracing::error!(
            path = %self.path.display(),
            problem,
            set_aside = %aside.display(),
            "the history file is of no use: it was set aside, and a new one is begun; counters begin at 0"
        );
        self.try_open()
    }

    fn try_open(&self) -> Result<(File, Memories), OpenError> {
        let other = fs::metadata(&self.path).is_ok_and(|found| !found.is_file());
        if other {
            let error = io::Error::other("it is not a regular file");
            return Err(OpenError::Path(error));
        }
        let mut builder = Builder::new();
        // A file that was altered by others is found out now, and not by a panic later.
        builder
            .set_cache_size(CACHE)
            .set_check_integrity_on_open(true);
        let database =
            (self.opener)(&builder, &self.path).map_err(|error| OpenError::of(error.into()))?;
        let targets = self.prepare(&database).map_err(OpenError::of)?;
        let (memories, runs) = self.read(&database, &targets).map_err(OpenError::of)?;
        let file = File {
            database,
            path: self.path.clone(),
            runs,
            targets,
        };
        Ok((file, memories))
    }

    /// Makes sure that everything is there, and gives the rows of the targets.
    fn prepare(&self, database: &Database) -> Result<Vec<TargetRow>, Failure> {
        let transaction = database.begin_write()?;
        let targets = {
            let begun = transaction
                .list_tables()?
                .any(|table| table.name() != META.name());
            let mut meta = transaction.open_table(META)?;
            let format = meta
                .get(FORMAT_KEY)?
                .map(|format| format.value().to_owned());
            match format.as_deref().map(str::parse) {
                Some(Ok(FORMAT)) => {}
                Some(Ok(other)) => {
                    return Err(Failure::Foreign(format!(
                        "its format is {other}, and this version of the program knows format {FORMAT}"
                    )));
                }
                None if !begun => {
                    meta.insert(FORMAT_KEY, FORMAT.to_string().as_str())?;
                }
                None | Some(Err(_)) => {
                    return Err(Failure::Foreign("it is of another program".to_owned()));
                }
            }
            let known = meta
                .get(BOUNDS_KEY)?
                .map(|bounds| bounds.value().to_owned());
            if let Some(known) = known {
                self.fit(&transaction, &decode(META.name(), &known)?)?;
            }
            let bounds = encode(META.name(), &self.bounds)?;
            meta.insert(BOUNDS_KEY, bounds.as_str())?;
            transaction.open_table(RUNS)?;
            transaction.open_table(WORKLOADS)?;
            self.targets(&transaction)?
        };
        transaction.commit()?;
        Ok(targets)
    }

    /// Empties histograms that were observed with other bounds.
    fn fit(&self, transaction: &WriteTransaction, known: &Bounds) -> Result<(), Failure> {
        if *known == self.bounds {
            return Ok(());
        }
        tracing::warn!(
            path = %self.path.display(),
            "histograms have other buckets than those in the history file: they begin at 0"
        );
        let mut workloads = transaction.open_table(WORKLOADS)?;
        let mut rows = Vec::new();
        for row in workloads.iter()? {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            let mut row: WorkloadRow<'_> = decode(WORKLOADS.name(), value)?;
            let totals = row.totals.to_mut();
            if known.run_duration != self.bounds.run_duration {
                totals.success_durations = Histogram::default();
                totals.failure_durations = Histogram::default();
            }
            if known.start_delay != self.bounds.start_delay {
                totals.start_delays = Histogram::default();
            }
            let row = encode(WORKLOADS.name(), &row)?;
            rows.push((key.0.to_owned(), workload_id(key), row));
        }
        for (target, id, row) in rows {
            workloads.insert(workload_key(&target, &id), row.as_str())?;
        }
        Ok(())
    }

    /// The rows of all targets; those that are new are added.
    fn targets(&self, transaction: &WriteTransaction) -> Result<Vec<TargetRow>, Failure> {
        let mut rows = transaction.open_table(TARGETS)?;
        let now = model::now().as_second();
        let mut targets = Vec::new();
        for name in &self.targets {
            let known = rows.get(name.as_str())?.map(|row| row.value().to_owned());
            let row = match known {
                Some(row) => decode(TARGETS.name(), &row)?,
                None => TargetRow {
                    since: now,
                    seen: now,
                },
            };
            rows.insert(name.as_str(), encode(TARGETS.name(), &row)?.as_str())?;
            targets.push(row);
        }
        Ok(targets)
    }

    /// What is in the file of each target, and how many runs of all.
    fn read(&self, database: &Database, targets: &[TargetRow]) -> Result<(Memories, u64), Failure> {
        let transaction = database.begin_read()?;
        let workloads = transaction.open_table(WORKLOADS)?;
        let runs = transaction.open_table(RUNS)?;
        let mut memories = Vec::new();
        for (target, row) in self.targets.iter().zip(targets) {
            let mut memory = RestoredState {
                since: row.since,
                ..RestoredState::default()
            };
            let behind = behind(target);
            for workload in workloads.range(first_workload(target)..first_workload(&behind))? {
                let (key, value) = workload?;
                let id = workload_id(key.value());
                let WorkloadRow { left, totals } = decode(WORKLOADS.name(), value.value())?;
                let last_there: Seconds = left.unwrap_or(row.seen);
                let totals: Totals = totals.into_owned();
                memory.workloads.push((id, totals, last_there));
            }
            for run in runs.range(first_run(target)..first_run(&behind))? {
                let (key, _) = run?;
                let (_, _, _, _, _, uid) = key.value();
                memory.runs.push(Uid::parse(uid));
            }
            memories.push(memory);
        }
        Ok((memories, runs.len()?))
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

// === impl File ===

impl File {
    /// Its size in bytes; 0 if somebody took it away.
    pub(super) fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

// === impl OpenError ===

impl OpenError {
    fn of(failure: Failure) -> Self {
        use io::ErrorKind as Kind;
        let storage = match failure {
            Failure::Database(
                DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch,
            ) => return Self::InUse,
            Failure::Database(DatabaseError::Storage(storage))
            | Failure::Transaction(TransactionError::Storage(storage))
            | Failure::Table(TableError::Storage(storage))
            | Failure::Commit(CommitError::Storage(storage))
            | Failure::Storage(storage) => storage,
            other => return Self::Content(other.to_string()),
        };
        match storage {
            StorageError::Corrupted(_) => Self::Content(storage.to_string()),
            StorageError::Io(error) => match error.kind() {
                Kind::InvalidData | Kind::UnexpectedEof => Self::Content(error.to_string()),
                Kind::NotFound
                | Kind::PermissionDenied
                | Kind::NotADirectory
                | Kind::IsADirectory
                | Kind::ReadOnlyFilesystem
                | Kind::InvalidInput
                | Kind::InvalidFilename => Self::Path(error),
                _ => Self::Disk(StorageError::Io(error).into()),
            },
            other => Self::Disk(other.into()),
        }
    }
}

/// Renames the file to a name that is not taken, and gives that name.
fn set_aside(path: &Path) -> Result<PathBuf, OpenError> {
    let stamp = model::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = |number: u32| {
        let number = if number == 1 {
            String::new()
        } else {
            format!("-{number}")
        };
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".set-aside-{stamp}{number}"));
        PathBuf::from(name)
    };
    let taken = |aside: &PathBuf| fs::symlink_metadata(aside).is_ok();
    let mut names = (1..).map(name).skip_while(taken);
    let aside = names.next().unwrap_or_else(|| name(1));
    match fs::rename(path, &aside) {
        Ok(()) => Ok(aside),
        Err(source) => Err(OpenError::SetAside { aside, source }),
    }
}
