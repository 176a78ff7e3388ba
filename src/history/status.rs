//! The state of the history for metrics. The writer and the journals update it, scrapes read it at any time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::model::Seconds;

/// The current state of the history. The values are independent of each other.
#[derive(Debug, Default)]
pub struct HistoryStatus {
    pub(super) up: AtomicBool,
    pub(super) errors: AtomicU64,
    /// 0 before the first write.
    pub(super) last_write: AtomicI64,
    pub(super) file_size: AtomicU64,
    pub(super) runs: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// The state of the history at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusSnapshot {
    /// Whether the last attempt to write succeeded.
    pub up: bool,
    /// Failed attempts to open or write the file.
    pub errors: u64,
    /// When this process last wrote the file; `None` before the first write.
    pub last_write: Option<Seconds>,
    /// Size of the file in bytes.
    pub file_size: u64,
    /// Runs in the file.
    pub runs: u64,
    /// Runs that are not in the file yet.
    pub waiting: u64,
    /// Runs that were dropped because the file could not be used: too many were waiting, or their target was removed.
    pub dropped: u64,
}

impl HistoryStatus {
    /// Returns the current values.
    #[must_use]
    pub fn snapshot(&self) -> StatusSnapshot {
        StatusSnapshot {
            up: self.up.load(Relaxed),
            errors: self.errors.load(Relaxed),
            last_write: Some(self.last_write.load(Relaxed)).filter(|at| *at != 0),
            file_size: self.file_size.load(Relaxed),
            runs: self.runs.load(Relaxed),
            waiting: self.waiting.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
        }
    }

    /// Counts a run that waits to be written.
    pub(super) fn run_queued(&self) {
        self.waiting.fetch_add(1, Relaxed);
    }

    /// Counts runs that are in the file now.
    pub(super) fn runs_written(&self, runs: usize) {
        self.waiting.fetch_sub(runs as u64, Relaxed);
    }

    /// Counts runs that will not be written.
    pub(super) fn runs_dropped(&self, runs: usize) {
        self.waiting.fetch_sub(runs as u64, Relaxed);
        self.dropped.fetch_add(runs as u64, Relaxed);
    }
}
