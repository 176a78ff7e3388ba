//! What the writer needs of the place where rows are kept: a file, or a schema of PostgreSQL.

use std::{collections::HashSet, error, fmt, sync::Arc};

use super::{Error, HistorySettings, pending::PendingWrites, rows::TargetRow};
use crate::model::{RestoredState, Seconds, StoreLookup};

/// Why an operation failed. The writer logs it, closes the storage, and tries again later.
pub(super) type StorageError = Box<dyn error::Error + Send + Sync>;

/// What earlier processes wrote of a target, with its row. A target that is new keeps the row that it has.
pub(super) type Restored = (TargetRow, RestoredState);

/// Keeps rows. One thread uses it.
pub(super) trait Storage: fmt::Debug + Send + 'static {
    /// Where it is, for people: a path or an address.
    fn location(&self) -> String;

    /// Whether other processes write it, too: those of other shards know their workloads.
    fn is_shared(&self) -> bool;

    /// Whether it can be used. A storage is closed before it is opened, and after [`Self::close`].
    fn is_open(&self) -> bool;

    /// Opens or creates it at the start of the process, and returns what it has of these targets.
    fn start(&mut self, targets: &[&HistoryTarget]) -> Result<Vec<Restored>, StartError>;

    /// Opens it if it is closed, before it is written. Returns whether it may lack what this process has written: then the stores report
    /// everything again.
    fn ensure_open(&mut self, targets: &[&HistoryTarget]) -> Result<bool, StorageError>;

    /// Returns what it has of a target.
    fn read(&mut self, target: &HistoryTarget) -> Result<Restored, StorageError>;

    /// Writes changes. A run and the totals that include it are written together or not at all. Returns the number of runs that it
    /// has now.
    fn write(&mut self, targets: &[TargetWrites<'_>]) -> Result<u64, StorageError>;

    /// Marks the workloads of a target that do not exist as gone since `last_seen`.
    fn mark_gone(
        &mut self,
        target: &str,
        last_seen: Seconds,
        lookup: &dyn StoreLookup,
    ) -> Result<(), StorageError>;

    /// Deletes the rows of a target that exceed the limits, except runs that the store counts. Returns the number of runs that it has
    /// now.
    fn prune(
        &mut self,
        target: &str,
        limits: Limits,
        lookup: &dyn StoreLookup,
    ) -> Result<u64, StorageError>;

    /// Deletes targets that are not `configured` and were last seen before `oldest`.
    fn prune_targets(
        &mut self,
        configured: &HashSet<&str>,
        oldest: Seconds,
    ) -> Result<(), StorageError>;

    /// Everything was written: takes note of that.
    fn finish(&mut self) -> Result<(), StorageError>;

    /// The number of runs when it was opened.
    fn runs(&self) -> u64;

    /// Its size in bytes; 0 if that is unknown.
    fn size(&self) -> u64;

    /// Closes it, because an operation failed.
    fn close(&mut self);
}

/// Why a storage cannot be opened at the start.
#[derive(Debug)]
pub(super) enum StartError {
    /// Trying again does not help.
    Final(Error),
    /// It may work later. The text says what the problem is.
    Passing(String),
}

/// A target, as the storage has it.
#[derive(Clone, Debug)]
pub(super) struct HistoryTarget {
    /// Its name; empty for the unnamed target.
    pub(super) name: String,
    /// Names of its labels now, in the order of their values.
    pub(super) label_names: Arc<[String]>,
    pub(super) row: TargetRow,
}

/// The changes of one target.
#[derive(Debug)]
pub(super) struct TargetWrites<'a> {
    pub(super) target: &'a HistoryTarget,
    pub(super) pending: &'a PendingWrites,
}

/// What is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The latest runs of each workload that are kept.
    pub(super) runs_per_workload: usize,
    /// Runs that ended, and workloads and targets that were gone before this time are deleted.
    pub(super) oldest: Seconds,
    /// Workloads that are gone and are kept, for each target.
    pub(super) gone_workloads: usize,
}

impl Limits {
    /// The limits of these settings as of `now`.
    pub(super) fn new(settings: &HistorySettings, now: Seconds) -> Self {
        let max_age = Seconds::try_from(settings.max_age.as_secs()).unwrap_or(Seconds::MAX);
        Self {
            runs_per_workload: usize::try_from(settings.runs_per_workload).unwrap_or(usize::MAX),
            oldest: now.saturating_sub(max_age),
            gone_workloads: settings.gone_workloads,
        }
    }
}
