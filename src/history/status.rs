//! How the file is doing, for whoever shows it. Written by the writer and the journals, read at any time.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::model::Seconds;

/// How the file is doing. Each figure stands for itself, so none waits for another.
#[derive(Debug, Default)]
pub struct Status {
    pub(super) up: AtomicBool,
    pub(super) errors: AtomicU64,
    /// 0 before the first write.
    pub(super) last_write: AtomicI64,
    pub(super) file_size: AtomicU64,
    pub(super) runs: AtomicU64,
    pub(super) waiting: AtomicU64,
    pub(super) dropped: AtomicU64,
}

/// How the file is doing at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusSnapshot {
    /// Whether the last attempt to write succeeded.
    pub up: bool,
    /// Attempts to open or write the file that failed.
    pub errors: u64,
    /// When the file was last written, if this process did so yet.
    pub last_write: Option<Seconds>,
    /// Bytes of the file.
    pub file_size: u64,
    /// Runs in the file.
    pub runs: u64,
    /// Runs that are not in the file yet.
    pub waiting: u64,
    /// Runs that were left out because too many waited for a file that could not be written.
    pub dropped: u64,
}

impl Status {
    /// How it is doing now.
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
}
