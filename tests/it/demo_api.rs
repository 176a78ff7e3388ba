//! The simulated API, spoken to over TCP by the real client, against recordings of a real server.

use std::time::Duration;

use batch_simulator::api::{ApiOptions, Kind, Rights, SimulatedApi};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::{Client, Config, client::Body};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

mod recorded;
mod watching;

/// Long enough for anything that happens at once, short enough to fail.
const PATIENCE: Duration = Duration::from_secs(10);

/// A served API and a client of it.
struct Server {
    api: SimulatedApi,
    client: Client,
    stop: oneshot::Sender<()>,
    serving: JoinSet<()>,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    content_type: String,
    text: String,
}

impl Server {
    async fn start(options: ApiOptions) -> Self {
        let api = SimulatedApi::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut serving = JoinSet::new();
        serving.spawn(api.clone().serve(listener, async {
            let _ = stopped.await;
        }));
        let mut config = Config::new(format!("http://{address}").parse().unwrap());
        // By default it retries 429, 503 and 504 for minutes before it shows them.
        config.default_retry = false;
        let client = Client::try_from(config).unwrap();
        Self {
            api,
            client,
            stop,
            serving,
        }
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = self.client.send(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let content_type = parts.headers["content-type"].to_str().unwrap();
        Answer {
            status: parts.status,
            content_type: content_type.to_owned(),
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[]).await
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

    /// Takes the resource version to `version` by something that is neither of the recorded kinds and namespaces.
    fn advance_to(&self, version: u64) {
        let name =
            json!({"name": "clock", "namespace": "aside", "resourceVersion": version.to_string()});
        let object = json!({"metadata": name, "spec": {"schedule": version.to_string()}});
        self.api.apply(Kind::CronJob, object).unwrap();
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    fn events(&self) -> Vec<Value> {
        let lines = self.text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
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
    assert_eq!(unchanged, changed, "a write without a change is none");

    assert!(server.api.delete(Kind::Job, "etl", "load"));
    assert!(!server.api.delete(Kind::Job, "etl", "load"));
    let again = server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    assert_ne!(again["metadata"]["uid"], metadata["uid"]);
}

#[tokio::test]
async fn objects_without_a_name_are_refused() {
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
    assert_eq!(names(&rest), ["bb", "d"], "what is there now");
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
async fn tokens_give_rights() {
    let server = Server::start(ApiOptions::default()).await;
    server.api.apply(Kind::Job, job("etl", "load")).unwrap();
    let rights = Rights::of_user("poller").allow(&["get"], &["jobs/status"]);
    server.api.grant("t0", rights.in_namespace("etl"));
    let status = async |path: &str, token: &str| {
        let header = format!("Bearer {token}");
        let path = format!("/apis/batch/v1/{path}");
        let headers = [("authorization", header.as_str())];
        server.send("GET", &path, &headers).await.status
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
async fn requests_are_noted_and_counted() {
    let server = Server::start(ApiOptions {
        latency: Some(Duration::from_millis(100)),
        ..ApiOptions::default()
    })
    .await;
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
    let request = Request::get("/apis/batch/v1/jobs?watch=1").body(Body::empty());
    let response = server.client.send(request.unwrap()).await.unwrap();
    server.stop.send(()).unwrap();
    let ended = tokio::time::timeout(PATIENCE, server.serving.join_next()).await;
    ended.expect("serve ends").unwrap().unwrap();
    let body = tokio::time::timeout(PATIENCE, response.into_body().collect()).await;
    assert!(body.expect("the watch ends").is_err(), "cut, not finished");
}
