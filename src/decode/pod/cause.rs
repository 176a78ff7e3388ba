//! Why a pod failed.
//!
//! [`failure`] asks one rule after the other, and the first one with an answer decides. `docs/pods.md` has the rules as a
//! list; keep them equal.

use std::cmp::Reverse;

use super::{
    status::{Container, Ending, Role, Status, is_before, transition_time},
    wait,
};
use crate::model::{FailureCause, Seconds, WaitReason};

/// Why a pod failed, and when.
pub(super) struct Failure {
    pub(super) cause: FailureCause,
    /// The exit code of the container that decided.
    pub(super) exit_code: Option<i32>,
    pub(super) since: Option<Seconds>,
}

/// Why a pod in phase `Failed` failed.
pub(super) fn failure(pod: &Status<'_>) -> Failure {
    by_reason(pod)
        .or_else(|| by_disruption(pod))
        .or_else(|| by_memory(pod))
        .or_else(|| by_ended_container(pod))
        .or_else(|| by_restarted_container(pod))
        .or_else(|| by_waiting_container(pod))
        .or_else(|| by_scheduling(pod))
        .or_else(|| by_deletion(pod))
        .unwrap_or_else(|| of_pod(pod, FailureCause::Unknown))
}

/// How a container failed before its last restart. If several were restarted, the one that failed last.
pub(super) fn last_restart<'a>(pod: &Status<'a>) -> Option<Ending<'a>> {
    let endings = pod.containers.iter();
    endings
        .filter_map(|container| container.ending_before_restart())
        .filter(|ending| ending.cause().is_some())
        .max_by_key(|ending| ending.finished)
}

/// `status.reason`, which the kubelet sets when it ends or rejects the pod itself.
fn by_reason(pod: &Status<'_>) -> Option<Failure> {
    let cause = match pod.reason {
        "Evicted" => FailureCause::Evicted,
        "Preempting" | "Preempted" => FailureCause::Preempted,
        "NodeLost" => FailureCause::NodeLost,
        "Terminated" | "NodeShutdown" | "Shutdown" => FailureCause::NodeShutdown,
        "DeadlineExceeded" => FailureCause::DeadlineExceeded,
        reason if is_rejection(reason) => FailureCause::Unschedulable,
        _ => return None,
    };
    Some(of_pod(pod, cause))
}

/// Whether this is a reason why kubelets reject a pod that the scheduler gave to them.
///
/// <https://github.com/kubernetes/kubernetes/blob/v1.36.0/pkg/kubelet/kubelet.go> (`admissionRejectionReasons`)
fn is_rejection(reason: &str) -> bool {
    const REASONS: [&str; 20] = [
        "AppArmor",
        "EmptyPodSharedPoolError",
        "InitContainerRestartPolicyForbidden",
        "InvalidNodeInfo",
        "NodeAffinity",
        "NodeName",
        "NodePorts",
        "NodeUnschedulable",
        "PodFeatureUnsupported",
        "PodLevelResourcesNotSupported",
        "PodOSNotSupported",
        "PodOSSelectorNodeLabelDoesNotMatch",
        "SupplementalGroupsPolicyNotSupported",
        "SysctlForbidden",
        "TaintToleration",
        "TopologyAffinityError",
        "UnexpectedAdmissionError",
        "UnexpectedPredicateFailureType",
        "UnknownReason",
        "VolumeAttachmentLimitExceeded",
    ];
    // `OutOfcpu`, `OutOfmemory`, `OutOfpods` and any extended resource.
    reason.starts_with("OutOf") || REASONS.contains(&reason)
}

/// The condition `DisruptionTarget`. The eviction API also sets it on pods that have failed before.
///
/// <https://kubernetes.io/docs/concepts/workloads/pods/disruptions/#pod-disruption-conditions>
fn by_disruption(pod: &Status<'_>) -> Option<Failure> {
    let condition = pod.condition("DisruptionTarget")?;
    let time = transition_time(condition);
    if condition.status.as_deref() != Some("True")
        || time.is_some_and(|time| pod.had_ended_before(time))
    {
        return None;
    }
    let cause = match condition.reason.as_deref() {
        Some("PreemptionByScheduler") => FailureCause::Preempted,
        Some("DeletionByTaintManager" | "DeletionByPodGC") => FailureCause::NodeLost,
        // The kubelet also sets `status.reason`. Without that, an eviction is most likely.
        Some("TerminationByKubelet") => FailureCause::Evicted,
        _ => FailureCause::DisruptionTarget,
    };
    Some(of_pod(pod, cause))
}

/// A container that ran out of memory. It explains the errors of the containers beside it.
fn by_memory(pod: &Status<'_>) -> Option<Failure> {
    by_first_ending(pod, |_, ending| {
        ending.cause() == Some(FailureCause::OomKilled)
    })
}

/// A container that failed, other than by the deletion of its pod.
fn by_ended_container(pod: &Status<'_>) -> Option<Failure> {
    by_first_ending(pod, |container, ending| {
        let is_stopped_sidecar = container.role == Role::Sidecar && ending.is_stopped();
        ending.known_cause().is_some()
            && !is_stopped_sidecar
            && !is_stopped_by_deletion(pod, *ending)
    })
}

/// The container that ended first decides among those that `is_decisive` selects: an init container, else a main container, else
/// a sidecar.
fn by_first_ending(
    pod: &Status<'_>,
    is_decisive: impl Fn(Container<'_>, &Ending<'_>) -> bool,
) -> Option<Failure> {
    let main_end = pod.main_end();
    let containers = pod.containers.iter().copied();
    containers
        .filter_map(|container| Some((container, container.ending()?)))
        .filter(|(container, ending)| is_decisive(*container, ending))
        .filter(|(container, ending)| !is_late_sidecar(*container, *ending, main_end))
        .min_by_key(|(container, ending)| {
            let finished = ending.finished;
            (container.role, finished.is_none(), finished)
        })
        .and_then(|(_, ending)| of_ending(pod, ending, ending.finished))
}

/// Whether this is a sidecar that ended after the main containers, as sidecars do.
fn is_late_sidecar(
    container: Container<'_>,
    ending: Ending<'_>,
    main_end: Option<Seconds>,
) -> bool {
    container.role == Role::Sidecar
        && main_end.is_some_and(|end| ending.finished.is_none_or(|finished| finished >= end))
}

/// Whether the container ended by a signal after the pod was deleted.
fn is_stopped_by_deletion(pod: &Status<'_>, ending: Ending<'_>) -> bool {
    let is_before_deletion = |deleted| {
        let finished = ending.finished;
        finished.is_some_and(|finished| is_before(finished, deleted))
    };
    ending.is_stopped()
        && pod
            .deleted
            .is_some_and(|deleted| !is_before_deletion(deleted))
}

/// A container that failed, was restarted, and did not succeed since. The Job controller deletes such a pod when its Job has no
/// retries left.
fn by_restarted_container(pod: &Status<'_>) -> Option<Failure> {
    let is_open = |container: &Container<'_>| match container.role {
        Role::Init | Role::Main => container.ending().is_none_or(|ending| ending.code != 0),
        // A sidecar that runs again has not stopped the pod.
        Role::Sidecar => container.waiting().is_some(),
    };
    let containers = pod.containers.iter().copied();
    containers
        .filter(is_open)
        .filter_map(|container| Some((container, container.ending_before_restart()?)))
        .filter(|(_, ending)| ending.known_cause().is_some())
        .min_by_key(|(container, ending)| (container.role, Reverse(ending.finished)))
        .and_then(|(container, ending)| {
            let last_ending = container.ending().and_then(|ending| ending.finished);
            of_ending(pod, ending, last_ending.or(ending.finished))
        })
}

/// A container that never started.
fn by_waiting_container(pod: &Status<'_>) -> Option<Failure> {
    let cause = match wait::first_obstacle(pod)?.1 {
        WaitReason::ImagePullBackOff => FailureCause::ImagePull,
        WaitReason::CreateContainerConfigError => FailureCause::CreateContainerConfig,
        _ => return None,
    };
    Some(of_pod(pod, cause))
}

/// The scheduler found no node. A pod that `schedulingGates` hold back has not been to the scheduler.
fn by_scheduling(pod: &Status<'_>) -> Option<Failure> {
    let condition = pod.condition("PodScheduled")?;
    (condition.status.as_deref() == Some("False")
        && condition.reason.as_deref() != Some("SchedulingGated"))
    .then(|| of_pod(pod, FailureCause::Unschedulable))
}

/// The pod was deleted while it ran.
fn by_deletion(pod: &Status<'_>) -> Option<Failure> {
    let deleted = pod.deleted?;
    (!pod.had_ended_before(deleted)).then(|| of_pod(pod, FailureCause::Deleted))
}

/// A failure that one container decides.
fn of_ending(pod: &Status<'_>, ending: Ending<'_>, finished: Option<Seconds>) -> Option<Failure> {
    Some(Failure {
        cause: ending.cause()?,
        exit_code: Some(ending.code),
        since: finished.or_else(|| end(pod)),
    })
}

/// A failure that the pod as a whole decides. The exit codes of its containers only say that they were stopped.
fn of_pod(pod: &Status<'_>, cause: FailureCause) -> Failure {
    Failure {
        cause,
        exit_code: None,
        since: end(pod),
    }
}

/// When the pod ended. A container that is still running is on a lost node.
fn end(pod: &Status<'_>) -> Option<Seconds> {
    let is_lost = pod.containers.iter().any(|it| it.is_running());
    let disruption = pod.condition("DisruptionTarget").and_then(transition_time);
    pod.last_end()
        .filter(|_| !is_lost)
        .or(disruption)
        .or(pod.deleted)
        .or_else(|| pod.last_transition())
}
