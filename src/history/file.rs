//! Opens and checks the file, and renames an invalid one.
//!
//! redb locks the file and keeps it consistent if the process is killed. [`transaction`] and [`prune`] change its content.

use std::{
    fmt, fs, io, mem,
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{
    Builder, CommitError, Database, DatabaseError, ReadableDatabase as _, ReadableTable as _,
    ReadableTableMetadata as _, StorageError, TableError, TableHandle as _, TransactionError,
    WriteTransaction,
};

use super::{
    merge::reset_histograms,
    rows::{Bounds, InvalidRow, WorkloadRow, decode, encode},
    storage::{HistoryTarget, Restored},
};
use crate::model;

pub(super) mod check;
mod identity;
mod migrate;
mod prune;
mod reader;
mod restore;
mod storage;
pub(super) mod tables;
mod transaction;
pub(super) mod transfer;

pub(super) use reader::{DatabaseSlot, FileReader};
pub(super) use storage::FileStorage;

use identity::FileIdentity;
use tables::{
    BOUNDS_KEY, FORMAT, FORMAT_KEY, META, RUNS, TARGETS, WORKLOADS, workload_id, workload_key,
};

/// The page cache of redb in bytes. The writer changes the same few pages, at the end of some workloads, over and over.
const CACHE: usize = 4 * 1024 * 1024;

/// Opens or creates the database at a path. Tests insert a failing disk.
pub(super) type OpenDatabase =
    Arc<dyn Fn(&Builder, &Path) -> Result<Database, DatabaseError> + Send + Sync>;

/// The location of the file and what it must contain.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) path: PathBuf,
    pub(super) bounds: Bounds,
    pub(super) open_database: OpenDatabase,
    /// Where readers find the database while it is open.
    pub(super) slot: DatabaseSlot,
}

/// An open file. When it is dropped, readers lose the database first, so it is closed here and not by one of them.
#[derive(Debug)]
pub(super) struct HistoryFile {
    pub(super) database: Arc<Database>,
    slot: DatabaseSlot,
    path: PathBuf,
    /// Number of runs when the file was opened.
    pub(super) runs: u64,
    /// Whether this process created it, so that nothing of an earlier one is in it.
    pub(super) is_new: bool,
    /// What identifies it after the last commit; `None` if it is not at its path any more.
    identity: Option<FileIdentity>,
}

/// Why the file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// Another process has locked it.
    #[error("in use by another process")]
    InUse,
    /// The path is invalid, or a permission is missing.
    #[error("{0}")]
    Path(io::Error),
    /// The disk fails.
    #[error(transparent)]
    Disk(FileError),
    /// The file is corrupt, or belongs to another program or version.
    #[error("{0}")]
    Content(String),
    /// The invalid file cannot be renamed.
    #[error("rename the invalid file to {}", aside.display())]
    SetAside { aside: PathBuf, source: io::Error },
}

/// Why an operation on the open file failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
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
    Row(#[from] InvalidRow),
    #[error("{0}")]
    Foreign(String),
}

/// The number of runs in the file.
fn count_runs(database: &Database) -> Result<u64, FileError> {
    Ok(database.begin_read()?.open_table(RUNS)?.len()?)
}

/// How the file at this path is opened.
fn builder(path: &Path) -> Result<Builder, OpenError> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(OpenError::Path(check::not_a_file()));
    }
    let mut builder = Builder::new();
    // A file that another program altered fails here, not by a panic later.
    builder
        .set_cache_size(CACHE)
        .set_check_integrity_on_open(true);
    Ok(builder)
}

/// Opens a database on the real disk.
pub(super) fn open_database() -> OpenDatabase {
    Arc::new(|builder, path| builder.create(path))
}

// === impl Location ===

impl Location {
    /// Opens or creates the file, and returns what it has of these targets. Renames an invalid file and creates a new one.
    pub(super) fn open(
        &self,
        targets: &[&HistoryTarget],
    ) -> Result<(HistoryFile, Vec<Restored>), OpenError> {
        let problem = match self.try_open(targets) {
            Err(OpenError::Content(problem)) => problem,
            outcome => return outcome,
        };
        let aside = set_aside(&self.path)?;
        tracing::error!(
            path = %self.path.display(),
            problem,
            set_aside = %aside.display(),
            "history file is invalid: renamed it and created a new one, counters restart from zero"
        );
        self.try_open(targets)
    }

    fn try_open(
        &self,
        targets: &[&HistoryTarget],
    ) -> Result<(HistoryFile, Vec<Restored>), OpenError> {
        let builder = builder(&self.path)?;
        let database = (self.open_database)(&builder, &self.path).map_err(FileError::from)?;
        let is_new = self.prepare(&database)?;
        let file = HistoryFile {
            runs: count_runs(&database)?,
            database: Arc::new(database),
            slot: self.slot.clone(),
            path: self.path.clone(),
            is_new,
            identity: FileIdentity::read(&self.path).map_err(OpenError::Path)?,
        };
        self.slot.set(&file.database);
        let restored: Result<_, _> = targets.iter().map(|target| file.read(target)).collect();
        Ok((file, restored?))
    }

    /// Checks the format and creates missing tables. Returns whether the file is new.
    fn prepare(&self, database: &Database) -> Result<bool, FileError> {
        let transaction = database.begin_write()?;
        let is_new = {
            let has_tables = transaction
                .list_tables()?
                .any(|table| table.name() != META.name());
            let mut meta = transaction.open_table(META)?;
            let format = meta.get(FORMAT_KEY)?.map(|row| row.value().to_owned());
            match format.as_deref().map(str::parse) {
                Some(Ok(format)) => migrate::from_format(&transaction, format)?,
                None if !has_tables => {}
                None | Some(Err(_)) => {
                    let problem = "the file belongs to another program";
                    return Err(FileError::Foreign(problem.to_owned()));
                }
            }
            meta.insert(FORMAT_KEY, FORMAT.to_string().as_str())?;
            let old_bounds = meta.get(BOUNDS_KEY)?.map(|row| row.value().to_owned());
            if let Some(old_bounds) = old_bounds {
                self.reset_histograms(&transaction, &decode(META.name(), &old_bounds)?)?;
            }
            let bounds = encode(META.name(), &self.bounds)?;
            meta.insert(BOUNDS_KEY, bounds.as_str())?;
            transaction.open_table(RUNS)?;
            transaction.open_table(WORKLOADS)?;
            transaction.open_table(TARGETS)?;
            format.is_none()
        };
        transaction.commit()?;
        Ok(is_new)
    }

    /// Resets histograms whose bounds have changed.
    fn reset_histograms(
        &self,
        transaction: &WriteTransaction,
        old: &Bounds,
    ) -> Result<(), FileError> {
        if *old == self.bounds {
            return Ok(());
        }
        tracing::warn!(
            path = %self.path.display(),
            "histogram buckets differ from those in the history file, histograms restart from zero"
        );
        let mut workloads = transaction.open_table(WORKLOADS)?;
        let mut rows = Vec::new();
        for row in workloads.iter()? {
            let (key, value) = row?;
            let (key, value) = (key.value(), value.value());
            let mut row: WorkloadRow<'_> = decode(WORKLOADS.name(), value)?;
            reset_histograms(row.totals.to_mut(), old, &self.bounds);
            let row = encode(WORKLOADS.name(), &row)?;
            rows.push((key.0.to_owned(), workload_id(key), row));
        }
        for (target, id, row) in rows {
            workloads.insert(workload_key(&target, &id), row.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

// === impl HistoryFile ===

impl HistoryFile {
    /// Whether the file at the path is the one that is open, as of the last commit.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        Ok(self.identity.is_some() && FileIdentity::read(&self.path)? == self.identity)
    }

    /// Takes note of a commit.
    pub(super) fn committed(&mut self) -> io::Result<()> {
        self.identity = FileIdentity::read(&self.path)?;
        Ok(())
    }

    /// Closes the file. If somebody wrote into it, it stays as it is: closing the database would write, too.
    pub(super) fn abandon(self) {
        let open = self.identity.as_ref();
        let found = fs::metadata(&self.path);
        if open
            .zip(found.as_ref().ok())
            .is_some_and(|(open, found)| open.is_file(found))
        {
            mem::forget(self.database.clone());
        }
    }

    /// The size of the file in bytes; 0 if it was deleted.
    pub(super) fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |file| file.len())
    }
}

impl Drop for HistoryFile {
    fn drop(&mut self) {
        self.slot.clear();
    }
}

// === impl OpenError ===

impl From<FileError> for OpenError {
    fn from(error: FileError) -> Self {
        use io::ErrorKind as Kind;
        let storage = match error {
            FileError::Database(
                DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch,
            ) => return Self::InUse,
            FileError::Database(DatabaseError::Storage(storage))
            | FileError::Transaction(TransactionError::Storage(storage))
            | FileError::Table(TableError::Storage(storage))
            | FileError::Commit(CommitError::Storage(storage))
            | FileError::Storage(storage) => storage,
            other => return Self::Content(other.to_string()),
        };
        match storage {
            StorageError::Corrupted(_) => Self::Content(storage.to_string()),
            StorageError::Io(error) => match error.kind() {
                Kind::InvalidData | Kind::UnexpectedEof => Self::Content(error.to_string()),
                _ if is_about_path(&error) => Self::Path(error),
                _ => Self::Disk(StorageError::Io(error).into()),
            },
            other => Self::Disk(other.into()),
        }
    }
}

/// Whether the path or a permission is wrong, so that trying again does not help.
pub(super) fn is_about_path(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::NotFound
            | Kind::PermissionDenied
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::ReadOnlyFilesystem
            | Kind::InvalidInput
            | Kind::InvalidFilename
    )
}

/// Renames the file to an unused name, and returns that name.
pub(super) fn set_aside(path: &Path) -> Result<PathBuf, OpenError> {
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
    let exists = |aside: &PathBuf| fs::symlink_metadata(aside).is_ok();
    let mut names = (1..).map(name).skip_while(exists);
    let aside = names.next().unwrap_or_else(|| name(1));
    match fs::rename(path, &aside) {
        Ok(()) => Ok(aside),
        Err(source) => Err(OpenError::SetAside { aside, source }),
    }
}
