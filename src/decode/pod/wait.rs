//! Why a pod that has not finished does not work. `docs/pods.md` has the rules as a list; keep them equal.

use super::status::{Container, Role, Status, transition_time};
use crate::{
    decode::wire::Condition,
    model::{Seconds, WaitReason},
};

type Wait = (WaitReason, Option<Seconds>);

/// Why the pod waits, and since when. `None` if it works.
pub(super) fn reason(pod: &Status<'_>) -> Option<Wait> {
    match pod.phase {
        "Pending" | "" => Some(
            for_node(pod).unwrap_or_else(|| for_obstacle(pod).unwrap_or_else(|| for_start(pod))),
        ),
        _ => while_running(pod),
    }
}

/// The first container that cannot start, and why. Init containers come first.
pub(super) fn first_obstacle<'a>(pod: &Status<'a>) -> Option<(Container<'a>, WaitReason)> {
    let containers = pod.containers.iter().copied();
    let mut obstacles =
        containers.filter_map(|container| Some((container, obstacle(container.waiting()?)?)));
    obstacles.next()
}

/// What a reason of a waiting container means. `None` if the container only takes its time.
fn obstacle(reason: &str) -> Option<WaitReason> {
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed"
        | "ImageVolumeMountFailed" => Some(WaitReason::ImagePullBackOff),
        "CreateContainerConfigError"
        | "CreateContainerError"
        | "RunContainerError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError"
        | "RROUnsupported" => Some(WaitReason::CreateContainerConfigError),
        "CrashLoopBackOff" => Some(WaitReason::CrashLoopBackOff),
        _ => None,
    }
}

/// The pod has no node yet.
fn for_node(pod: &Status<'_>) -> Option<Wait> {
    let Some(condition) = pod.condition("PodScheduled") else {
        // A kubelet that reports containers has the pod, whatever the conditions say.
        return pod
            .containers
            .is_empty()
            .then_some((WaitReason::Scheduling, pod.created));
    };
    let since = transition_time(condition).or(pod.created);
    match condition.status.as_deref() {
        Some("True") => None,
        Some("False") if condition.reason.as_deref() == Some("SchedulingGated") => {
            Some((WaitReason::SchedulingGated, since))
        }
        // `Unschedulable`, or `SchedulerError`: the scheduler has tried, and tries again.
        Some("False") => Some((WaitReason::Unschedulable, since)),
        _ => Some((WaitReason::Scheduling, since)),
    }
}

/// A container cannot start. A restarted one waits since it ended.
fn for_obstacle(pod: &Status<'_>) -> Option<Wait> {
    let (container, reason) = first_obstacle(pod)?;
    let ending = container.ending_before_restart();
    let since = ending.and_then(|ending| ending.finished);
    Some((reason, since.or_else(|| start_time(pod, container.role))))
}

/// The containers take their time to start.
fn for_start(pod: &Status<'_>) -> Wait {
    if is_initializing(pod) {
        (WaitReason::Init, start_time(pod, Role::Init))
    } else {
        (WaitReason::ContainerCreating, start_time(pod, Role::Main))
    }
}

/// Whether an init container has started, and not all have ended.
fn is_initializing(pod: &Status<'_>) -> bool {
    let mut init = pod.containers.iter().filter(|it| it.role != Role::Main);
    let has_started = init.any(|container| container.waiting().is_none());
    has_started && !pod.condition("Initialized").is_some_and(is_true)
}

/// Since when containers could start: the init containers since the pod has a node, the others since these have ended.
fn start_time(pod: &Status<'_>, role: Role) -> Option<Seconds> {
    let time_if_true = |kind| {
        let condition = pod.condition(kind);
        condition.filter(|it| is_true(it)).and_then(transition_time)
    };
    let initialized = (role == Role::Main).then(|| time_if_true("Initialized"));
    initialized
        .flatten()
        .or_else(|| time_if_true("PodScheduled"))
        .or(pod.created)
}

/// The pod has started. It works when its containers run, and also when only sidecars are left.
fn while_running(pod: &Status<'_>) -> Option<Wait> {
    if pod.main_containers().all(|it| it.ending().is_some()) {
        return None;
    }
    if let Some(wait) = for_obstacle(pod) {
        return Some(wait);
    }
    if pod.main_containers().any(|it| it.waiting().is_some()) {
        return Some(for_start(pod));
    }
    let ready = pod.condition("Ready")?;
    (ready.status.as_deref() == Some("False") && is_unready(pod))
        .then(|| (WaitReason::NotReady, transition_time(ready).or(pod.created)))
}

/// Whether a pod that is not ready should be. A container that has ended is not ready either, and so is a pod that is deleted.
fn is_unready(pod: &Status<'_>) -> bool {
    let mut running = pod.containers.iter().filter(|it| it.is_running());
    let has_ended = pod.main_containers().any(|it| it.ending().is_some());
    pod.deleted.is_none() && (!has_ended || running.any(|it| !it.is_ready()))
}

fn is_true(condition: &Condition<'_>) -> bool {
    condition.status.as_deref() == Some("True")
}
