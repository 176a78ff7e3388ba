//! Pods of the core API: paths, selectors and the events of a selection.

use super::{
    watching::{Watch, event},
    *,
};

/// The selection of a client that reads the pods of Jobs that have not succeeded.
const UNSUCCESSFUL: &str =
    "labelSelector=batch.kubernetes.io%2Fjob-name&fieldSelector=status.phase%21%3DSucceeded";

fn pod(namespace: &str, name: &str, job: &str, phase: &str) -> Value {
    json!({
        "metadata": {
            "namespace": namespace, "name": name,
            "labels": {"batch.kubernetes.io/job-name": job, "job-name": job},
        },
        "spec": {"containers": [{"name": "main", "image": "registry.example/main:1"}]},
        "status": {"phase": phase},
    })
}

/// A pod that no Job owns.
fn other_pod(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}})
}

async fn server_with_pods() -> Server {
    let server = Server::start(ApiOptions::default()).await;
    for object in [
        pod("etl", "load-a", "load", "Failed"),
        pod("etl", "load-b", "load", "Running"),
        pod("etl", "load-c", "load", "Succeeded"),
        pod("ops", "sweep-a", "sweep", "Pending"),
        other_pod("ops", "web-a"),
    ] {
        server.api.apply(Kind::Pod, object).unwrap();
    }
    server
}

#[tokio::test]
async fn pods_are_served_below_the_core_api() {
    let server = server_with_pods().await;
    let list = server.get("/api/v1/pods").await.json();
    assert_eq!(list["kind"], "PodList");
    assert_eq!(list["apiVersion"], "v1");
    assert_eq!(list["metadata"]["resourceVersion"], "6");
    let all = ["load-a", "load-b", "load-c", "sweep-a", "web-a"];
    assert_eq!(names(&list), all);
    let list = server.get("/api/v1/namespaces/ops/pods").await.json();
    assert_eq!(names(&list), ["sweep-a", "web-a"]);
    for path in ["load-a", "load-a/status"] {
        let path = format!("/api/v1/namespaces/etl/pods/{path}");
        let object = server.get(&path).await.json();
        assert_eq!(
            (&object["kind"], &object["apiVersion"]),
            (&json!("Pod"), &json!("v1"))
        );
        assert_eq!(object["status"]["phase"], "Failed");
    }
    let created = server.api.get(Kind::Pod, "ops", "web-a").unwrap();
    assert_eq!(
        created["status"],
        json!({"phase": "Pending"}),
        "as a server sets it"
    );
    for path in [
        "/apis/batch/v1/pods",
        "/api/v1/jobs",
        "/api/v2/pods",
        "/api/v1/nodes",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.json()["reason"], "NotFound", "{path}");
    }
}

#[tokio::test]
async fn discovery_has_the_core_api() {
    let server = Server::start(ApiOptions::default()).await;
    assert_eq!(server.get("/api").await.json()["versions"], json!(["v1"]));
    let core = server.get("/api/v1").await.json();
    assert_eq!(core["groupVersion"], "v1");
    let resources = core["resources"].as_array().unwrap();
    let resources = resources.iter().map(|resource| &resource["name"]);
    let names: Vec<_> = resources.collect();
    assert_eq!(names, ["namespaces", "pods", "pods/status"]);
}

#[tokio::test]
async fn errors_about_pods_have_no_group() {
    let server = server_with_pods().await;
    let missing = server.get("/api/v1/namespaces/etl/pods/x").await.json();
    assert_eq!(missing["message"], "pods \"x\" not found");
    assert_eq!(missing["details"], json!({"name": "x", "kind": "pods"}));
    let jobs_only = Permissions::of_user("reader").allow(&["list"], &["jobs"]);
    server.api.grant("t0", jobs_only);
    let headers = [("authorization", "Bearer t0")];
    let denied = server.client.get("/api/v1/pods", &headers).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    let denied = denied.json();
    assert_eq!(
        denied["message"],
        "pods is forbidden: User \"reader\" cannot list resource \"pods\" in API group \"\" at the cluster scope"
    );
    assert_eq!(denied["details"], json!({"kind": "pods"}));
}

#[tokio::test]
async fn selectors_select_the_pods_of_jobs_by_phase() {
    let server = server_with_pods().await;
    for (query, expected) in [
        (UNSUCCESSFUL, &["load-a", "load-b", "sweep-a"][..]),
        (
            "labelSelector=job-name",
            &["load-a", "load-b", "load-c", "sweep-a"],
        ),
        ("labelSelector=%21job-name", &["web-a"]),
        ("fieldSelector=status.phase%3DFailed", &["load-a"]),
        (
            "fieldSelector=status.phase%3D%3DPending",
            &["sweep-a", "web-a"],
        ),
        (
            "fieldSelector=metadata.namespace%3Detl,status.phase%21%3DFailed",
            &["load-b", "load-c"],
        ),
    ] {
        let list = server.get(&format!("/api/v1/pods?{query}")).await.json();
        assert_eq!(names(&list), expected, "{query}");
    }
    let answer = server
        .get("/api/v1/pods?fieldSelector=status.nothing%3Dx")
        .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer.json()["message"],
        "field label not supported: status.nothing"
    );
}

#[tokio::test]
async fn pages_have_the_selected_pods() {
    let server = server_with_pods().await;
    let path = format!("/api/v1/pods?limit=2&{UNSUCCESSFUL}");
    let first = server.get(&path).await.json();
    assert_eq!(names(&first), ["load-a", "load-b"]);
    server.api.delete(Kind::Pod, "ops", "sweep-a");
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = server.get(&format!("{path}&continue={token}")).await.json();
    assert_eq!(names(&second), ["sweep-a"], "the state of the first page");
    assert_eq!(second["metadata"].get("continue"), None);
}

#[tokio::test]
async fn a_pod_that_leaves_the_selection_is_deleted_with_its_last_state() {
    let server = Server::start(ApiOptions::default()).await;
    let path = format!("/api/v1/pods?watch=1&resourceVersion=1&{UNSUCCESSFUL}");
    let mut watch = Watch::start_at(&server, &path).await;
    let apply = |phase: &str| {
        let object = pod("etl", "load-a", "load", phase);
        server.api.apply(Kind::Pod, object).unwrap();
    };
    apply("Pending");
    assert_eq!(watch.next().await, Some(event("ADDED", "load-a", "2")));
    apply("Running");
    assert_eq!(watch.next().await, Some(event("MODIFIED", "load-a", "3")));
    apply("Succeeded");
    let line = watch.line().await.unwrap();
    let left: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(left["type"], "DELETED");
    assert_eq!(left["object"]["status"]["phase"], "Running");
    assert_eq!(left["object"]["metadata"]["resourceVersion"], "4");
    // Neither a pod outside the selection nor a Job is an event.
    server.api.delete(Kind::Pod, "etl", "load-a");
    server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    server
        .api
        .apply(Kind::Pod, other_pod("etl", "web-a"))
        .unwrap();
    apply("Failed");
    assert_eq!(watch.next().await, Some(event("ADDED", "load-a", "8")));
    server.api.delete(Kind::Pod, "etl", "load-a");
    assert_eq!(watch.next().await, Some(event("DELETED", "load-a", "9")));
}

#[tokio::test]
async fn a_streamed_list_has_the_selected_pods_and_ends_with_a_bookmark() {
    let server = server_with_pods().await;
    let path = format!(
        "/api/v1/namespaces/etl/pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
         &allowWatchBookmarks=true&timeoutSeconds=1&{UNSUCCESSFUL}"
    );
    let events = events(&server.get(&path).await);
    let seen = events.iter().map(|event| {
        let name = event["object"]["metadata"]["name"].as_str();
        (event["type"].as_str().unwrap(), name.unwrap_or_default())
    });
    let expected = [("ADDED", "load-a"), ("ADDED", "load-b"), ("BOOKMARK", "")];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    assert_eq!(
        events[2]["object"],
        json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": {"resourceVersion": "6", "annotations": {"k8s.io/initial-events-end": "true"}},
            "spec": {"containers": null}, "status": {},
        })
    );
}
