//! The exporter as a process: how it is set up and started, what it logs, how it ends.
//!
//! Its environment is empty but for what a test gives it, so that nothing of the developer's own clusters is found. Lines are
//! read as they are written: a test waits for a line and never for time.

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Output, Stdio},
    thread::{self, JoinHandle},
};

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::timeout,
};

use crate::server::client::{Client, PATIENCE, Response, request};

/// Files and arguments of a process that is not started yet.
pub(super) struct Setup {
    directory: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A running exporter that logs as JSON. It is killed when dropped.
pub(super) struct Exporter {
    child: Child,
    /// Where it serves.
    pub(super) address: SocketAddr,
    lines: UnboundedReceiver<String>,
    /// What was logged so far.
    log: Vec<String>,
    /// Lines that came while others were waited for: several tasks log, in no order.
    passed: Vec<Line>,
    stdout: Option<JoinHandle<String>>,
    _directory: TempDir,
}

/// An exporter that came to its end.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    /// Its log, line by line.
    pub(super) log: Vec<String>,
}

/// A line of the log.
#[derive(Debug)]
pub(super) struct Line(BTreeMap<String, Value>);

// === impl Setup ===

impl Setup {
    pub(super) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Writes a kubeconfig beside the configuration. `user` is YAML in flow style.
    pub(super) fn kubeconfig(self, name: &str, server: &str, user: &str) -> Self {
        let kubeconfig = format!(
            "{{apiVersion: v1, kind: Config, current-context: it, \
             clusters: [{{name: it, cluster: {{server: \"{server}\"}}}}], \
             users: [{{name: it, user: {user}}}], \
             contexts: [{{name: it, context: {{cluster: it, user: it}}}}]}}\n"
        );
        self.file(name, &kubeconfig)
    }

    pub(super) fn config(self, config: &str) -> Self {
        let path = self.directory.path().join("exporter.yaml");
        let argument = format!("--config.file={}", path.display());
        self.file("exporter.yaml", config).argument(&argument)
    }

    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.directory.path().join(name), content).unwrap();
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_job-status-exporter"));
        command
            .args(&self.arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            // For exec plugins.
            .env("PATH", "/usr/bin:/bin")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(super) fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    /// Starts it, with its log as JSON, and waits until it serves.
    pub(super) async fn start(self) -> Exporter {
        let mut exporter = self.argument("--log.format=json").spawn();
        let line = exporter.logged("listening").await;
        exporter.address = line.text("address").parse().unwrap();
        exporter
    }

    /// Starts it as it is. Nobody knows where it serves.
    pub(super) fn spawn(self) -> Exporter {
        let mut child = self
            .command()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                // The test may have ended already.
                let _ = sender.send(line.unwrap());
            }
        });
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Exporter {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            lines,
            log: Vec::new(),
            passed: Vec::new(),
            stdout: Some(stdout),
            _directory: self.directory,
        }
    }
}

// === impl Exporter ===

impl Exporter {
    /// Waits for a line with this message that was not given before.
    pub(super) async fn logged(&mut self, message: &str) -> Line {
        let passed = self.passed.iter();
        let known = passed
            .map(|line| line.text("message"))
            .position(|m| m == message);
        if let Some(at) = known {
            return self.passed.remove(at);
        }
        loop {
            let Some(line) = self.next_line().await else {
                panic!("it ended without {message:?} in {:#?}", self.log);
            };
            let line = Line::read(&line);
            if line.text("message") == message {
                return line;
            }
            self.passed.push(line);
        }
    }

    /// Waits for a line as it is written.
    pub(super) async fn until(&mut self, matches: impl Fn(&str) -> bool) {
        loop {
            match self.next_line().await {
                Some(line) if matches(&line) => return,
                Some(_) => {}
                None => panic!("it ended without that line in {:#?}", self.log),
            }
        }
    }

    async fn next_line(&mut self) -> Option<String> {
        let Ok(line) = timeout(PATIENCE, self.lines.recv()).await else {
            panic!("nothing is logged any more after {:#?}", self.log);
        };
        self.log.extend(line.clone());
        line
    }

    /// Sends signals by name, one right after the other.
    pub(super) fn signal(&self, names: &[&str]) {
        let kill = |name: &&str| format!("kill -s {name} {}", self.child.id());
        let script: Vec<_> = names.iter().map(kill).collect();
        let sent = Command::new("/bin/sh")
            .args(["-c", &script.join(" && ")])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub(super) async fn end(mut self) -> Ended {
        while self.next_line().await.is_some() {}
        Ended {
            status: self.child.wait().unwrap(),
            stdout: self.stdout.take().unwrap().join().unwrap(),
            log: std::mem::take(&mut self.log),
        }
    }

    pub(super) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        let mut client = self.connect().await;
        client.send(&request("GET", path)).await;
        client.response("GET").await
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Ended ===

impl Ended {
    /// The log as JSON, which it has to be from its first to its last line.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.log.iter().map(|line| Line::read(line)).collect()
    }
}

// === impl Line ===

impl Line {
    /// Reads a line, and asserts that no key is there twice, that values are plain, and that what every line has is there.
    fn read(text: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(text);
        let line = reader
            .deserialize_map(NoKeyTwice)
            .and_then(|line| reader.end().map(|()| line));
        let line = Self(line.unwrap_or_else(|error| panic!("{error}: {text}")));
        assert!(
            !line.0.values().any(|v| v.is_object() || v.is_array()),
            "{text}"
        );
        let time: Result<jiff::Timestamp, _> = line.text("timestamp").parse();
        assert!(time.is_ok(), "{text}");
        let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
        assert!(levels.contains(&line.text("level")), "{text}");
        assert!(!line.text("message").is_empty(), "{text}");
        line
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|value| value.as_str().unwrap())
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.get(key)
            .unwrap_or_else(|| panic!("no {key} in {self:?}"))
    }
}

/// Reads a JSON object with unique keys.
struct NoKeyTwice;

impl<'de> Visitor<'de> for NoKeyTwice {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = access.next_entry::<String, Value>()? {
            if map.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("{key} is there twice")));
            }
        }
        Ok(map)
    }
}
