//! The values of closed sets in words.

use crate::{
    model::{FailureCause, FailureReason, NotStarted, TickOutcome, WaitReason},
    status::{Column, OverallState, RunState},
    store::{Threshold, ThresholdSource},
};

/// A state, such as `never succeeded`.
#[must_use]
pub fn state(state: OverallState) -> &'static str {
    match state {
        OverallState::Failing => "failing",
        OverallState::NeverSucceeded => "never succeeded",
        OverallState::NoRecentSuccess => "no recent success",
        OverallState::Overdue => "overdue",
        OverallState::InvalidSchedule => "invalid schedule",
        OverallState::TooLong => "too long",
        OverallState::Pending => "pending",
        OverallState::StuckEnding => "stuck ending",
        OverallState::Blocked => "blocked",
        OverallState::PilingUp => "piling up",
        OverallState::Missed => "runs missed",
        OverallState::Tolerated => "failed, tolerated",
        OverallState::Running => "running",
        OverallState::Suspended => "suspended",
        OverallState::Waiting => "no run yet",
        OverallState::Succeeded => "succeeded",
    }
}

/// The heading of a column.
#[must_use]
pub fn column(column: Column) -> &'static str {
    match column {
        Column::State => "State",
        Column::Workload => "Workload",
        Column::Namespace => "Namespace",
        Column::Target => "Target",
        Column::Type => "Type",
        Column::LastEnd => "Last result",
        Column::Duration => "Duration",
        Column::Failures => "Failed in a row",
        Column::NextDue => "Next due",
        Column::Deadline => "Success deadline",
        Column::Severity => "Severity",
    }
}

/// Why a run failed, for a sentence that ends with it.
#[must_use]
pub fn reason(reason: FailureReason) -> &'static str {
    match reason {
        FailureReason::BackoffLimitExceeded => "more pods failed than backoffLimit allows",
        FailureReason::DeadlineExceeded => "activeDeadlineSeconds has passed",
        FailureReason::PodFailurePolicy => "a rule of podFailurePolicy failed the Job",
        FailureReason::FailedIndexes => "at least one index failed",
        FailureReason::MaxFailedIndexesExceeded => "more indexes failed than maxFailedIndexes",
        FailureReason::Other => "the Job has no reason that is known",
    }
}

/// Why pods failed, with the exit code if it says more.
#[must_use]
pub fn cause(cause: FailureCause, exit_code: Option<i32>) -> String {
    let text = match cause {
        FailureCause::OomKilled => "out of memory",
        FailureCause::Error => {
            return exit_code
                .map_or_else(|| "error".to_owned(), |code| format!("exit code {code}"));
        }
        FailureCause::ContainerCannotRun => "the container cannot run",
        FailureCause::StartError => "the container cannot start",
        FailureCause::DeadlineExceeded => "a deadline has passed",
        FailureCause::Evicted => "evicted",
        FailureCause::Preempted => "preempted",
        FailureCause::NodeLost => "the node was lost",
        FailureCause::NodeShutdown => "the node was shut down",
        FailureCause::DisruptionTarget => "disrupted",
        FailureCause::ImagePull => "an image cannot be pulled",
        FailureCause::CreateContainerConfig => "the configuration of a container is invalid",
        FailureCause::Unschedulable => "no node for the pod",
        FailureCause::PodFailurePolicy => "by podFailurePolicy",
        FailureCause::Deleted => "the pod was deleted",
        FailureCause::Unknown => "no cause is known",
    };
    text.to_owned()
}

/// What a pod waits for, for a sentence that ends with it.
#[must_use]
pub fn waiting(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Scheduling => "the scheduler has not looked at its pod yet",
        WaitReason::Unschedulable => "no node for its pod",
        WaitReason::SchedulingGated => "schedulingGates hold its pod back",
        WaitReason::ImagePullBackOff => "an image cannot be pulled",
        WaitReason::CreateContainerConfigError => "the configuration of a container is invalid",
        WaitReason::ContainerCreating => "containers are being created",
        WaitReason::Init => "init containers are running",
        WaitReason::CrashLoopBackOff => "a container crashes again and again",
        WaitReason::NotReady => "the pod runs, but is not ready",
    }
}

/// Why a due time started no run, for a sentence that ends with it.
#[must_use]
pub fn not_started(reason: NotStarted) -> &'static str {
    match reason {
        NotStarted::Suspended => "the CronJob is suspended",
        NotStarted::ForbiddenByActiveRun => "a run is active, and the policy is Forbid",
        NotStarted::DeadlinePassed => "startingDeadlineSeconds has passed",
        NotStarted::Unexplained => "no reason is known",
    }
}

/// The outcome of a run or a due time.
#[must_use]
pub fn outcome(outcome: TickOutcome) -> &'static str {
    match outcome {
        TickOutcome::Succeeded => "succeeded",
        TickOutcome::Failed => "failed",
        TickOutcome::Deleted => "deleted before it finished",
        TickOutcome::Missed => "missed",
    }
}

/// The state of a run.
#[must_use]
pub fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running",
        RunState::Pending => "pending",
        RunState::Ending => "ending",
        RunState::Suspended => "suspended",
        RunState::Succeeded => "succeeded",
        RunState::Failed => "failed",
        RunState::Deleted => "deleted",
        RunState::Missed => "missed",
    }
}

/// What a threshold limits.
#[must_use]
pub fn threshold(threshold: Threshold) -> &'static str {
    match threshold {
        Threshold::MaxDuration => "Longest duration of a run",
        Threshold::MaxSuccessAge => "Longest time between two successes",
        Threshold::StartGrace => "Longest delay of a start",
        Threshold::MaxFailures => "Failures in a row that are tolerated",
    }
}

/// Where a threshold comes from: `annotation`, `overrides[2]` or `default`.
#[must_use]
pub fn source(source: ThresholdSource) -> String {
    match source {
        ThresholdSource::Annotation => "annotation".to_owned(),
        ThresholdSource::Override(position) => format!("overrides[{position}]"),
        ThresholdSource::Default => "default".to_owned(),
    }
}
