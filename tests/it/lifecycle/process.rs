//! Starts the exporter as a process, reads its log and waits for its exit.
//!
//! The environment of the process contains only the variables of the test, so that it does not find the clusters of the
//! developer. A test waits for log lines and not for a fixed time.

use std::{
    collections::BTreeMap,
    fmt,
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::PathBuf,
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

use crate::server::client::{Client, Response, TEST_TIMEOUT, request};

/// Files, arguments and environment of a process to start.
pub(super) struct Setup {
    directory: TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    descriptors: Option<u32>,
    sockets: Option<PassedSockets>,
    name: String,
}

/// Sockets that the process gets as its file descriptors 3 and 4, as systemd passes them.
struct PassedSockets {
    sockets: [OwnedFd; 2],
    /// A shell command that sets the variables that announce them.
    announcement: String,
}

/// A running exporter that logs as JSON. It is killed when dropped.
pub(super) struct Exporter {
    child: Child,
    /// Its listen address.
    pub(super) address: SocketAddr,
    lines: UnboundedReceiver<String>,
    /// All lines so far.
    log: Vec<String>,
    /// Lines that [`logged`](Self::logged) skipped. Tasks log concurrently, so the order of lines is not fixed.
    skipped: Vec<Line>,
    stdout: Option<JoinHandle<String>>,
    directory: TempDir,
}

/// An exporter that has exited.
#[derive(Debug)]
pub(super) struct Exited {
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    /// The lines of its log.
    pub(super) log: Vec<String>,
}

/// A log line in JSON.
#[derive(Debug)]
pub(super) struct Line(BTreeMap<String, Value>);

// === impl Setup ===

impl Setup {
    pub(super) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            arguments: Vec::new(),
            variables: Vec::new(),
            descriptors: None,
            sockets: None,
            name: env!("CARGO_BIN_EXE_job-status-exporter").to_owned(),
        }
    }

    /// Passes these sockets. `announcement` is a shell command that sets the variables that announce them.
    pub(super) fn sockets(self, sockets: [OwnedFd; 2], announcement: &str) -> Self {
        let announcement = announcement.to_owned();
        Self {
            sockets: Some(PassedSockets {
                sockets,
                announcement,
            }),
            ..self
        }
    }

    /// Limits the file descriptors of the process.
    pub(super) fn descriptors(self, limit: u32) -> Self {
        Self {
            descriptors: Some(limit),
            ..self
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

    pub(super) fn called(self, name: String) -> Self {
        Self { name, ..self }
    }

    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn file(self, name: &str, content: &str) -> Self {
        std::fs::write(self.directory.path().join(name), content).unwrap();
        self
    }

    pub(super) fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_job-status-exporter");
        let shell = |preparation: &str, redirections: &str| {
            let script = format!("{preparation} && exec \"$0\" \"$@\" {redirections}");
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", &script, binary]);
            shell
        };
        let mut command = match (self.descriptors, &self.sockets) {
            // `Command` passes the standard descriptors only, and the shell moves them.
            (_, Some(passed)) => shell(&passed.announcement, "3<&0 4<&1 </dev/null >/dev/null"),
            (Some(limit), None) => shell(&format!("ulimit -n {limit}"), ""),
            (None, None) => Command::new(binary),
        };
        command
            .arg0(&self.name)
            .args(&self.arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .env("HOME", self.directory.path())
            // For exec plugins.
            .env("PATH", "/usr/bin:/bin")
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(passed) = &self.sockets {
            let [first, second] = passed.sockets.each_ref().map(|fd| fd.try_clone().unwrap());
            command.stdin(first).stdout(second);
        }
        command
    }

    /// Runs the process until it exits.
    pub(super) fn run(&self) -> Output {
        self.command().output().unwrap()
    }

    /// Runs the process until it exits. Returns exit code, standard output and standard error.
    pub(super) fn run_text(&self) -> (Option<i32>, String, String) {
        let output = self.run();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Starts the process with JSON logs and waits until it listens.
    pub(super) async fn start(self) -> Exporter {
        let mut exporter = self.argument("--log.format=json").spawn();
        let line = exporter.logged("listening").await;
        let address = line.text("address").split_once("://").unwrap().1;
        exporter.address = address.parse().unwrap();
        exporter
    }

    /// Starts the process. Its listen address stays unknown.
    pub(super) fn spawn(self) -> Exporter {
        let mut child = self.command().stderr(Stdio::piped()).spawn().unwrap();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take().unwrap());
        let (sender, lines) = unbounded_channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                // The test may be over.
                let _ = sender.send(line.unwrap());
            }
        });
        let stdout = thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut stdout) = stdout {
                stdout.read_to_string(&mut text).unwrap();
            }
            text
        });
        Exporter {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            lines,
            log: Vec::new(),
            skipped: Vec::new(),
            stdout: Some(stdout),
            directory: self.directory,
        }
    }
}

// === impl Exporter ===

impl Exporter {
    /// Waits for the next line with this message that was not returned before.
    pub(super) async fn logged(&mut self, message: &str) -> Line {
        let skipped = self
            .skipped
            .iter()
            .position(|line| line.text("message") == message);
        if let Some(index) = skipped {
            return self.skipped.remove(index);
        }
        loop {
            let Some(line) = self.next_line().await else {
                panic!(
                    "the process exited without logging {message:?}: {:#?}",
                    self.log
                );
            };
            let line = Line::parse(&line);
            if line.text("message") == message {
                return line;
            }
            self.skipped.push(line);
        }
    }

    /// Waits for a line of any format.
    pub(super) async fn until(&mut self, matches: impl Fn(&str) -> bool) {
        loop {
            match self.next_line().await {
                Some(line) if matches(&line) => return,
                Some(_) => {}
                None => panic!(
                    "the process exited without logging that line: {:#?}",
                    self.log
                ),
            }
        }
    }

    async fn next_line(&mut self) -> Option<String> {
        let Ok(line) = timeout(TEST_TIMEOUT, self.lines.recv()).await else {
            panic!("no further log line in time after {:#?}", self.log);
        };
        self.log.extend(line.clone());
        line
    }

    /// Sends signals by name, without a pause between them.
    pub(super) fn signal(&self, names: &[&str]) {
        let kill = |name: &&str| format!("kill -s {name} {}", self.child.id());
        let script: Vec<_> = names.iter().map(kill).collect();
        let sent = Command::new("/bin/sh")
            .args(["-c", &script.join(" && ")])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits until the process exits on its own.
    pub(super) async fn exit(mut self) -> Exited {
        while self.next_line().await.is_some() {}
        Exited {
            status: self.child.wait().unwrap(),
            stdout: self.stdout.take().unwrap().join().unwrap(),
            log: std::mem::take(&mut self.log),
        }
    }

    pub(super) async fn connect(&self) -> Client {
        Client::connect(self.address).await
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        self.request("GET", path).await
    }

    pub(super) async fn request(&self, method: &str, path: &str) -> Response {
        let mut client = self.connect().await;
        client.send(&request(method, path)).await;
        client.response(method).await
    }

    /// The metrics.
    pub(super) async fn scrape(&self) -> String {
        let response = self.get("/metrics").await;
        assert_eq!(response.status, 200);
        response.text().to_owned()
    }

    /// The path of a file beside the configuration.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Replaces a file beside the configuration at once.
    pub(super) fn replace(&self, name: &str, content: &str) {
        let new = self.path("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// === impl Exited ===

impl Exited {
    /// The log as JSON. Every line must be valid.
    pub(super) fn lines(&self) -> Vec<Line> {
        self.log.iter().map(|line| Line::parse(line)).collect()
    }
}

// === impl Line ===

impl Line {
    /// Parses a line. Asserts that keys are unique, values are scalars, and the common fields are present.
    pub(super) fn parse(text: &str) -> Self {
        let mut reader = serde_json::Deserializer::from_str(text);
        let line = reader
            .deserialize_map(UniqueKeys)
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

/// Parses a JSON object and rejects duplicate keys.
struct UniqueKeys;

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some((key, value)) = access.next_entry::<String, Value>()? {
            if map.insert(key.clone(), value).is_some() {
                return Err(A::Error::custom(format!("duplicate key {key}")));
            }
        }
        Ok(map)
    }
}
