//! Conditions of a Job → its state, its end and its failure reason.

use super::wire::{Condition, JobSpec, JobStatus};
use crate::model::{JobState, Seconds};

/// The conditions of a Job whose status is `True`, by type.
#[derive(Default)]
pub(super) struct Conditions<'a> {
    complete: Option<&'a Condition<'a>>,
    failed: Option<&'a Condition<'a>>,
    success_criteria_met: Option<&'a Condition<'a>>,
    failure_target: Option<&'a Condition<'a>>,
    suspended: Option<&'a Condition<'a>>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(status: &'a JobStatus<'a>) -> Self {
        let mut found = Self::default();
        let conditions = status.conditions.as_deref().unwrap_or_default();
        for condition in conditions
            .iter()
            .filter(|condition| condition.status.as_deref() == Some("True"))
        {
            let field = match condition.kind.as_deref() {
                Some("Complete") => &mut found.complete,
                Some("Failed") => &mut found.failed,
                Some("SuccessCriteriaMet") => &mut found.success_criteria_met,
                Some("FailureTarget") => &mut found.failure_target,
                Some("Suspended") => &mut found.suspended,
                _ => continue,
            };
            *field = Some(condition);
        }
        found
    }

    /// The state, by conditions in the order of `kubectl get jobs`. A Job that is suspended while its pods terminate can keep
    /// `SuccessCriteriaMet` beside `Suspended`.
    ///
    /// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/printers/internalversion/printers.go> (`printJob`)
    pub(super) fn state(&self, spec: &JobSpec<'_>, status: &JobStatus<'_>) -> JobState {
        let any = |pods: Option<i32>| pods.unwrap_or(0) > 0;
        if self.complete.is_some() {
            JobState::Complete
        } else if self.failed.is_some() {
            JobState::Failed
        } else if self.suspended.is_some() {
            JobState::Suspended
        } else if self.failure_target.is_some() {
            JobState::Failing
        } else if self.success_criteria_met.is_some() {
            JobState::Succeeding
        } else if spec.suspend == Some(true) || spec.parallelism == Some(0) {
            // With a parallelism of 0 the controller runs no pods and sets no condition.
            JobState::Suspended
        } else if any(status.ready.or(status.active)) || any(status.succeeded) || any(status.failed)
        {
            // Servers before 1.24 do not report ready pods: an active pod counts as ready there.
            JobState::Running
        } else {
            JobState::Pending
        }
    }

    /// The reason of the `Failed` condition; empty without one.
    pub(super) fn failure_reason(&self) -> &str {
        self.failed
            .and_then(|condition| condition.reason.as_deref())
            .unwrap_or_default()
    }

    /// When the Job got into its state, as far as a condition says it. Later states keep the conditions of earlier ones. A
    /// failed Job has no `completionTime`, so the transition to `Failed` is its end.
    pub(super) fn state_since(&self, state: JobState, status: &JobStatus<'_>) -> Option<Seconds> {
        let condition = match state {
            JobState::Complete => {
                let end = status.completion_time.seconds();
                return end.or_else(|| transition_time(self.complete));
            }
            JobState::Failed => self.failed,
            JobState::Suspended => self.suspended,
            JobState::Succeeding => self.success_criteria_met,
            JobState::Failing => self.failure_target,
            JobState::Pending | JobState::Running => None,
        };
        transition_time(condition)
    }
}

fn transition_time(condition: Option<&Condition<'_>>) -> Option<Seconds> {
    condition.and_then(|condition| condition.last_transition_time.seconds())
}
