//! Why pods failed, as far as the pod as a whole decides.

use FailureCause::{
    CreateContainerConfig, DeadlineExceeded, Deleted, DisruptionTarget, Error, Evicted, ImagePull,
    NodeLost, NodeShutdown, OomKilled, Preempted, Unknown, Unschedulable,
};

use super::*;

/// Cause, exit code and time of a failed pod.
pub(super) fn failure(
    metadata: &Value,
    spec: &Value,
    mut status: Value,
) -> (FailureCause, Option<i32>, Option<Seconds>) {
    status["phase"] = json!("Failed");
    let pod = decode(metadata, spec, &status);
    let PodState::Failed(cause) = pod.state else {
        panic!("{pod:?}")
    };
    let since = pod.since.get().map(|time| time - CREATED);
    (cause, pod.exit_code, since)
}

#[test]
fn the_reason_of_the_pod_decides_first() {
    let out_of_memory = container("main", &terminated(137, "OOMKilled", 9));
    let disruption = condition("DisruptionTarget", "True", Some("PreemptionByScheduler"), 5);
    for (reason, cause) in [
        ("Evicted", Evicted),
        ("Preempting", Preempted),
        ("Preempted", Preempted),
        ("NodeLost", NodeLost),
        ("Terminated", NodeShutdown),
        ("NodeShutdown", NodeShutdown),
        ("Shutdown", NodeShutdown),
        ("DeadlineExceeded", DeadlineExceeded),
        ("OutOfcpu", Unschedulable),
        ("OutOfexample.com/gpu", Unschedulable),
        ("UnexpectedAdmissionError", Unschedulable),
        ("NodeAffinity", Unschedulable),
        ("TopologyAffinityError", Unschedulable),
    ] {
        let status = json!({
            "reason": reason,
            "conditions": [disruption],
            "containerStatuses": [out_of_memory],
        });
        let found = failure(&json!({}), &json!({}), status);
        assert_eq!(found, (cause, None, Some(9)), "{reason}");
    }
    let status = json!({"reason": "Whatever", "containerStatuses": [out_of_memory]});
    let found = failure(&json!({}), &json!({}), status);
    assert_eq!(found, (OomKilled, Some(137), Some(9)));
}

#[test]
fn a_disruption_decides_before_the_containers() {
    let stopped = container("main", &terminated(143, "Error", 9));
    for (reason, cause) in [
        (Some("PreemptionByScheduler"), Preempted),
        (Some("DeletionByTaintManager"), NodeLost),
        (Some("DeletionByPodGC"), NodeLost),
        (Some("EvictionByEvictionAPI"), DisruptionTarget),
        (Some("TerminationByKubelet"), Evicted),
        (Some("Whatever"), DisruptionTarget),
        (None, DisruptionTarget),
    ] {
        let status = json!({
            "conditions": [condition("DisruptionTarget", "True", reason, 5)],
            "containerStatuses": [stopped],
        });
        let found = failure(&deleted(5), &json!({}), status);
        assert_eq!(found, (cause, None, Some(9)), "{reason:?}");
    }
}

#[test]
fn a_disruption_that_did_not_happen_or_came_later_does_not_decide() {
    let failed = container("main", &terminated(3, "Error", 9));
    let reason = Some("EvictionByEvictionAPI");
    for (status, time, cause) in [
        ("False", 5, Error),
        ("Unknown", 5, Error),
        ("True", 12, Error),            // the pod had failed before
        ("True", 11, DisruptionTarget), // within the tolerance of clocks
    ] {
        let status = json!({
            "conditions": [condition("DisruptionTarget", status, reason, time)],
            "containerStatuses": [failed],
        });
        let (found, ..) = failure(&json!({}), &json!({}), status.clone());
        assert_eq!(found, cause, "{status}");
    }
}

#[test]
fn the_containers_of_a_lost_node_are_shown_as_running() {
    let status = json!({
        "conditions": [condition("DisruptionTarget", "True", Some("DeletionByPodGC"), 70)],
        "containerStatuses": [
            container("main", &running()),
            container("other", &terminated(0, "Completed", 9)),
        ],
    });
    let found = failure(&json!({}), &json!({}), status);
    assert_eq!(found, (NodeLost, None, Some(70)));
}

#[test]
fn a_container_that_never_started_says_why() {
    for (reason, cause) in [
        ("ErrImagePull", ImagePull),
        ("ImagePullBackOff", ImagePull),
        ("InvalidImageName", ImagePull),
        ("CreateContainerConfigError", CreateContainerConfig),
        ("CreateContainerError", CreateContainerConfig),
        ("ContainerCreating", Deleted),
        ("CrashLoopBackOff", Deleted),
    ] {
        let status = json!({"containerStatuses": [
            container("first", &waiting("ContainerCreating")),
            container("second", &waiting(reason)),
        ]});
        let found = failure(&deleted(7), &json!({}), status);
        assert_eq!(found, (cause, None, Some(7)), "{reason}");
    }
}

#[test]
fn a_pod_without_a_node_was_unschedulable_unless_it_was_held_back() {
    for (status, reason, cause) in [
        ("False", Some("Unschedulable"), Unschedulable),
        ("False", None, Unschedulable),
        ("False", Some("SchedulingGated"), Deleted),
        ("True", None, Deleted),
    ] {
        let status = json!({"conditions": [condition("PodScheduled", status, reason, 2)]});
        let (found, ..) = failure(&deleted(7), &json!({}), status.clone());
        assert_eq!(found, cause, "{status}");
    }
}

#[test]
fn a_pod_that_says_nothing_is_unknown() {
    assert_eq!(
        failure(&json!({}), &json!({}), json!({})),
        (Unknown, None, None)
    );
    let not_ready = condition("Ready", "False", Some("PodFailed"), 6);
    let scheduled = condition("PodScheduled", "True", None, 1);
    let status = json!({"conditions": [not_ready, scheduled]});
    let found = failure(&json!({}), &json!({}), status);
    assert_eq!(found, (Unknown, None, Some(6)));
}
