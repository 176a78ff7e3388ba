//! The contract between the store and the history.
//!
//! The store appends [`JournalEntry`]s to a [`Journal`] and starts from the [`RestoredState`] of an earlier process. The
//! history asks the [`StoreLookup`] which runs and workloads it must keep: the store alone knows what the API shows.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{Relabelling, Run, RunEvent, Seconds, Uid, WorkloadId, WorkloadState};

/// How long a run stays counted after its Job is gone. A lagging API server, or a cache in front of it, may show the Job
/// again within this time. A Job that returns later comes from a server that was restored from a backup.
pub const UID_RETENTION: Duration = Duration::from_hours(1);

/// Where the store writes the facts that must survive a restart.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Appends an entry. Entries keep their order. This never waits for a disk, and must not call a [`StoreLookup`]:
    /// the store holds its lock.
    fn append(&self, entry: JournalEntry);

    /// Writes events that wait, and drops what need not survive if too much waits for the disk. Called without the lock of
    /// the store.
    fn relieve(&self, _store: &dyn StoreLookup) {}
}

/// A fact that must survive a restart.
#[derive(Clone, Debug)]
pub enum JournalEntry {
    /// A run finished, or more became known of a finished one. The run and the totals are kept together or not at all.
    RunFinished {
        /// The workload of the run.
        workload: WorkloadId,
        /// The run.
        run: Box<Run>,
        /// Whether the counters include it. They omit runs that ended before the target was first read.
        counted: bool,
        /// The state of the workload, including this run.
        state: WorkloadState,
    },
    /// This process saw a workload for the first time or again, or its state changed without a finished run.
    WorkloadChanged {
        /// The workload.
        workload: WorkloadId,
        /// Its state now.
        state: WorkloadState,
    },
    /// Something was counted, and events report it. The entry with the state that includes it comes before. An event that is written
    /// after that state was committed is written at most once, also if the process is killed in between.
    Counted(Box<RunEvent>),
    /// A workload has no Jobs and no `CronJob` any more. A later entry of the same workload revokes this.
    WorkloadGone(WorkloadId, Departure),
    /// Every feed of the target was read in full once. Workloads and Jobs that the store does not have are gone. Appended
    /// again when feeds that came later were read.
    Synced,
    /// The mapped labels are others from now on: states before this have the old ones, states after it the new ones.
    Relabelled(Relabelling),
}

/// The store, as the history sees it. Calls lock the store.
pub trait StoreLookup: fmt::Debug + Send + Sync {
    /// Whether the API shows the Job of this run, or any Job if the uid is that of their owner.
    fn is_present(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool;

    /// Whether this run must not be counted again: the API shows such a Job, showed it less than [`UID_RETENTION`] ago, or may
    /// still show it because not everything was read yet.
    fn is_counted(&self, namespace: &str, job_name: &str, uid: &Uid) -> bool;

    /// Whether this process reads the namespace. Another shard reads the others, and knows what exists there.
    fn reads(&self, namespace: &str) -> bool;

    /// Whether the workload has Jobs or a `CronJob`, or belongs to a configured job. A workload that was only restored has none.
    fn has_workload(&self, id: &WorkloadId) -> bool;

    /// Appends everything to the journal that must survive a restart: the file is a new one.
    fn report_all(&self);

    /// Continues from what an earlier process wrote, which could not be read at the start. Then reports all, too.
    fn adopt(&self, restored: RestoredState);
}

/// What an earlier process wrote.
#[derive(Clone, Debug, Default)]
pub struct RestoredState {
    /// When the target was first read: runs that ended before are not counted.
    pub since: Seconds,
    /// All workloads.
    pub workloads: Vec<RestoredWorkload>,
    /// All finished runs, counted or not.
    pub runs: Vec<Uid>,
    /// The latest of those that are all Jobs of an owner. A Job may follow.
    pub owner_runs: Vec<Run>,
    /// Names of the labels of the workloads, in the order of their values.
    pub label_names: Arc<[String]>,
    /// Whether the file was not read yet. Then the state follows through [`StoreLookup::adopt`].
    pub delayed: bool,
}

impl RestoredState {
    /// The state with the values of these labels. They are found by their names.
    ///
    /// The mapped labels may change between reading the file and [`StoreLookup::adopt`].
    #[must_use]
    pub fn with_labels(mut self, names: &Arc<[String]>) -> Self {
        if self.label_names != *names {
            let relabelling = Relabelling::by_name(&self.label_names, names.clone());
            for workload in &mut self.workloads {
                workload.state.labels = relabelling.apply(&workload.state.labels);
            }
            self.label_names = names.clone();
        }
        self
    }
}

/// A workload of an earlier process.
#[derive(Clone, Debug)]
pub struct RestoredWorkload {
    /// Its identity.
    pub id: WorkloadId,
    /// Its state.
    pub state: WorkloadState,
    /// When it last existed.
    pub last_existed: Seconds,
    /// How it left, if it has.
    pub departure: Departure,
}

/// How a workload left, which decides how long it stays visible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Departure {
    /// Its Jobs are gone as usual: by their TTL, or by the limits of their owner.
    #[default]
    Cleanup,
    /// Somebody deleted it.
    Deletion,
}

impl Departure {
    /// How it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleanup => "cleanup",
            Self::Deletion => "deletion",
        }
    }

    /// Reads what [`Self::as_str`] returns; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Cleanup, Self::Deletion]
            .into_iter()
            .find(|departure| departure.as_str() == text)
    }
}

/// A journal that keeps nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoopJournal;

impl Journal for NoopJournal {
    fn append(&self, _: JournalEntry) {}
}
