//! Jobs and `CronJobs` as CCI shows them: Kubernetes 1.19 with additional fields.

use batch_simulator::api::Kind;

use super::*;

/// Names that no response of Kubernetes 1.19 contains.
const LATER: [&str; 13] = [
    "\"suspend\":false,\"template\"",
    "completionMode",
    "podReplacementPolicy",
    "podFailurePolicy",
    "managedBy",
    "\"ready\"",
    "\"terminating\"",
    "uncountedTerminatedPods",
    "SuccessCriteriaMet",
    "FailureTarget",
    "Suspended",
    "batch.kubernetes.io/",
    "lastSuccessfulTime",
];

async fn recorded() -> (Cloud, String) {
    let cloud = Cloud::default().await;
    for (kind, list) in [
        (
            Kind::Job,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/fixtures/kubernetes-1.36/jobs.json"
            )),
        ),
        (
            Kind::CronJob,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/fixtures/kubernetes-1.36/cronjobs.json"
            )),
        ),
    ] {
        let mut list: Value = serde_json::from_str(list).unwrap();
        for item in list["items"].as_array_mut().unwrap() {
            // The recording client added it.
            item["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
                json!(null);
            cloud.gateway.api().apply(kind, item.take()).unwrap();
        }
    }
    let token = cloud.token().await;
    (cloud, token)
}

#[tokio::test]
async fn recorded_objects_lose_later_fields() {
    let (cloud, token) = recorded().await;
    for (path, kind, version) in [
        ("/apis/batch/v1/jobs", "JobList", "batch/v1"),
        (
            "/apis/batch/v1beta1/cronjobs",
            "CronJobList",
            "batch/v1beta1",
        ),
    ] {
        let answer = cloud.get_with_token(path, &token).await;
        let list = answer.json();
        assert_eq!(
            (&list["kind"], &list["apiVersion"]),
            (&json!(kind), &json!(version))
        );
        assert_eq!(list["metadata"]["selfLink"], path);
        let items = list["items"].as_array().unwrap();
        assert!(items.len() > 5, "{}", items.len());
        for item in items {
            assert_eq!((item.get("kind"), item.get("apiVersion")), (None, None));
            assert_eq!(item["metadata"]["enable"], true);
            assert_eq!(item["metadata"].get("generation"), None);
        }
        for later in LATER {
            assert!(!answer.text.contains(later), "{later} in {path}");
        }
    }
}

#[tokio::test]
async fn a_job_is_shown_as_documented() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let template = json!({"metadata": {"labels": {"job-name": "pi", "batch.kubernetes.io/job-name": "pi"}}, "spec": {}});
    let job = json!({
        "metadata": {
            "namespace": "namespace-test", "name": "pi", "uid": "8c923079", "creationTimestamp": "2018-09-05T01:10:59Z",
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": "c", "uid": "u", "controller": true}],
        },
        "spec": {"parallelism": 1, "backoffLimit": 6, "suspend": false, "completionMode": "NonIndexed", "template": template},
        "status": {"active": 1, "failed": 0, "ready": 0, "terminating": 0, "startTime": "2018-09-05T01:10:59Z"},
    });
    let stored = cloud.gateway.api().apply(Kind::Job, job).unwrap();
    let shown = cloud.get_with_token(STATUS, &token).await.json();
    assert_eq!(
        shown,
        json!({
            "kind": "Job", "apiVersion": "batch/v1",
            "metadata": {
                "namespace": "namespace-test", "name": "pi", "uid": "8c923079", "creationTimestamp": "2018-09-05T01:10:59Z",
                "resourceVersion": stored["metadata"]["resourceVersion"], "enable": true, "selfLink": STATUS,
                "ownerReferences": [{"apiVersion": "batch/v1beta1", "kind": "CronJob", "name": "c", "uid": "u", "controller": true}],
            },
            "spec": {
                "parallelism": 1, "backoffLimit": 6,
                "template": {"metadata": {"labels": {"job-name": "pi"}, "creationTimestamp": null, "enable": true}, "spec": {}},
            },
            "status": {"active": 1, "startTime": "2018-09-05T01:10:59Z"},
        })
    );
    let gone = cloud
        .get_with_token(&STATUS.replace("/pi/", "/e/"), &token)
        .await
        .json();
    assert_eq!(
        (&gone["reason"], &gone["details"]["kind"]),
        (&json!("NotFound"), &json!("jobs"))
    );
    assert_eq!(gone.get("errorCode"), None);
}

#[tokio::test]
async fn pages_continue_after_the_last_object() {
    let (cloud, token) = recorded().await;
    let all = cloud
        .get_with_token("/apis/batch/v1/jobs", &token)
        .await
        .json();
    let mut items = Vec::new();
    let mut path = "/apis/batch/v1/jobs?limit=3".to_owned();
    loop {
        let mut page = cloud.get_with_token(&path, &token).await.json();
        items.append(page["items"].as_array_mut().unwrap());
        match page["metadata"]["continue"].as_str() {
            Some(token) => path = format!("/apis/batch/v1/jobs?limit=3&continue={token}"),
            None => break,
        }
    }
    assert_eq!(all["items"], json!(items));
}

#[tokio::test]
async fn discovery_names_both_versions() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let group = cloud.get_with_token("/apis/batch", &token).await.json();
    let versions: Vec<_> = group["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["groupVersion"].clone())
        .collect();
    assert_eq!(versions, ["batch/v1", "batch/v1beta1"]);
    for (version, expected) in [
        ("v1", ["jobs", "jobs/status"]),
        ("v1beta1", ["cronjobs", "cronjobs/status"]),
    ] {
        let list = cloud
            .get_with_token(&format!("/apis/batch/{version}"), &token)
            .await
            .json();
        let names: Vec<_> = list["resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["name"].clone())
            .collect();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn unknown_paths_get_the_error_of_the_gateway_or_of_kubernetes() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let unpublished = ErrorBody::documented("APIGW.0101").unwrap();
    for path in [
        "/version",
        "/",
        "/healthz",
        "/apis/cci/v2/namespaces/n/pods",
    ] {
        cloud
            .get_with_token(path, &token)
            .await
            .assert_is(&unpublished);
    }
    for path in [
        "/apis/batch/v1/cronjobs",
        "/apis/batch/v1beta1/jobs",
        "/apis/batch/v2/jobs",
        "/apis/batch/v1/namespaces/n",
    ] {
        let answer = cloud.get_with_token(path, &token).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()["kind"], "Status", "{path}");
    }
    let headers = [("x-auth-token", token.as_str())];
    let answer = cloud.cci.send(Method::DELETE, STATUS, &headers, "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_watch_needs_one_namespace() {
    let cloud = Cloud::default().await;
    let token = cloud.token().await;
    let headers = [("x-auth-token", token.as_str())];
    for query in ["watch=1", "watch=true&resourceVersion=5", "watch"] {
        let answer = cloud
            .get_with_token(&format!("/apis/batch/v1/jobs?{query}"), &token)
            .await;
        answer.assert_is(&ErrorBody::documented("CCI.01.400105").unwrap());
    }
    let streamed = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let answer = cloud
        .get_with_token(
            &format!("/apis/batch/v1/namespaces/etl/jobs?{streamed}"),
            &token,
        )
        .await;
    assert_eq!(
        answer.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "no streamed lists"
    );

    let path = "/apis/batch/v1/namespaces/etl/jobs?watch=1&resourceVersion=1";
    let (parts, mut open) = cloud
        .cci
        .open(Method::GET, path, &headers, "")
        .await
        .unwrap();
    assert_eq!(parts.status, StatusCode::OK);
    for (namespace, active) in [("etl", 0), ("other", 1), ("etl", 1)] {
        let metadata = json!({"namespace": namespace, "name": "load", "uid": "u"});
        let job = json!({"metadata": metadata, "spec": {"suspend": false}, "status": {"active": active, "ready": active}});
        cloud.gateway.api().apply(Kind::Job, job).unwrap();
    }
    let mut text = String::new();
    while text.lines().count() < 2 {
        let frame = open.body.frame().await.unwrap().unwrap();
        text.push_str(str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    assert!(
        text.starts_with("{\"type\":\"ADDED\",\"object\":{"),
        "{text}"
    );
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            (
                &event["type"],
                &event["object"]["status"],
                &event["object"]["spec"],
            )
        })
        .collect();
    let (empty, active) = (json!({}), json!({"active": 1}));
    assert_eq!(
        seen,
        [
            (&json!("ADDED"), &empty, &empty),
            (&json!("MODIFIED"), &active, &empty)
        ]
    );
    assert_eq!(events[1]["object"]["metadata"]["enable"], true);
}
