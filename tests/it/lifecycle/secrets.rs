//! Credentials appear only in requests to the API.
//!
//! The tests search the pages and the log at level `trace` for credentials, with valid and invalid responses of the API.

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

use super::{Exited, Exporter, Setup};
use crate::server::client::TEST_TIMEOUT;

/// Part of every credential here.
const SECRET: &str = "s3cret";

/// Valid and invalid responses.
const RESPONSES: [&str; 7] = [
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{\"metadata\": {\"name\": \"a\", \"namespace\": \"b\", \"uid\": \"4ba7b5e6-d01a-4327-95ea-e845886801bc\"}}",
    "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n{\"kind\": \"Status\", \"message\": \"Unauthorized\", \"code\": 401}",
    "HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\nno",
    "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"metadata\": [",
    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\n\r\n",
    "this is not HTTP\r\n\r\n",
];

/// A server that gives the responses in turn and records the requests.
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
        let recorded = Arc::clone(&requests);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            for response in RESPONSES.iter().cycle() {
                let (stream, _) = listener.accept().await.unwrap();
                let request = respond(stream, response).await;
                recorded.lock().unwrap().push(request);
            }
        });
        Self {
            url,
            requests,
            _serving: serving,
        }
    }

    /// Waits until every response was given twice, and returns the last request.
    async fn last_request(&self) -> String {
        let last_request = async {
            loop {
                let requests = self.requests.lock().unwrap().clone();
                if requests.len() >= 2 * RESPONSES.len() {
                    return requests.last().unwrap().clone();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TEST_TIMEOUT, last_request)
            .await
            .expect("all responses in time")
    }
}

/// Reads a request and sends the response.
async fn respond(mut stream: TcpStream, response: &str) -> String {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap() > 0 {}
    // The client may close the connection before the end of an invalid response.
    let _ = stream.write_all(response.as_bytes()).await;
    String::from_utf8(request).unwrap()
}

/// Starts an exporter with these credentials. It polls many jobs, so that it soon gets every response.
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

/// Stops the exporter, and asserts that no page and no output contains the secret.
async fn assert_no_secret(exporter: Exporter) -> Exited {
    for path in [
        "/metrics",
        "/",
        "/targets",
        "/config",
        "/api/v1/targets",
        "/api/v1/config",
        "/readyz",
    ] {
        let page = exporter.get(path).await;
        assert!(!page.text().contains(SECRET), "the secret is on {path}");
    }
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    assert_eq!(exited.status.code(), Some(0));
    assert!(!exited.stdout.contains(SECRET), "the secret was printed");
    for line in &exited.log {
        assert!(!line.contains(SECRET), "the secret was logged: {line}");
    }
    exited
}

#[tokio::test]
async fn a_bearer_token_is_sent_and_never_shown() {
    let server = Server::start().await;
    let user = format!("{{token: {SECRET}-token}}");
    let exporter = start(&server.url, &user).await;
    let request = server.last_request().await.to_lowercase();
    assert!(request.contains(&format!("\r\nauthorization: bearer {SECRET}-token\r\n")));
    assert_no_secret(exporter).await;
}

#[tokio::test]
async fn a_password_is_sent_and_never_shown() {
    let server = Server::start().await;
    let user = format!("{{username: u, password: {SECRET}}}");
    let exporter = start(&server.url, &user).await;
    let request = server.last_request().await.to_lowercase();
    assert!(request.contains("\r\nauthorization: basic "), "{request}");
    assert_no_secret(exporter).await;
}

/// A kubeconfig user with an exec plugin that runs this shell script.
fn plugin(script: &str) -> String {
    let script = serde_json::to_string(script).unwrap();
    format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: [-c, {script}]}}}}"
    )
}

#[tokio::test]
async fn the_token_of_an_exec_plugin_is_sent_and_never_shown() {
    let server = Server::start().await;
    let credential = format!(
        "{{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": {{\"token\": \"{SECRET}-token\"}}}}"
    );
    let script = format!("echo {SECRET} is coming >&2; echo '{credential}'");
    let exporter = start(&server.url, &plugin(&script)).await;
    let request = server.last_request().await.to_lowercase();
    assert!(request.contains(&format!("\r\nauthorization: bearer {SECRET}-token\r\n")));
    assert_no_secret(exporter).await;
}

/// Runs a process that exits, and asserts that it does not print the secret.
fn assert_not_printed(setup: &Setup, expected: &str) {
    let output = setup.run();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = text(&output.stdout) + &text(&output.stderr);
    assert!(!printed.contains(SECRET), "{printed}");
    assert!(printed.contains(expected), "{printed}");
}

#[tokio::test]
async fn a_secret_in_the_address_of_a_server_or_proxy_is_never_shown() {
    let server = Server::start().await;
    let with_query = format!("{}/?token={SECRET}#{SECRET}", server.url);
    let exporter = start(&with_query, "{token: t}").await;
    server.last_request().await;
    assert_no_secret(exporter).await;

    let config = "targets: [{kubernetes: {kubeconfig: kubeconfig}}]\n";
    let setup = |address: &str| {
        Setup::new()
            .kubeconfig("kubeconfig", address, "{token: t}")
            .config(config)
            .argument("--log.level=trace")
    };
    for (address, expected) in [
        ("https://user:s3cret@127.0.0.1:1", "contains `@`"),
        ("https://s3cret@", "contains `@`"),
        ("ftp://127.0.0.1/?token=s3cret", "ftp://127.0.0.1/"),
    ] {
        assert_not_printed(&setup(address), expected);
        assert_not_printed(&setup(address).argument("--config.check"), expected);
    }
    let through = setup("https://api.example/?token=s3cret")
        .variable("HTTPS_PROXY", &format!("http://user:{SECRET}@127.0.0.1:1"))
        .argument("--config.check");
    assert_not_printed(&through, "through the proxy http://127.0.0.1:1/");
    for address in [
        "https://user:s3cret@cci.example",
        "https://cci.example/?token=s3cret",
    ] {
        let config = format!(
            "targets: [{{name: cci, cci: {{endpoint: \"{address}\", auth: {{token: {{iam_endpoint: \"{address}\", \
             domain: d, username: u, project: p, password_file: p}}}}}}}}]\n"
        );
        let setup = Setup::new().config(&config);
        assert_not_printed(&setup, "targets[0].cci.endpoint: must not");
    }
}

#[tokio::test]
async fn the_output_of_a_failed_exec_plugin_is_never_shown() {
    for (script, problem) in [
        (
            format!("echo {SECRET}; echo {SECRET} >&2; exit 3"),
            "the exec plugin `sh` of the kubeconfig failed with exit status: 3",
        ),
        (
            format!("echo '{{\"status\": {{\"token\": {SECRET}'"),
            "the exec plugin `sh` of the kubeconfig returned no ExecCredential",
        ),
    ] {
        let mut exporter = start("http://127.0.0.1:1", &plugin(&script)).await;
        let line = exporter.logged("target is down").await;
        assert!(line.text("error").contains(problem), "{line:?}");
        assert_no_secret(exporter).await;
    }
}
