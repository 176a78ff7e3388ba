//! Standard error as a pipe that nobody reads.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStderr, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, Setup};
use crate::server::client::{Client, TEST_TIMEOUT, request};

/// An exporter whose log is read by the test itself, or not at all. It is killed when dropped.
struct Piped {
    child: Child,
    /// `None` once the pipe is closed.
    stderr: Option<BufReader<ChildStderr>>,
    address: std::net::SocketAddr,
    _files: Setup,
}

impl Piped {
    fn start(cluster: &Cluster) -> Self {
        let config = "web: {listen_address: \"127.0.0.1:0\", shutdown_timeout: 1s}\n\
                      targets: [{kubernetes: {kubeconfig: kubeconfig}}]\n";
        let setup = Setup::new()
            .kubeconfig("kubeconfig", &cluster.url(), "{}")
            .config(config)
            .argument("--log.level=debug");
        let mut child = setup.command().stderr(Stdio::piped()).spawn().unwrap();
        let mut piped = Self {
            stderr: child.stderr.take().map(BufReader::new),
            child,
            address: ([127, 0, 0, 1], 0).into(),
            _files: setup,
        };
        let listening = piped.line_with(" listening address=");
        let (_, address) = listening.rsplit_once("://").unwrap();
        piped.address = address.parse().unwrap();
        piped
    }

    /// Reads the log up to the line with this text.
    fn line_with(&mut self, text: &str) -> String {
        let lines = self.stderr.as_mut().unwrap().lines();
        let mut lines = lines.map(Result::unwrap);
        lines.find(|line| line.contains(text)).unwrap()
    }

    /// Requests that fill the pipe and the queue with log lines.
    async fn fill_the_log(&self) {
        let mut client = Client::connect(self.address).await;
        for _ in 0..600 {
            client
                .send(request("GET", &format!("/{}", "x".repeat(4000))))
                .await;
            assert_eq!(client.response("GET").await.status, 404);
        }
    }

    async fn get(&self, path: &str) -> String {
        let mut client = Client::connect(self.address).await;
        client.send(request("GET", path)).await;
        let response = client.response("GET").await;
        assert_eq!(response.status, 200, "{path}");
        response.text().to_owned()
    }

    /// The number of dropped lines that `/metrics` shows.
    async fn dropped(&self) -> u64 {
        let metrics = self.get("/metrics").await;
        let prefix = "job_status_exporter_log_lines_dropped_total ";
        let mut values = metrics.lines().filter_map(|line| line.strip_prefix(prefix));
        values.next().unwrap().parse().unwrap()
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        let mut kill = std::process::Command::new("/bin/sh");
        let sent = kill.args(["-c", "kill -s TERM $0", &pid]).status();
        assert!(sent.unwrap().success());
    }

    async fn exit_code(&mut self) -> Option<i32> {
        let exit = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status.code();
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(TEST_TIMEOUT, exit).await.expect("an exit in time")
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_full_pipe_delays_neither_responses_nor_the_shutdown() {
    let cluster = Cluster::start().await;
    let mut exporter = Piped::start(&cluster);
    exporter.fill_the_log().await;
    assert!(exporter.dropped().await > 0);
    let start = Instant::now();
    exporter.get("/livez").await;
    assert!(start.elapsed() < Duration::from_secs(3));
    exporter.terminate();
    assert_eq!(exporter.exit_code().await, Some(0));
    let passed = start.elapsed();
    assert!(passed < Duration::from_secs(10), "exited after {passed:?}");
}

#[tokio::test]
async fn a_log_that_is_read_again_says_what_is_missing_and_is_complete_at_the_exit() {
    let cluster = Cluster::start().await;
    let mut exporter = Piped::start(&cluster);
    exporter.fill_the_log().await;
    let least = exporter.dropped().await;
    let line = exporter.line_with("log lines were dropped");
    let (_, missing) = line.rsplit_once(" dropped=").unwrap();
    assert!(missing.parse::<u64>().unwrap() >= least, "{line}");
    exporter.terminate();
    exporter.line_with("stopped");
    assert_eq!(exporter.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_closed_pipe_ends_nothing() {
    let cluster = Cluster::start().await;
    let mut exporter = Piped::start(&cluster);
    exporter.stderr = None;
    exporter.fill_the_log().await;
    exporter.get("/livez").await;
    assert!(exporter.dropped().await > 500);
    exporter.terminate();
    assert_eq!(exporter.exit_code().await, Some(0));
}
