//! The binary under test as a process: starts with a configuration, is scraped, stops on a signal.
//!
//! Its environment is empty except for what a test sets, so it cannot discover a cluster by accident.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{
    metrics::Metrics,
    wait::{TIMEOUT, WATCH_LATENCY, eventually},
};

/// A running exporter. Dropping it kills the process, and prints its log if the test failed.
pub(crate) struct Exporter {
    child: Child,
    address: SocketAddr,
    /// Contains the configuration, the log and the events.
    directory: TempDir,
}

impl Exporter {
    /// Starts with `config` as the text of the configuration file.
    pub(crate) async fn with_config(config: &str) -> Self {
        let directory = TempDir::new().expect("a directory");
        let file = directory.path().join("exporter.yaml");
        fs::write(&file, config).expect("a file");
        let mut command = command();
        command.arg("--config.file").arg(file);
        Self::start(command, directory).await
    }

    /// Starts without a configuration file, with this file as `$KUBECONFIG`.
    pub(crate) async fn with_kubeconfig(kubeconfig: &Path) -> Self {
        let mut command = command();
        command.env("KUBECONFIG", kubeconfig);
        Self::start(command, TempDir::new().expect("a directory")).await
    }

    /// Starts in this working directory with these environment variables. Does not wait for anything.
    pub(crate) fn spawn_in(directory: &Path, variables: &[(String, String)]) -> Self {
        let mut command = command();
        command.current_dir(directory);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Self::spawn(command, TempDir::new().expect("a directory"))
    }

    fn spawn(mut command: Command, directory: TempDir) -> Self {
        let create = |name| File::create(directory.path().join(name)).expect("a file");
        let command = command.stderr(create("log")).stdout(create("events"));
        Self {
            child: command.spawn().expect("the binary"),
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
            directory,
        }
    }

    async fn start(command: Command, directory: TempDir) -> Self {
        let mut exporter = Self::spawn(command, directory);
        exporter.address = eventually("the exporter listens", TIMEOUT, async || {
            let log = exporter.log();
            let listening = log.iter().find(|line| line["message"] == "listening");
            listening.and_then(address).ok_or(log)
        })
        .await;
        exporter
    }

    /// The lines of the log so far, each a JSON object.
    pub(crate) fn log(&self) -> Vec<Value> {
        self.lines("log")
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.lines("events")
    }

    fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.directory.path().join(file)).expect("a file");
        // The last line may be half written.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("logged: {line}"));
        lines.map(parse).collect()
    }

    /// The log so far.
    pub(crate) fn log_text(&self) -> String {
        fs::read_to_string(self.log_path()).expect("a log")
    }

    pub(crate) fn has_exited(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_some()
    }

    /// Sets the address from the line `listening` of the log.
    pub(crate) fn set_address(&mut self, listening: &Value) {
        self.address = address(listening).expect("an address");
    }

    /// The lines of the log at `level`.
    pub(crate) fn log_at_level(&self, level: &str) -> Vec<Value> {
        let mut log = self.log();
        log.retain(|line| line["level"] == level);
        log
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    pub(crate) async fn scrape(&self) -> Metrics {
        Metrics::parse(&self.scrape_text().await)
    }

    /// The text of `/metrics`. The status is always 200.
    pub(crate) async fn scrape_text(&self) -> String {
        let (status, body) = self.get("/metrics").await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The status and body of a response.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address)
            .await
            .expect("a connection");
        // In HTTP/1.0 the body ends with the connection.
        let request = format!("GET {path} HTTP/1.0\r\nHost: exporter\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("an open connection");
        let mut response = String::new();
        stream
            .read_to_string(&mut response)
            .await
            .expect("a response");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    /// Waits until every target has synced once.
    pub(crate) async fn wait_until_ready(&self) {
        eventually("ready", TIMEOUT, async || match self.get("/readyz").await {
            (200, _) => Ok(()),
            response => Err(response),
        })
        .await;
    }

    /// The value of `job_status_exporter_target_up` of every target.
    pub(crate) async fn target_up(&self) -> Vec<f64> {
        let metrics = self.scrape().await;
        let up = metrics.samples("job_status_exporter_target_up", &[]);
        up.into_values().collect()
    }

    /// Stops the process with SIGSTOP until [`thaw`](Self::thaw).
    pub(crate) fn freeze(&self) {
        signal(self.child.id(), "STOP");
    }

    /// Continues the process with SIGCONT.
    pub(crate) fn thaw(&self) {
        signal(self.child.id(), "CONT");
    }

    /// The CPU time used so far.
    pub(crate) fn cpu_time(&self) -> Duration {
        let stat =
            fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("a process");
        // The process name comes before, and may contain a closing parenthesis.
        let (_, fields) = stat.rsplit_once(") ").expect("a name");
        let ticks = |field| fields.split(' ').nth(field)?.parse::<u64>().ok();
        let (user, system) = (ticks(11).expect("utime"), ticks(12).expect("stime"));
        // Linux reports 100 ticks per second.
        Duration::from_millis((user + system) * 10)
    }

    /// Sends SIGTERM, and asserts that the process exits with 0 and that no task panicked.
    pub(crate) async fn stop(mut self) {
        signal(self.child.id(), "TERM");
        let child = &mut self.child;
        let exited = eventually(
            "the exporter exits",
            TIMEOUT.min(5 * WATCH_LATENCY),
            async || child.try_wait().expect("a process").ok_or("running"),
        );
        let status = exited.await;
        let log = fs::read_to_string(self.log_path()).expect("a log");
        assert_eq!(status.code(), Some(0), "{status}");
        assert!(!log.contains("panicked"), "a task panicked");
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // Both fail if the process has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.log_path()).unwrap_or_default();
            eprintln!("the exporter logged:\n{log}");
        }
    }
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-status-exporter"));
    command
        .args([
            "--web.listen-address",
            "127.0.0.1:0",
            "--log.format",
            "json",
        ])
        .env_clear()
        .stdin(Stdio::null());
    command
}

/// The address in the line `listening` of the log, a URL.
fn address(listening: &Value) -> Option<SocketAddr> {
    let (_, address) = listening["address"].as_str()?.split_once("://")?;
    address.parse().ok()
}

/// Sends a signal to one process.
pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(process.to_string())
        .status();
    assert!(status.expect("kill").success(), "kill -{name} {process}");
}
