//! Bearer tokens: the process reviews them at the API of its target, and shows them nowhere.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{Exporter, Setup};
use crate::server::client::Response;

/// Part of every token here.
const SECRET: &str = "s3cret";

/// An API that reviews tokens, and has nothing else. Tokens that contain `good` are of a user who may read `/metrics` alone.
struct ReviewingApi {
    url: String,
    /// The credentials of each review.
    credentials: Arc<Mutex<Vec<String>>>,
    serving: JoinSet<()>,
}

impl ReviewingApi {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let credentials = Arc::new(Mutex::new(Vec::new()));
        let recorded = credentials.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                if let Some(credentials) = respond(BufReader::new(stream)).await {
                    recorded.lock().unwrap().push(credentials);
                }
            }
        });
        Self {
            url,
            credentials,
            serving,
        }
    }
}

/// Responds to one request, and returns the credentials of a review.
async fn respond(mut stream: BufReader<TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let from = head.len();
        if stream.read_line(&mut head).await.unwrap() == 0 {
            return None;
        }
        let line = head[from..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let status = review(&serde_json::from_slice(&body).unwrap_or_default());
    let code = if status.is_null() { 404 } else { 201 };
    let body = json!({"status": status}).to_string();
    let length = body.len();
    let response =
        format!("HTTP/1.1 {code} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(response.as_bytes()).await.unwrap();
    let mut lines = head.lines();
    let credentials = lines.find(|line| line.to_ascii_lowercase().starts_with("authorization"));
    credentials.filter(|_| code == 201).map(str::to_owned)
}

/// The status of a review; null for other requests.
fn review(object: &Value) -> Value {
    let spec = &object["spec"];
    match object["kind"].as_str() {
        Some("TokenReview") => {
            let token = spec["token"].as_str().unwrap();
            json!({"authenticated": token.contains("good"), "user": {"username": "prometheus"}})
        }
        Some("SubjectAccessReview") => {
            assert_eq!(spec["user"], "prometheus");
            json!({"allowed": spec["nonResourceAttributes"] == json!({"path": "/metrics", "verb": "get"})})
        }
        _ => Value::Null,
    }
}

async fn start(server: &str) -> Exporter {
    let config = "web: {listen_address: \"127.0.0.1:0\", kubernetes_auth: {target: prod}}\n\
        targets:\n\
        - {name: other, kubernetes: {kubeconfig: other}}\n\
        - {name: prod, kubernetes: {kubeconfig: prod}}\n";
    Setup::new()
        .kubeconfig("other", "http://127.0.0.1:1", "{token: t}")
        .kubeconfig("prod", server, &format!("{{token: own-{SECRET}}}"))
        .config(config)
        .argument("--log.level=trace")
        .start()
        .await
}

async fn get(exporter: &Exporter, path: &str, token: &str) -> Response {
    let mut client = exporter.connect().await;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: exporter\r\nAuthorization: Bearer {token}-{SECRET}\r\n\r\n"
    );
    client.send(request).await;
    client.response("GET").await
}

#[tokio::test]
async fn tokens_are_reviewed_by_the_api_of_the_target_and_shown_nowhere() {
    let mut api = ReviewingApi::start().await;
    let exporter = start(&api.url).await;
    let unknown = exporter.get("/metrics").await;
    assert_eq!(unknown.status, 401);
    assert_eq!(unknown.headers["www-authenticate"], "Bearer");
    assert_eq!(exporter.get("/livez").await.status, 200);
    assert_eq!(get(&exporter, "/metrics", "bad").await.status, 401);
    assert_eq!(get(&exporter, "/", "good").await.status, 403);
    assert_eq!(exporter.get("/probe?x=1").await.status, 401);
    assert_eq!(get(&exporter, "/probe?x=1", "good").await.status, 403);
    let metrics = get(&exporter, "/metrics", "good").await;
    assert_eq!(metrics.status, 200);
    let requests =
        "job_status_exporter_api_requests_total{target=\"prod\",verb=\"create\",code=\"201\"}";
    let count = metrics
        .text()
        .lines()
        .find_map(|line| line.strip_prefix(requests));
    // Four pairs of token and path, and three of them with a valid token.
    assert_eq!(count.map(str::trim), Some("7"), "{}", metrics.text());
    let own = format!("authorization: bearer own-{SECRET}");
    for credentials in api.credentials.lock().unwrap().iter() {
        assert_eq!(credentials.to_ascii_lowercase(), own);
    }
    // From here on there are no reviews.
    api.serving.shutdown().await;
    assert_eq!(get(&exporter, "/metrics", "good").await.status, 200);
    let later = get(&exporter, "/metrics", "later-good").await;
    assert_eq!(later.status, 503);
    assert_eq!(later.headers["retry-after"], "5");
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    assert_eq!(exited.status.code(), Some(0));
    let mut warned = false;
    for line in &exited.log {
        assert!(!line.contains(SECRET), "a token was logged: {line}");
        warned |= line.contains("cannot check a bearer token");
    }
    assert!(warned, "{:#?}", exited.log);
}
