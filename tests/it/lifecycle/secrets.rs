//! Credentials stay where they belong: in requests to the API.
//!
//! Everything that can be had of the process, at the chattiest level and whatever the API answers, is searched for them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Ended, Exporter, Setup};
use crate::server::client::PATIENCE;

/// Part of every credential here.
const SECRET: &str = "s3cret";

/// What a server may say, and what no server should.
const ANSWERS: [&str; 7] = [
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\", \"uid\": \"4ba7b5e6-d01a-4327-95ea-e845886801bc\"}}",
    "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n{\"kind\": \"Status\", \"message\": \"Unauthorized\", \"code\": 401}",
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno",
    "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"metadata\": [",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
    "this is not HTTP\r\n\r\n",
];

/// A server that gives these answers in turns, and keeps what it was asked.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            for answer in ANSWERS.iter().cycle() {
                let (stream, _) = listener.accept().await.unwrap();
                let request = exchange(stream, answer).await;
                kept.lock().unwrap().push(request);
            }
        });
        Self {
            url,
            requests,
            _serving: serving,
        }
    }

    /// Waits until each answer was given twice; what the last request was.
    async fn exhausted(&self) -> String {
        let exhausted = async {
            loop {
                let requests = self.requests.lock().unwrap().clone();
                if requests.len() >= 2 * ANSWERS.len() {
                    return requests.last().unwrap().clone();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, exhausted).await.expect("many requests")
    }
}

async fn exchange(mut stream: TcpStream, answer: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
    // The client may not wait for the whole of what makes no sense to it.
    let _ = stream.write_all(answer.as_bytes()).await;
    String::from_utf8(request).unwrap()
}

/// An exporter that polls many jobs, so that every answer is met soon, with these credentials.
async fn start(server: &str, user: &str) -> Exporter {
    let jobs: Vec<_> = (0..30)
        .map(|number| format!("{{namespace: etl, name: job-{number}}}"))
        .collect();
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets:\n\
         - kubernetes: {{kubeconfig: kubeconfig}}\n  \
           poll: {{interval: 1s, requests_per_second: 1000}}\n  \
           jobs: [{}]\n",
        jobs.join(", ")
    );
    Setup::new()
        .kubeconfig("kubeconfig", server, user)
        .config(&config)
        .argument("--log.level=trace")
        .start()
        .await
}

/// Ends it, and looks for the secret in all that it ever said.
async fn assert_silent(exporter: Exporter) -> Ended {
    for path in ["/metrics", "/", "/readyz"] {
        let page = exporter.get(path).await;
        assert!(!page.text().contains(SECRET), "it is on {path}");
    }
    exporter.signal(&["TERM"]);
    let ended = exporter.end().await;
    assert_eq!(ended.status.code(), Some(0));
    assert!(!ended.stdout.contains(SECRET), "it was printed");
    for line in &ended.log {
        assert!(!line.contains(SECRET), "it was logged: {line}");
    }
    ended
}

#[tokio::test]
async fn a_bearer_token_is_sent_and_never_shown() {
    let server = Server::start().await;
    let user = format!("{{token: {SECRET}-token}}");
    let exporter = start(&server.url, &user).await;
    let request = server.exhausted().await.to_lowercase();
    assert!(request.contains(&format!("\r\nauthorization: bearer {SECRET}-token\r\n")));
    assert_silent(exporter).await;
}

#[tokio::test]
async fn a_password_is_sent_and_never_shown() {
    let server = Server::start().await;
    let user = format!("{{username: u, password: {SECRET}}}");
    let exporter = start(&server.url, &user).await;
    let request = server.exhausted().await.to_lowercase();
    assert!(request.contains("\r\nauthorization: basic "), "{request}");
    assert_silent(exporter).await;
}

/// An exec plugin that runs this shell script.
fn plugin(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: [-c, {script}]}}}}"
    )
}

#[tokio::test]
async fn the_token_of_a_plugin_is_sent_and_never_shown() {
    let server = Server::start().await;
    let credential = format!(
        "{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {{\"token\": \"{SECRET}-token\"}}}}"
    );
    let script = format!("echo {SECRET} is coming >&2; echo '{credential}'");
    let exporter = start(&server.url, &plugin(&script)).await;
    let request = server.exhausted().await.to_lowercase();
    assert!(request.contains(&format!("\r\nauthorization: bearer {SECRET}-token\r\n")));
    assert_silent(exporter).await;
}

#[tokio::test]
async fn a_plugin_that_fails_does_not_give_its_token_away() {
    for (script, problem) in [
        (
            format!("echo {SECRET}; echo {SECRET} >&2; exit 3"),
            "the exec plugin of the kubeconfig failed with exit status: 3",
        ),
        (
            format!("echo '{{\"status\": {{\"token\": {SECRET}'"),
            "the output of the kubeconfig's exec plugin is not an ExecCredential",
        ),
    ] {
        let mut exporter = start("http://127.0.0.1:1", &plugin(&script)).await;
        let line = exporter.logged("target is down").await;
        assert!(line.text("error").contains(problem), "{line:?}");
        assert_silent(exporter).await;
    }
}
