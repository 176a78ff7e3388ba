//! The simulated API over TCP, compared with recordings of a real server.

use std::time::Duration;

use batch_simulator::api::{ApiOptions, Kind, Permissions, SimulatedApi};
use http::{Method, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::client::{Answer, Client};

mod namespaces;
mod pods;
mod recorded;
mod watching;

/// The timeout for anything that happens at once.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A served API and a client of it.
struct Server {
    api: SimulatedApi,
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

impl Server {
    async fn start(options: ApiOptions) -> Self {
        let api = SimulatedApi::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::plain(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let mut serving = JoinSet::new();
        serving.spawn(api.clone().serve(listener, async {
            let _ = stopped.await;
        }));
        Self {
            api,
            client,
            stop,
            serving,
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.client.get(path, &[]).await
    }

    /// Applies recorded objects in the order of their versions, so that they keep them.
    fn apply_all(&self, objects: impl Iterator<Item = (Kind, Value)>) {
        let mut objects: Vec<_> = objects.collect();
        let version = |(_, object): &(Kind, Value)| -> u64 {
            let version = object["metadata"]["resourceVersion"].as_str();
            version.unwrap().parse().unwrap()
        };
        objects.sort_by_key(version);
        for (kind, object) in objects {
            self.api.apply(kind, object).unwrap();
        }
    }

    /// Advances the resource version with an object that no recording contains.
    fn advance_to(&self, version: u64) {
        let name =
            json!({"name": "clock", "namespace": "aside", "resourceVersion": version.to_string()});
        let object = json!({"metadata": name, "spec": {"schedule": version.to_string()}});
        self.api.apply(Kind::CronJob, object).unwrap();
    }
}

/// The events of a complete watch.
fn events(answer: &Answer) -> Vec<Value> {
    let lines = answer.text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn job(namespace: &str, name: &str) -> Value {
    json!({"metadata": {"namespace": namespace, "name": name}, "spec": {"parallelism": 1}})
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn objects_are_served_as_they_are_applied() {
    let server = Server::start(ApiOptions::default()).await;
    let stored = server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    let metadata = &stored["metadata"];
    assert_eq!(metadata["resourceVersion"], "2");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    for path in ["load", "load/status"] {
        let path = format!("/apis/batch/v1/namespaces/etl/jobs/{path}");
        assert_eq!(server.get(&path).await.json(), stored);
    }

    let mut changed = stored.clone();
    changed["spec"]["parallelism"] = json!(2);
    let changed = server.api.apply(Kind::Job, changed).unwrap();
    assert_eq!(changed["metadata"]["generation"], 2);
    assert_eq!(changed["metadata"]["uid"], metadata["uid"]);
    let unchanged = server.api.apply(Kind::Job, changed.clone()).unwrap();
    assert_eq!(unchanged, changed, "a write without a change has no effect");

    assert!(server.api.delete(Kind::Job, "etl", "load"));
    assert!(!server.api.delete(Kind::Job, "etl", "load"));
    let again = server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    assert_ne!(again["metadata"]["uid"], metadata["uid"]);
}

#[tokio::test]
async fn objects_without_a_name_are_invalid() {
    let api = SimulatedApi::new(ApiOptions::default());
    for bad in [
        json!(5),
        json!({}),
        json!({"metadata": 5}),
        json!({"metadata": {"name": ""}}),
    ] {
        assert!(api.apply(Kind::Job, bad.clone()).is_err(), "{bad}");
    }
    assert_eq!(api.count(Kind::Job), 0);
}

#[tokio::test]
async fn pages_show_one_state_while_it_changes() {
    let server = Server::start(ApiOptions::default()).await;
    for name in ["a", "b", "c", "d"] {
        server.api.apply(Kind::Job, job("etl", name)).unwrap();
    }
    let first = server.get("/apis/batch/v1/jobs?limit=2").await.json();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    assert_eq!(first["metadata"]["remainingItemCount"], 2);

    server.api.delete(Kind::Job, "etl", "c");
    server.api.apply(Kind::Job, job("etl", "bb")).unwrap();
    let mut d = server.api.get(Kind::Job, "etl", "d").unwrap();
    d["spec"]["parallelism"] = json!(9);
    server.api.apply(Kind::Job, d).unwrap();

    let path = format!("/apis/batch/v1/jobs?limit=2&continue={token}");
    let second = server.get(&path).await.json();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["items"][1]["spec"]["parallelism"], 1);
    assert_eq!(
        second["metadata"],
        json!({"resourceVersion": first["metadata"]["resourceVersion"]})
    );

    server.api.compact();
    let expired = server.get(&path).await;
    assert_eq!(expired.status, StatusCode::GONE);
    let token = expired.json()["metadata"]["continue"].clone();
    let path = format!(
        "/apis/batch/v1/jobs?limit=2&continue={}",
        token.as_str().unwrap()
    );
    let rest = server.get(&path).await.json();
    assert_eq!(names(&rest), ["bb", "d"], "the current objects");
}

#[tokio::test]
async fn pages_keep_to_namespace_and_selector() {
    let server = Server::start(ApiOptions::default()).await;
    for (namespace, name, tier) in [
        ("a", "x", "batch"),
        ("a-b", "x", "batch"),
        ("a", "y", "web"),
        ("a", "z", "batch"),
    ] {
        let mut object = job(namespace, name);
        object["metadata"]["labels"] = json!({"tier": tier});
        server.api.apply(Kind::Job, object).unwrap();
    }
    let path = "/apis/batch/v1/namespaces/a/jobs?limit=1&labelSelector=tier%3Dbatch";
    let first = server.get(path).await.json();
    assert_eq!(names(&first), ["x"]);
    assert_eq!(first["metadata"].get("remainingItemCount"), None);
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = server.get(&format!("{path}&continue={token}")).await.json();
    assert_eq!(names(&second), ["z"]);
    assert_eq!(second["metadata"].get("continue"), None);
}

#[tokio::test]
async fn tokens_have_permissions() {
    let server = Server::start(ApiOptions::default()).await;
    server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    let permissions = Permissions::of_user("poller").allow(&["get"], &["jobs/status"]);
    server.api.grant("t0", permissions.in_namespace("etl"));
    let status = async |path: &str, token: &str| {
        let header = format!("Bearer {token}");
        let path = format!("/apis/batch/v1/{path}");
        let headers = [("authorization", header.as_str())];
        server.client.get(&path, &headers).await.status
    };
    for (path, token, expected) in [
        ("namespaces/etl/jobs/load/status", "t0", StatusCode::OK),
        (
            "namespaces/etl/jobs/load/status",
            "t1",
            StatusCode::UNAUTHORIZED,
        ),
        ("namespaces/etl/jobs/load", "t0", StatusCode::FORBIDDEN),
        ("namespaces/etl/jobs", "t0", StatusCode::FORBIDDEN),
        (
            "namespaces/ops/jobs/load/status",
            "t0",
            StatusCode::FORBIDDEN,
        ),
    ] {
        assert_eq!(status(path, token).await, expected, "{path} {token}");
    }
    server.api.revoke("t0");
    let path = "namespaces/etl/jobs/load/status";
    assert_eq!(status(path, "t0").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn requests_are_recorded_and_counted() {
    let server = Server::start(ApiOptions::default()).await;
    server.api.set_latency(Duration::from_millis(100));
    let path = "/apis/batch/v1/jobs?limit=1";
    tokio::join!(server.get(path), server.get(path), server.get("/version"));
    assert_eq!(server.api.most_concurrent_requests(), 3);
    let requests = server.api.requests();
    let lists = requests.iter().filter(|r| r.path == "/apis/batch/v1/jobs");
    assert_eq!(lists.filter(|r| r.query == "limit=1").count(), 2);
    assert_eq!(requests.len(), 3);
    server.api.clear_requests();
    assert!(server.api.requests().is_empty());
}

#[tokio::test]
async fn shutdown_ends_connections_and_watches() {
    let mut server = Server::start(ApiOptions::default()).await;
    let path = "/apis/batch/v1/jobs?watch=1";
    let open = server.client.open(Method::GET, path, &[], "").await;
    let (_, open) = open.unwrap();
    server.stop.send(()).unwrap();
    let ended = tokio::time::timeout(TIMEOUT, server.serving.join_next()).await;
    ended.expect("serve ends").unwrap().unwrap();
    let body = tokio::time::timeout(TIMEOUT, open.body.collect()).await;
    assert!(body.expect("the watch ends").is_err(), "cut, not finished");
}
