//! One Job of an owner, and what is left of those that are not known by name any more.

use crate::model::{
    FailedPods, FailureReason, Job, JobState, Name, Run, RunExplanation, Seconds, SmallOption,
};

/// A Job of the owner.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OwnedJob {
    pub(super) uid_hash: u64,
    pub(super) created: SmallOption<Seconds>,
    pub(super) start: SmallOption<Seconds>,
    pub(super) end: SmallOption<Seconds>,
    pub(super) state: OwnedState,
    pub(super) exists: bool,
    pub(super) succeeded_pods: i32,
    pub(super) failed_pods: i32,
    /// What its pods say; `None` if that is nothing.
    pub(super) explanation: Option<Box<RunExplanation>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnedState {
    Suspended,
    Active,
    Succeeded,
    Failed(FailureReason),
    /// It was deleted before it finished.
    Deleted {
        /// Whether an event said so. A Job that is missing in a list may have finished.
        seen: bool,
    },
}

/// What remains of Jobs that are not known by name any more.
#[derive(Clone, Debug, Default)]
pub(super) struct PastJobs {
    pub(super) start: Option<Seconds>,
    pub(super) jobs: u32,
    pub(super) succeeded_pods: i32,
    pub(super) failed_pods: i32,
    pub(super) failed: FailedPods,
    /// The one that succeeded last.
    pub(super) success: Option<(Seconds, Name)>,
    /// The first of those that failed without a retry.
    pub(super) failure: Option<Box<(Name, OwnedJob)>>,
    /// Whether one was deleted before it finished, and that was seen.
    pub(super) deleted: Option<bool>,
}

// === impl PastJobs ===

impl PastJobs {
    pub(super) fn add(&mut self, job: &OwnedJob) {
        self.start = earlier(self.start, job.start.get());
        self.jobs = self.jobs.saturating_add(1);
        self.succeeded_pods = self.succeeded_pods.saturating_add(job.succeeded_pods);
        self.failed_pods = self.failed_pods.saturating_add(job.failed_pods);
        if let Some(explanation) = &job.explanation {
            self.failed.add(&explanation.failed);
        }
    }

    pub(super) fn add_result(&mut self, name: Name, job: OwnedJob) {
        self.deleted = self.deleted.max(job.deletion());
        if matches!(job.state, OwnedState::Failed(_)) && self.failure.is_none() {
            self.failure = Some(Box::new((name, job)));
        }
    }
}

// === impl OwnedJob ===

impl OwnedJob {
    pub(super) fn new(uid_hash: u64, job: &Job) -> Self {
        Self {
            uid_hash,
            created: job.created,
            start: job.start,
            end: job.end().into(),
            state: match job.state {
                JobState::Complete => OwnedState::Succeeded,
                JobState::Failed => OwnedState::Failed(job.failure.unwrap_or(FailureReason::Other)),
                JobState::Suspended => OwnedState::Suspended,
                _ => OwnedState::Active,
            },
            exists: true,
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
            explanation: explanation(job).filter(|_| job.finished()),
        }
    }

    /// The Job that decided a failed run of an earlier process.
    pub(super) fn failed_before(run: &Run) -> Self {
        Self {
            uid_hash: 0,
            created: None.into(),
            start: None.into(),
            end: run.end.into(),
            state: OwnedState::Failed(run.reason.unwrap_or(FailureReason::Other)),
            exists: false,
            succeeded_pods: 0,
            failed_pods: 0,
            explanation: None,
        }
    }

    /// Whether it finished, or never will.
    pub(super) fn has_result(&self) -> bool {
        !matches!(self.state, OwnedState::Suspended | OwnedState::Active)
    }

    /// Whether it succeeded or failed.
    pub(super) fn finished(&self) -> bool {
        matches!(self.state, OwnedState::Succeeded | OwnedState::Failed(_))
    }

    /// If it was deleted before it finished, whether an event said so.
    pub(super) fn deletion(&self) -> Option<bool> {
        match self.state {
            OwnedState::Deleted { seen } => Some(seen),
            _ => None,
        }
    }
}

/// What the pods of a Job say of it; `None` if that is nothing.
pub(super) fn explanation(job: &Job) -> Option<Box<RunExplanation>> {
    job.observed_pods.as_ref()?;
    let explanation = RunExplanation::of_job(job);
    (explanation != RunExplanation::default()).then(|| Box::new(explanation))
}

/// The earlier of two times, as far as they are known.
pub(super) fn earlier(one: Option<Seconds>, other: Option<Seconds>) -> Option<Seconds> {
    [one, other].into_iter().flatten().min()
}
