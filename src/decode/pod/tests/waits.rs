//! Why pods wait.

use WaitReason::{
    ContainerCreating, CrashLoopBackOff, CreateContainerConfigError, ImagePullBackOff, Init,
    NotReady, Scheduling, SchedulingGated, Unschedulable,
};

use super::*;

/// Why a pod waits, and since when. `None` if it runs.
fn wait(metadata: &Value, spec: &Value, status: &Value) -> Option<(WaitReason, Option<Seconds>)> {
    let pod = decode(metadata, spec, status);
    let since = pod.since.get().map(|time| time - CREATED);
    match pod.state {
        PodState::Waiting(reason) => Some((reason, since)),
        PodState::Running => {
            assert_eq!(since, None);
            None
        }
        PodState::Succeeded | PodState::Failed(_) => panic!("{pod:?}"),
    }
}

fn scheduled() -> Value {
    condition("PodScheduled", "True", None, 2)
}

fn pending(containers: &[Value]) -> Option<(WaitReason, Option<Seconds>)> {
    let initialized = condition("Initialized", "True", None, 3);
    let conditions = json!([scheduled(), initialized]);
    let status =
        json!({"phase": "Pending", "conditions": conditions, "containerStatuses": containers});
    wait(&json!({}), &json!({}), &status)
}

#[test]
fn a_pod_without_a_node_waits_for_the_scheduler() {
    for (conditions, reason, since) in [
        (json!([]), Scheduling, 0),
        (json!(null), Scheduling, 0),
        (
            json!([condition("PodScheduled", "Unknown", None, 4)]),
            Scheduling,
            4,
        ),
        (
            json!([condition(
                "PodScheduled",
                "False",
                Some("SchedulingGated"),
                4
            )]),
            SchedulingGated,
            4,
        ),
        (
            json!([condition("PodScheduled", "False", Some("Unschedulable"), 4)]),
            Unschedulable,
            4,
        ),
        (
            json!([condition(
                "PodScheduled",
                "False",
                Some("SchedulerError"),
                4
            )]),
            Unschedulable,
            4,
        ),
        (
            json!([{"type": "PodScheduled", "status": "False"}]),
            Unschedulable,
            0,
        ),
        (json!([scheduled()]), ContainerCreating, 2),
    ] {
        for phase in [json!("Pending"), json!(""), json!(null)] {
            let status = json!({"phase": phase, "conditions": conditions});
            let found = wait(&json!({}), &json!({}), &status);
            assert_eq!(found, Some((reason, Some(since))), "{status}");
        }
    }
}

#[test]
fn the_reason_of_a_container_says_why_it_does_not_start() {
    for (reason, expected) in [
        ("ErrImagePull", ImagePullBackOff),
        ("ImagePullBackOff", ImagePullBackOff),
        ("InvalidImageName", ImagePullBackOff),
        ("ErrImageNeverPull", ImagePullBackOff),
        ("RegistryUnavailable", ImagePullBackOff),
        ("ImageInspectError", ImagePullBackOff),
        ("SignatureValidationFailed", ImagePullBackOff),
        ("CreateContainerConfigError", CreateContainerConfigError),
        ("CreateContainerError", CreateContainerConfigError),
        ("RunContainerError", CreateContainerConfigError),
        ("PostStartHookError", CreateContainerConfigError),
        ("CrashLoopBackOff", CrashLoopBackOff),
        ("ContainerCreating", ContainerCreating),
        ("PodInitializing", ContainerCreating),
        ("Whatever", ContainerCreating),
        ("", ContainerCreating),
    ] {
        let containers = [
            container("first", &waiting("ContainerCreating")),
            container("second", &waiting(reason)),
            container("third", &waiting("CrashLoopBackOff")),
        ];
        assert_eq!(
            pending(&containers[..2]),
            Some((expected, Some(3))),
            "{reason}"
        );
        let first = if expected == ContainerCreating {
            CrashLoopBackOff
        } else {
            expected
        };
        assert_eq!(pending(&containers), Some((first, Some(3))), "{reason}");
    }
    for state in [json!({}), json!(null), json!({"waiting": {}})] {
        let containers = [container("main", &state)];
        assert_eq!(
            pending(&containers),
            Some((ContainerCreating, Some(3))),
            "{state}"
        );
    }
    // Without conditions, the containers say that the pod has a node.
    let status = json!({"phase": "Pending", "containerStatuses": [container("main", &waiting("ErrImagePull"))]});
    let found = wait(&json!({}), &json!({}), &status);
    assert_eq!(found, Some((ImagePullBackOff, Some(0))));
}

#[test]
fn a_crashed_container_waits_since_it_ended() {
    let crashed = restarted(
        "main",
        &waiting("CrashLoopBackOff"),
        &terminated(3, "Error", 40),
    );
    assert_eq!(pending(&[crashed]), Some((CrashLoopBackOff, Some(40))));
}

#[test]
fn init_containers_come_before_the_others() {
    let created = waiting("PodInitializing");
    let ok = terminated(0, "Completed", 9);
    let initialized = |status| json!([scheduled(), condition("Initialized", status, None, 10)]);
    let cases = [
        (
            created.clone(),
            created.clone(),
            "False",
            (ContainerCreating, 2),
        ),
        (running(), created.clone(), "False", (Init, 2)),
        (ok.clone(), created.clone(), "False", (Init, 2)), // the sidecar starts
        (ok.clone(), running(), "False", (Init, 2)),
        (
            waiting("ImagePullBackOff"),
            created.clone(),
            "False",
            (ImagePullBackOff, 2),
        ),
        (
            ok.clone(),
            waiting("CreateContainerError"),
            "False",
            (CreateContainerConfigError, 2),
        ),
        (ok, running(), "True", (ContainerCreating, 10)),
    ];
    for (setup, proxy, status, (reason, since)) in cases {
        let status = json!({
            "phase": "Pending",
            "conditions": initialized(status),
            "initContainerStatuses": [container("setup", &setup), container("proxy", &proxy)],
            "containerStatuses": [container("main", &created)],
        });
        let found = wait(&json!({}), &with_sidecar(), &status);
        assert_eq!(found, Some((reason, Some(since))), "{status}");
    }
}

fn ready(container: &Value, ready: bool) -> Value {
    let mut container = container.clone();
    container["ready"] = json!(ready);
    container
}

#[test]
fn a_running_pod_works_unless_it_should_be_ready() {
    let runs = container("a", &running());
    let (is_ready, is_not) = (ready(&runs, true), ready(&runs, false));
    let ended = container("b", &terminated(0, "Completed", 9));
    let waits = Some((NotReady, Some(7)));
    for (condition_status, containers, expected) in [
        ("False", json!([is_not]), waits),
        ("False", json!([is_ready, is_not]), waits),
        ("False", json!([is_ready]), waits), // the node is unreachable, or a readiness gate
        ("False", json!([ended, is_ready]), None), // a container that ended is not ready
        ("False", json!([ended, is_not]), waits),
        ("True", json!([is_not]), None),
        ("Unknown", json!([is_not]), None),
        ("False", json!([ended]), None),
        ("False", json!([]), None),
    ] {
        let conditions = json!([condition("Ready", condition_status, None, 7)]);
        let status =
            json!({"phase": "Running", "conditions": conditions, "containerStatuses": containers});
        assert_eq!(wait(&json!({}), &json!({}), &status), expected, "{status}");
        let found = wait(&deleted(9), &json!({}), &status);
        assert_eq!(found, None, "a pod that stops need not be ready: {status}");
    }
    let status = json!({"phase": "Running", "containerStatuses": [is_not]});
    assert_eq!(wait(&json!({}), &json!({}), &status), None);
}

#[test]
fn a_running_pod_waits_if_a_container_cannot_be_restarted() {
    let ended = terminated(3, "Error", 40);
    for (reason, expected, since) in [
        ("CrashLoopBackOff", CrashLoopBackOff, 40),
        ("ImagePullBackOff", ImagePullBackOff, 40),
        ("", ContainerCreating, 2),
    ] {
        let status = json!({"phase": "Running", "conditions": [scheduled()], "containerStatuses": [
            container("a", &running()),
            restarted("b", &waiting(reason), &ended),
        ]});
        let found = wait(&json!({}), &json!({}), &status);
        assert_eq!(found, Some((expected, Some(since))), "{reason}");
    }
}

#[test]
fn a_pod_runs_while_only_its_sidecars_do() {
    for proxy in [running(), waiting("CrashLoopBackOff")] {
        let status = json!({
            "phase": "Running",
            "conditions": [condition("Ready", "False", None, 7)],
            "initContainerStatuses": [container("proxy", &proxy)],
            "containerStatuses": [container("main", &terminated(0, "Completed", 9))],
        });
        assert_eq!(wait(&json!({}), &with_sidecar(), &status), None, "{proxy}");
    }
    let status = json!({
        "phase": "Running",
        "initContainerStatuses": [container("proxy", &waiting("CrashLoopBackOff"))],
        "containerStatuses": [container("main", &running())],
    });
    let found = wait(&json!({}), &with_sidecar(), &status);
    assert_eq!(found, Some((CrashLoopBackOff, Some(0))));
}

#[test]
fn a_phase_that_is_not_known_counts_as_running() {
    for phase in ["Unknown", "Whatever"] {
        let status = json!({"phase": phase, "containerStatuses": [container("main", &running())]});
        assert_eq!(wait(&json!({}), &json!({}), &status), None);
    }
}
