//! Invalid and hostile pods.

use super::*;

fn error(pod: &Value) -> (String, String) {
    let error = try_decode(pod).unwrap_err();
    (error.to_string(), error.cause().to_string())
}

#[test]
fn the_error_names_the_pod_and_the_problem() {
    let with_status = |status: Value| object(&json!({}), &json!({}), &status);
    let long = "x".repeat(300);
    for (pod, problem) in [
        (with_status(json!({"phase": 1})), "expected a string"),
        (
            with_status(json!({"containerStatuses": {}})),
            "expected a sequence",
        ),
        (
            with_status(
                json!({"containerStatuses": [{"state": {"terminated": {"exitCode": 1e30}}}]}),
            ),
            "expected i32",
        ),
        (
            with_status(json!({"containerStatuses": [{"restartCount": u64::MAX}]})),
            "expected i32",
        ),
        (
            with_status(json!({"conditions": [{"lastTransitionTime": "yesterday"}]})),
            "failed to parse",
        ),
        (
            object(
                &json!({"ownerReferences": null, "labels": []}),
                &json!({}),
                &json!({}),
            ),
            "expected a map of strings",
        ),
        (
            object(&json!({"uid": long}), &json!({}), &json!({})),
            "a name or uid is longer than 253 bytes",
        ),
    ] {
        let (message, cause) = error(&pod);
        assert_eq!(message, "decode maths/pi-x7ljs");
        assert!(cause.contains(problem), "{cause}");
    }
    let nameless = json!({"metadata": {"namespace": "maths"}});
    assert_eq!(error(&nameless).0, "decode maths/?");
    assert_eq!(error(&json!({"status": {}})).0, "decode ?/?");
}

#[test]
fn an_object_of_another_type_is_no_pod() {
    let mut pod = object(&json!({}), &json!({}), &json!({}));
    for (kind, version, is_pod) in [
        ("Pod", "v1", true),
        ("", "", true),
        ("Pod", "batch/v1", false),
        ("Job", "batch/v1", false),
        ("Job", "v1", false),
    ] {
        pod["kind"] = json!(kind);
        pod["apiVersion"] = json!(version);
        assert_eq!(try_decode(&pod).is_ok(), is_pod, "{kind} {version}");
    }
    let (_, cause) = error(&pod);
    assert_eq!(cause, r#"it is a "Job" of "v1", not a Pod of v1"#);
}

#[test]
fn every_field_but_the_names_may_be_missing_or_null() {
    let null_container = json!({"name": null, "state": null, "lastState": null, "ready": null, "restartCount": null});
    let null_state = json!({"state": {"waiting": null, "running": null, "terminated": null}});
    let empty_ending = json!({"state": {"terminated": {}}});
    let null_ending = json!({"state": {"terminated": {"exitCode": null, "signal": null, "reason": null, "finishedAt": null}}});
    let containers = [
        json!({}),
        null_container,
        null_state,
        empty_ending,
        null_ending,
    ];
    for phase in [
        json!(null),
        json!("Pending"),
        json!("Running"),
        json!("Failed"),
        json!("Whatever"),
    ] {
        for container in &containers {
            let status = json!({
                "phase": phase,
                "reason": null,
                "conditions": [{}, {"type": null, "status": null, "reason": null, "lastTransitionTime": null}],
                "initContainerStatuses": [container],
                "containerStatuses": [container],
            });
            let spec = json!({"initContainers": [{}, {"name": null, "restartPolicy": null}]});
            let metadata =
                json!({"deletionTimestamp": null, "creationTimestamp": null, "labels": null});
            let pod = decode(&metadata, &spec, &status);
            assert_eq!((pod.exit_code, pod.restarts, pod.retried), (None, 0, None));
        }
    }
    for (spec, status) in [(json!(null), json!(null)), (json!({}), json!({}))] {
        let pod = decode(&json!({}), &spec, &status);
        assert_eq!(pod.state, PodState::Waiting(WaitReason::Scheduling));
    }
}

#[test]
fn fields_that_are_not_read_may_be_deep_or_large() {
    let depth = 100;
    let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let pod = object(
        &json!({}),
        &json!({"volumes": null}),
        &json!({"phase": "Running"}),
    );
    let pod = pod
        .to_string()
        .replace(r#""volumes":null"#, &format!(r#""volumes":{deep}"#));
    assert!(Decoder::default().pod(&pod).unwrap().is_some());

    let endless = format!("{{\"metadata\":{}", "[".repeat(100_000));
    assert!(Decoder::default().pod(&endless).is_err());

    let sidecars: Vec<_> = (0..20_000)
        .map(|number| json!({"name": number.to_string(), "restartPolicy": "Always"}))
        .collect();
    let statuses: Vec<_> = (0..20_000)
        .map(|number| container(&number.to_string(), &terminated(1, "Error", 5)))
        .collect();
    let status = json!({"phase": "Failed", "initContainerStatuses": statuses, "containerStatuses": statuses});
    let pod = decode(&json!({}), &json!({"initContainers": sidecars}), &status);
    assert_eq!(pod.state, PodState::Failed(FailureCause::Error));
}

#[test]
fn messages_are_not_kept() {
    let status = json!({"phase": "Failed", "message": "a secret", "containerStatuses": [
        {"state": {"terminated": {"exitCode": 1, "message": "a secret"}}},
    ]});
    let pod = of_status(&status);
    assert!(!format!("{pod:?}").contains("secret"));
}

#[test]
fn times_at_the_ends_of_the_range_do_not_overflow() {
    let metadata = json!({
        "deletionTimestamp": "0000-01-01T00:00:00Z",
        "deletionGracePeriodSeconds": i64::MAX,
    });
    let state = json!({"terminated": {"exitCode": 143, "finishedAt": "9999-12-31T23:59:59Z"}});
    let status = json!({"phase": "Failed", "containerStatuses": [container("main", &state)]});
    let pod = decode(&metadata, &json!({}), &status);
    assert_eq!(pod.state, PodState::Failed(FailureCause::Deleted));
}
