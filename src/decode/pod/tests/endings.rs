//! Why pods failed, as far as their containers decide: exit codes, signals, deletions and restarts.

use FailureCause::{ContainerCannotRun, Deleted, Error, OomKilled, StartError, Unknown};

use super::{causes::failure, *};

fn of_containers(containers: &[Value]) -> (FailureCause, Option<i32>, Option<Seconds>) {
    let status = json!({"containerStatuses": containers});
    failure(&json!({}), &json!({}), status)
}

#[test]
fn the_reason_of_a_container_says_how_it_failed() {
    for (code, reason, cause) in [
        (1, "Error", Error),
        (1, "", Error),
        (1, "Whatever", Error),
        (143, "Error", Error),
        (-1_073_741_819, "Error", Error), // an access violation on Windows
        (137, "OOMKilled", OomKilled),
        (1, "OOMKilled", OomKilled), // a child ran out of memory
        (127, "ContainerCannotRun", ContainerCannotRun),
        (128, "StartError", StartError),
    ] {
        let found = of_containers(&[container("main", &terminated(code, reason, 9))]);
        assert_eq!(found, (cause, Some(code), Some(9)), "{reason} {code}");
    }
    for reason in ["ContainerStatusUnknown", "Unknown"] {
        let found = of_containers(&[container("main", &terminated(137, reason, 9))]);
        assert_eq!(found, (Unknown, None, Some(9)), "{reason}");
    }
}

#[test]
fn a_signal_alone_is_an_exit_code() {
    for (terminated, code) in [
        (json!({"exitCode": 0, "signal": 9}), 137),
        (json!({"signal": 15}), 143),
        (json!({"exitCode": 2, "signal": 9}), 2),
        (json!({"signal": i32::MAX}), i32::MAX),
        (json!({"exitCode": 1, "signal": -1}), 1),
    ] {
        let state = json!({"terminated": terminated});
        let found = of_containers(&[container("main", &state)]);
        assert_eq!(found, (Error, Some(code), None), "{state}");
    }
}

#[test]
fn the_main_container_that_failed_first_decides() {
    let ok = container("a", &terminated(0, "Completed", 1));
    let late = container("b", &terminated(2, "Error", 8));
    let early = container("c", &terminated(3, "Error", 5));
    let timeless = container("d", &json!({"terminated": {"exitCode": 4}}));
    let epoch = container(
        "e",
        &json!({"terminated": {"exitCode": 5, "finishedAt": "1970-01-01T00:00:00Z"}}),
    );
    let found = of_containers(&[ok, timeless.clone(), epoch, late.clone(), early]);
    assert_eq!(found, (Error, Some(3), Some(5)));
    assert_eq!(of_containers(&[timeless]), (Error, Some(4), None));
    let memory = container("f", &terminated(137, "OOMKilled", 9));
    assert_eq!(
        of_containers(&[late, memory]),
        (OomKilled, Some(137), Some(9))
    );
}

#[test]
fn exit_code_0_is_a_success_whatever_its_reason() {
    let odd = container("main", &terminated(0, "OOMKilled", 5));
    let failed = container("other", &terminated(2, "Error", 8));
    assert_eq!(
        of_containers(&[odd.clone(), failed]),
        (Error, Some(2), Some(8))
    );
    assert_eq!(of_containers(&[odd]), (Unknown, None, Some(5)));
}

#[test]
fn init_containers_decide_first_and_sidecars_last() {
    let decide = |setup: &Value, proxy: &Value, main: &Value| {
        let status = json!({
            "initContainerStatuses": [container("setup", setup), container("proxy", proxy)],
            "containerStatuses": [container("main", main)],
        });
        let (cause, code, _) = failure(&json!({}), &with_sidecar(), status);
        (cause, code)
    };
    let ok = terminated(0, "Completed", 1);
    let created = waiting("PodInitializing");
    let failed = |code, time| terminated(code, "Error", time);
    let memory = |time| terminated(137, "OOMKilled", time);
    let cases = [
        (
            failed(4, 3),
            created.clone(),
            created.clone(),
            (Error, Some(4)),
        ),
        (memory(3), created.clone(), created, (OomKilled, Some(137))),
        (ok.clone(), failed(2, 4), failed(5, 6), (Error, Some(5))),
        (ok.clone(), memory(4), failed(5, 6), (OomKilled, Some(137))),
        // A sidecar ends after the main containers: it has not stopped them.
        (ok.clone(), memory(6), failed(5, 6), (Error, Some(5))),
        (ok.clone(), memory(9), failed(5, 6), (Error, Some(5))),
        (
            ok.clone(),
            failed(143, 9),
            terminated(137, "Unknown", 6),
            (Unknown, None),
        ),
        (
            ok.clone(),
            failed(143, 5),
            terminated(137, "Unknown", 6),
            (Unknown, None),
        ),
        (
            ok,
            failed(2, 5),
            terminated(137, "Unknown", 6),
            (Error, Some(2)),
        ),
    ];
    for (setup, proxy, main, expected) in cases {
        assert_eq!(
            decide(&setup, &proxy, &main),
            expected,
            "{setup} {proxy} {main}"
        );
    }
}

#[test]
fn a_container_that_was_stopped_with_its_pod_was_deleted() {
    for (code, reason, finished, expected) in [
        (143, "Error", 20, (Deleted, None)),
        (137, "Error", 50, (Deleted, None)),
        (137, "ContainerStatusUnknown", 50, (Deleted, None)),
        (143, "Error", 18, (Deleted, None)), // within the tolerance of clocks
        (143, "Error", 17, (Error, Some(143))), // ended before somebody deleted the pod
        (1, "Error", 20, (Error, Some(1))),  // it may have failed to stop
        (137, "OOMKilled", 20, (OomKilled, Some(137))),
    ] {
        let status =
            json!({"containerStatuses": [container("main", &terminated(code, reason, finished))]});
        let (cause, code, since) = failure(&deleted(20), &json!({}), status.clone());
        assert_eq!((cause, code), expected, "{status}");
        assert_eq!(since, Some(finished), "{status}");
    }
    let timeless = json!({"containerStatuses": [container("main", &json!({"terminated": {"exitCode": 137}}))]});
    let found = failure(&deleted(20), &json!({}), timeless);
    assert_eq!(found, (Deleted, None, Some(20)));
    let lost = json!({"containerStatuses": [container("main", &terminated(137, "Unknown", 3))]});
    let (cause, ..) = failure(&deleted(20), &json!({}), lost);
    assert_eq!(cause, Unknown);
    let unlimited = json!({"deletionTimestamp": at(20), "deletionGracePeriodSeconds": null});
    assert_eq!(
        failure(&unlimited, &json!({}), json!({})),
        (Deleted, None, Some(20))
    );
}

#[test]
fn the_other_container_of_a_deleted_pod_may_have_failed() {
    let status = json!({"containerStatuses": [
        container("a", &terminated(143, "Error", 20)),
        container("b", &terminated(6, "Error", 9)),
    ]});
    let found = failure(&deleted(20), &json!({}), status);
    assert_eq!(found, (Error, Some(6), Some(9)));
}

#[test]
fn a_failure_before_the_last_restart_explains_a_deleted_pod() {
    let error = terminated(3, "Error", 9);
    let stopped = terminated(143, "Error", 21);
    for (state, last_state, expected) in [
        (stopped.clone(), error.clone(), (Error, Some(3), Some(21))),
        (
            stopped.clone(),
            terminated(137, "OOMKilled", 9),
            (OomKilled, Some(137), Some(21)),
        ),
        (
            waiting("CrashLoopBackOff"),
            error.clone(),
            (Error, Some(3), Some(9)),
        ),
        (
            stopped.clone(),
            terminated(0, "Completed", 9),
            (Deleted, None, Some(21)),
        ),
        (
            terminated(0, "Completed", 21),
            error.clone(),
            (Deleted, None, Some(21)),
        ),
        (
            waiting("ContainerCreating"),
            terminated(137, "ContainerStatusUnknown", 9),
            (Deleted, None, Some(20)),
        ),
        (
            terminated(5, "Error", 12),
            error,
            (Error, Some(5), Some(12)),
        ),
    ] {
        let status = json!({"containerStatuses": [restarted("main", &state, &last_state)]});
        let found = failure(&deleted(20), &json!({}), status);
        assert_eq!(found, expected, "{state} {last_state}");
    }
}

#[test]
fn the_restarts_of_a_sidecar_explain_a_pod_only_if_it_waits_for_the_next_one() {
    for (proxy, expected) in [
        (waiting("CrashLoopBackOff"), (Error, Some(8))),
        (terminated(143, "Error", 21), (Deleted, None)),
    ] {
        let status = json!({
            "initContainerStatuses": [restarted("proxy", &proxy, &terminated(8, "Error", 9))],
            "containerStatuses": [container("main", &waiting("PodInitializing"))],
        });
        let (cause, code, _) = failure(&deleted(20), &with_sidecar(), status);
        assert_eq!((cause, code), expected, "{proxy}");
    }
}

#[test]
fn retries_are_counted_and_the_last_one_is_explained() {
    let status = json!({"phase": "Running", "containerStatuses": [
        restarted("a", &running(), &terminated(137, "OOMKilled", 9)),
        restarted("b", &running(), &terminated(3, "Error", 12)),
        restarted("c", &running(), &terminated(0, "Completed", 20)),
        json!({"name": "d", "restartCount": -5}),
        json!({"name": "e", "restartCount": null, "lastState": null}),
    ]});
    let pod = of_status(&status);
    assert_eq!(
        (pod.restarts, pod.retried, pod.exit_code),
        (6, Some(Error), Some(3))
    );

    let lost = restarted(
        "a",
        &running(),
        &terminated(137, "ContainerStatusUnknown", 9),
    );
    let pod = of_status(&json!({"phase": "Succeeded", "containerStatuses": [lost]}));
    assert_eq!(pod.state, PodState::Succeeded);
    assert_eq!(
        (pod.retried, pod.exit_code, pod.since.get()),
        (Some(Unknown), Some(137), None)
    );

    let many = json!({"restartCount": i32::MAX});
    let pod =
        of_status(&json!({"initContainerStatuses": [many, many], "containerStatuses": [many]}));
    assert_eq!(pod.restarts, u32::MAX);
    assert_eq!(pod.retried, None);
}
