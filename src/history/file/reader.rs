//! Reads the runs of one workload from the file, beside the thread that writes it.
//!
//! A read sees the file as of the last commit, and neither waits for the writer nor delays it: redb keeps what a read
//! transaction sees while the next commit is written. The [`DatabaseSlot`] says which database is open. A reader starts its
//! transaction while it holds the lock of the slot, and then lets go of the database. So the writer alone closes the file;
//! reads that are still in progress fail then. A reader never opens, creates or locks a file.

use std::sync::{Arc, Weak};

use parking_lot::{Mutex, RwLock};
use redb::{Database, ReadTransaction, ReadableDatabase as _, TableHandle as _};
use tokio::time::Instant;

use super::{
    super::{
        reader::ReadError,
        rows::{InvalidRow, RunRow, decode},
    },
    FileError,
    tables::{RUNS, first_run_of, next_name, workload_key},
};
use crate::{
    log_limit::LogLimit,
    model::{Run, Uid, WorkloadId},
};

/// Reads runs from the file while the writer has it open. A clone reads the same file.
#[derive(Clone, Debug)]
pub(in crate::history) struct FileReader {
    database: DatabaseSlot,
    invalid_rows: Arc<Mutex<LogLimit>>,
}

/// The database that is open, if any. It never keeps one open.
#[derive(Clone, Debug, Default)]
pub(in crate::history) struct DatabaseSlot(Arc<RwLock<Weak<Database>>>);

// === impl FileReader ===

impl FileReader {
    pub(in crate::history) fn new(database: DatabaseSlot) -> Self {
        Self {
            database,
            invalid_rows: Arc::new(Mutex::new(LogLimit::new(Instant::now()))),
        }
    }

    /// See [`RunReader::runs`](super::super::RunReader::runs).
    pub(in crate::history) fn runs(
        &self,
        target: &str,
        workload: &WorkloadId,
        max: usize,
    ) -> Result<Vec<Run>, ReadError> {
        let transaction = self.database.begin_read()?;
        self.read(&transaction, target, workload, max)
            .map_err(|error| ReadError::Failed(error.into()))
    }

    fn read(
        &self,
        transaction: &ReadTransaction,
        target: &str,
        workload: &WorkloadId,
        max: usize,
    ) -> Result<Vec<Run>, FileError> {
        let table = transaction.open_table(RUNS)?;
        let (target, namespace, kind, name) = workload_key(target, workload);
        let end = next_name(name);
        let first = first_run_of((target, namespace, kind, name));
        let rows = table.range(first..first_run_of((target, namespace, kind, &end)))?;
        let mut runs = Vec::new();
        for row in rows.rev() {
            if runs.len() == max {
                break;
            }
            let (key, value) = row?;
            let uid = Uid::parse(key.value().5);
            match decode::<RunRow<'_>>(RUNS.name(), value.value()) {
                Ok(row) => runs.push(row.into_run(uid)),
                Err(error) => self.warn(workload, &uid, &error),
            }
        }
        Ok(runs)
    }

    fn warn(&self, workload: &WorkloadId, uid: &Uid, error: &InvalidRow) {
        if let Some(admitted) = self.invalid_rows.lock().admit(Instant::now()) {
            let WorkloadId {
                namespace,
                kind,
                name,
            } = workload;
            let left_out = admitted.left_out;
            tracing::warn!(%namespace, %kind, %name, %uid, %error, left_out, "a run in the history file is invalid, left it out");
        }
    }
}

// === impl DatabaseSlot ===

impl DatabaseSlot {
    /// Offers a database to readers.
    pub(super) fn set(&self, database: &Arc<Database>) {
        *self.0.write() = Arc::downgrade(database);
    }

    /// Takes the database away from readers, before it is closed.
    pub(super) fn clear(&self) {
        *self.0.write() = Weak::new();
    }

    /// Starts to read what is committed. The transaction does not keep the file open.
    pub(in crate::history) fn begin_read(&self) -> Result<ReadTransaction, ReadError> {
        // While the lock is held the writer cannot close the database, so this is never the last reference to it.
        let slot = self.0.read();
        let database = slot.upgrade().ok_or(ReadError::NotOpen)?;
        let transaction = database.begin_read();
        transaction.map_err(|error| ReadError::Failed(error.into()))
    }
}
