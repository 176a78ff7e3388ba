//! What the counters of a workload count, one by one: the run that finished, was deleted or was missed.
//!
//! The store reports a [`RunEvent`] when it counts one, through its [`Journal`]. An [`EventSink`] writes it for people and
//! programs that read a log.

use std::{fmt, mem, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;

use super::{
    FailureReason, Job, Journal, JournalEntry, MappedLabels, Name, NotStarted, Run, RunExplanation,
    RunResult, Seconds, StoreLookup, Uid, WorkloadId,
};

label_enum! {
    /// What an event is about. Each is counted by one counter of the workload.
    RunEventKind {
        /// The Job is complete.
        Succeeded = "run_succeeded",
        /// The Job failed.
        Failed = "run_failed",
        /// The Job was deleted before it finished.
        Deleted = "run_deleted",
        /// The Job was missing in a list. It was not seen to finish, so its result is unknown.
        Disappeared = "run_disappeared",
        /// No run started in time for the due time.
        Missed = "run_missed",
    }
}

/// Something that was counted.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEvent {
    /// When it was counted.
    pub counted: Timestamp,
    /// Value of the `target` label; `None` for the single unnamed target.
    pub target: Option<Name>,
    /// The workload.
    pub workload: WorkloadId,
    /// Names of the mapped labels, in the order of their values. A reload may change them before the event is written.
    pub label_names: Arc<[String]>,
    /// Values of the mapped labels of the workload.
    pub labels: MappedLabels,
    /// What happened to the run.
    pub kind: RunEventKind,
    /// The due time. A run that no schedule started has none.
    pub due: Option<Seconds>,
    /// Why no run started; `None` unless one was missed.
    pub not_started: Option<NotStarted>,
    /// The run; `None` if one was missed.
    pub run: Option<EventRun>,
}

/// The run of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRun {
    /// The uid of the Job.
    pub uid: Uid,
    /// The name of the Job.
    pub job_name: Name,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
    /// When the Job was created.
    pub created: Option<Seconds>,
    /// When the Job started, or was resumed last.
    pub start: Option<Seconds>,
    /// When the Job finished; `None` if it was not seen to.
    pub end: Option<Seconds>,
    /// Time from the start to the end, in seconds.
    pub duration: Option<Seconds>,
    /// Time from the due time to the start, in seconds.
    pub start_delay: Option<Seconds>,
    /// Why the Job failed.
    pub reason: Option<FailureReason>,
    /// Number of pods that succeeded.
    pub succeeded_pods: i32,
    /// Number of pods that failed, retried ones included.
    pub failed_pods: i32,
    /// What its pods say about it, as far as they were seen when it was counted.
    pub explanation: RunExplanation,
}

/// Where events are written.
pub trait EventSink: fmt::Debug + Send + Sync {
    /// Writes an event. Never waits for the output.
    fn write(&self, event: &RunEvent);

    /// Counts events that could not be kept until they were written.
    fn count_dropped(&self, events: usize);
}

/// A sink that writes nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoopSink;

/// A journal that keeps nothing for a later process, and writes events at once.
#[derive(Debug)]
pub struct EventJournal {
    sink: Arc<dyn EventSink>,
    /// The store appends while it holds its lock, and they are written without it.
    waiting: Mutex<Vec<RunEvent>>,
}

// === impl EventRun ===

impl EventRun {
    /// A run that finished.
    #[must_use]
    pub fn of_finished(run: &Run) -> Self {
        Self {
            uid: run.uid.clone(),
            job_name: run.job_name.clone(),
            manual: run.manual,
            created: run.created,
            start: run.start,
            end: run.end,
            duration: run.duration(),
            start_delay: run.start_delay(),
            reason: run.reason,
            succeeded_pods: run.succeeded_pods,
            failed_pods: run.failed_pods,
            explanation: run.explanation,
        }
    }

    /// The run of a Job that is gone and was not seen to finish.
    #[must_use]
    pub fn of_unfinished(job: &Job) -> Self {
        Self {
            uid: job.uid.clone(),
            job_name: job.name.to_shared(),
            manual: job.manual,
            created: job.created.get(),
            start: job.start.get(),
            end: None,
            duration: None,
            start_delay: super::run::seconds_between(job.due.get(), job.start.get()),
            reason: None,
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
            explanation: RunExplanation::of_job(job),
        }
    }
}

// === impl RunEventKind ===

impl From<RunResult> for RunEventKind {
    fn from(result: RunResult) -> Self {
        match result {
            RunResult::Succeeded => Self::Succeeded,
            RunResult::Failed => Self::Failed,
        }
    }
}

// === impl NoopSink ===

impl EventSink for NoopSink {
    fn write(&self, _: &RunEvent) {}

    fn count_dropped(&self, _: usize) {}
}

// === impl EventJournal ===

impl EventJournal {
    /// A journal that writes to `sink`.
    #[must_use]
    pub fn new(sink: Arc<dyn EventSink>) -> Self {
        Self {
            sink,
            waiting: Mutex::default(),
        }
    }
}

impl Journal for EventJournal {
    fn append(&self, entry: JournalEntry) {
        if let JournalEntry::Counted(event) = entry {
            self.waiting.lock().push(*event);
        }
    }

    fn relieve(&self, _: &dyn StoreLookup) {
        let events = mem::take(&mut *self.waiting.lock());
        for event in &events {
            self.sink.write(event);
        }
    }
}
