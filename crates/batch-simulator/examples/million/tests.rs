//! What clients get: pages, streamed lists, and events.

use std::{collections::HashSet, sync::Arc};

use http::{Method, Request};
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch::Sender;

use super::{
    cluster::{Cluster, Size},
    object::Templates,
    server::{self, Shared},
};

fn shared(jobs: u32) -> Arc<Shared> {
    let size = Size {
        jobs,
        cronjobs: 50,
        churning: 50,
        history: 100,
    };
    Arc::new(Shared {
        cluster: Mutex::new(Cluster::new(size, server::now())),
        templates: Templates::new().unwrap(),
        writes: Sender::new(()),
        watch_list: true,
    })
}

/// The status and the body of a response whose body ends.
async fn body(shared: &Arc<Shared>, method: Method, path: &str) -> (u16, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(())
        .unwrap();
    let response = server::respond(shared, &request);
    let code = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (code, String::from_utf8(body.to_vec()).unwrap())
}

async fn get(shared: &Arc<Shared>, path: &str) -> Value {
    let (code, body) = body(shared, Method::GET, path).await;
    assert_eq!(code, 200, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// The lines of a watch that ends after a second.
async fn events(shared: &Arc<Shared>, query: &str) -> Vec<Value> {
    let path = format!("/apis/batch/v1/jobs?watch=1&timeoutSeconds=1&{query}");
    let (code, body) = body(shared, Method::GET, &path).await;
    assert_eq!(code, 200, "{body}");
    let lines = body.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

fn uids(objects: &[Value]) -> HashSet<String> {
    let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap().to_owned();
    objects.iter().map(uid).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_show_every_job_once() {
    let shared = shared(1_234);
    let whole = get(&shared, "/apis/batch/v1/jobs").await;
    let whole = uids(whole["items"].as_array().unwrap());
    assert_eq!(whole.len(), 1_234);
    let (mut items, mut query, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page = get(&shared, &format!("/apis/batch/v1/jobs?limit=500{query}")).await;
        let objects = page["items"].as_array().unwrap();
        sizes.push(objects.len());
        items.extend(objects.iter().cloned());
        let Some(token) = page["metadata"]["continue"].as_str() else {
            break;
        };
        query = format!("&continue={token}");
    }
    assert_eq!(sizes, [500, 500, 234]);
    assert_eq!(uids(&items), whole);
}

#[tokio::test(start_paused = true)]
async fn a_streamed_list_ends_with_a_bookmark_and_goes_on_with_events() {
    let shared = shared(300);
    let query = "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let lines = events(&shared, query).await;
    assert_eq!(lines.len(), 301);
    assert!(lines[..300].iter().all(|line| line["type"] == "ADDED"));
    let bookmark = &lines[300]["object"]["metadata"];
    assert_eq!(bookmark["annotations"]["k8s.io/initial-events-end"], "true");
    let version = bookmark["resourceVersion"].as_str().unwrap();
    body(&shared, Method::POST, "/churn?new=2&ended=1&deleted=3").await;
    let lines = events(&shared, &format!("resourceVersion={version}")).await;
    let kinds: Vec<_> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "ADDED", "ADDED", "MODIFIED", "DELETED", "DELETED", "DELETED"
        ]
    );
    let left = get(&shared, "/apis/batch/v1/jobs").await;
    assert_eq!(left["items"].as_array().unwrap().len(), 299);
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_forgotten_version_is_expired() {
    let shared = shared(300);
    let list = get(&shared, "/apis/batch/v1/jobs?limit=1").await;
    let version = list["metadata"]["resourceVersion"].as_str().unwrap();
    body(&shared, Method::POST, "/churn?new=51").await;
    let lines = events(&shared, &format!("resourceVersion={version}")).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["object"]["code"], 410);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_simulated_is_refused() {
    let shared = shared(10);
    for path in ["/apis/batch/v1/namespaces/load-00/jobs", "/api/v1/secrets"] {
        assert_eq!(body(&shared, Method::GET, path).await.0, 404, "{path}");
    }
    let path = "/apis/batch/v1/jobs?labelSelector=a%3Db";
    assert_eq!(body(&shared, Method::GET, path).await.0, 400);
}
