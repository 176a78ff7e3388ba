//! What has to outlive the process: written down by the store, read back at the next start.

use std::{fmt, time::Duration};

use super::{Run, Seconds, Totals, Uid, WorkloadId};

/// For how long a run stays known whose Job is gone: an API server that lags behind, or a cache before it, may show it
/// again. What went longer ago than this and is back comes from a server that was set back.
pub const UID_RETENTION: Duration = Duration::from_hours(1);

/// Where the store writes down what must not be lost. It never waits for a disk.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Takes note. Notes are kept in the order in which they come.
    fn note(&self, note: JournalEntry);
}

/// Something to remember.
#[derive(Clone, Debug)]
pub enum JournalEntry {
    /// A run finished, and its workload now stands at these totals: both or nothing is kept.
    Finished {
        /// What it was a run of.
        workload: WorkloadId,
        /// The run.
        run: Run,
        /// Whether it is in the counters, or ended before there was anybody to count.
        counted: bool,
        /// What it all comes to now.
        totals: Totals,
    },
    /// A workload was seen for the first time by this process, or counted something else than a finished run.
    Changed {
        /// Which.
        workload: WorkloadId,
        /// What it all comes to now.
        totals: Totals,
    },
    /// The API still shows the Job of a run that is known, or shows it again: it has to be known for as long, whatever was
    /// said of it before.
    Present(Uid),
    /// The API no longer shows the Job of a finished run. It has to be known for [`UID_RETENTION`] from now on.
    Gone(Uid),
    /// A workload has neither Jobs nor a `CronJob` any more. Any later note of it says that it is back.
    Left(WorkloadId),
    /// Everything was read once: what was not told to be present is gone.
    Synced,
}

/// What was written down before this process began.
#[derive(Clone, Debug, Default)]
pub struct RestoredState {
    /// Since when runs are counted: those that ended before are not.
    pub since: Seconds,
    /// All workloads that are remembered, and when each was last there.
    pub workloads: Vec<(WorkloadId, Totals, Seconds)>,
    /// Runs that were taken note of, counted or not.
    pub runs: Vec<Uid>,
}

/// For those who remember nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoopJournal;

impl Journal for NoopJournal {
    fn note(&self, _: JournalEntry) {}
}
