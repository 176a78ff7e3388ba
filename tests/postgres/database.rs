//! Servers, and databases with users of their own.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::jobs::{Totals, add};

/// The schema if none is configured.
pub(crate) const SCHEMA: &str = "job_status_exporter";

/// Far longer than anything takes that a test waits for.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// A server that `scripts/with-postgres` has started.
pub(crate) struct Server {
    directory: PathBuf,
    /// Set if this test has started it. It ends when its standard input is closed.
    script: Option<Child>,
}

/// A database, and a user that owns it.
pub(crate) struct Database {
    pub(crate) server: Server,
    /// The name of the database, and of its owner.
    pub(crate) name: String,
}

/// A password that needs escapes in a URL, as generated ones do.
pub(crate) const PASSWORD: &str = "p@ss:w/rd %?#";
const ENCODED_PASSWORD: &str = "p%40ss%3Aw%2Frd%20%25%3F%23";

// === impl Server ===

impl Server {
    /// The server of all tests. It must not be stopped.
    pub(crate) fn shared() -> Self {
        let directory = std::env::var_os("JOB_STATUS_POSTGRES");
        let directory = directory.expect("run this with scripts/with-postgres");
        Self {
            directory: directory.into(),
            script: None,
        }
    }

    /// Starts a server that the test may stop.
    pub(crate) fn start_another() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/with-postgres");
        let mut script = Command::new(script)
            .args(["sh", "-c", "echo \"$JOB_STATUS_POSTGRES\" && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut directory = String::new();
        let mut stdout = BufReader::new(script.stdout.as_mut().unwrap());
        stdout.read_line(&mut directory).unwrap();
        assert!(directory.ends_with('\n'), "with-postgres failed");
        Self {
            directory: directory.trim_end().into(),
            script: Some(script),
        }
    }

    /// Another handle to the same server.
    fn handle(&self) -> Self {
        Self {
            directory: self.directory.clone(),
            script: None,
        }
    }

    fn run(&self, script: &str, arguments: &[&str]) -> String {
        let output = Command::new(self.directory.join(script))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{script} {arguments:?}: {error}\n{}",
            self.log()
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Stops the server at once, as a crash does.
    pub(crate) fn stop(&self) {
        self.run("stop", &["immediate"]);
    }

    /// Starts the server, and waits until it accepts connections. Its standard output must not be a pipe, which it would keep open.
    pub(crate) fn start(&self) {
        let start = Command::new(self.directory.join("start"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(start.unwrap().success(), "{}", self.log());
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        let port = fs::read_to_string(self.directory.join("port")).unwrap();
        ([127, 0, 0, 1], port.trim_end().parse::<u16>().unwrap()).into()
    }

    /// The certificate of the authority that the server's certificate is from.
    pub(crate) fn authority(&self) -> String {
        fs::read_to_string(self.directory.join("ca.crt")).unwrap()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// Runs statements as the superuser. Returns the rows, with `|` between columns.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        let arguments = [
            "--no-align",
            "--tuples-only",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            "--dbname",
            database,
            "--command",
            statements,
        ];
        self.run("psql", &arguments)
    }

    /// Creates a database and its owner.
    pub(crate) fn database(&self) -> Database {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tested_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.named_database(name)
    }

    fn named_database(&self, name: String) -> Database {
        self.sql(
            "postgres",
            &format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"),
        );
        self.sql(
            "postgres",
            &format!("CREATE DATABASE {name} OWNER {name} TEMPLATE template0"),
        );
        Database {
            server: self.handle(),
            name,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(script) = &mut self.script {
            drop(script.stdin.take());
            // It deletes its files.
            let _ = script.wait();
        }
    }
}

// === impl Database ===

impl Database {
    /// A new database of the server of all tests.
    pub(crate) fn new() -> Self {
        Server::shared().database()
    }

    /// Creates a database of the same name, with the same owner, in a server that ends with it.
    pub(crate) fn twin(&self, server: Server) -> Self {
        let twin = server.named_database(self.name.clone());
        Self { server, ..twin }
    }

    /// Makes new connections read-only by default, as those to a standby are, or not.
    pub(crate) fn read_only(&self, read_only: bool) {
        let name = &self.name;
        let alter =
            format!("ALTER DATABASE {name} SET default_transaction_read_only = {read_only}");
        self.server.sql("postgres", &alter);
    }

    /// The URL of the owner, with the default `sslmode`.
    pub(crate) fn url(&self) -> String {
        self.url_of(&self.name)
    }

    /// The URL of another user with the usual password.
    pub(crate) fn url_of(&self, user: &str) -> String {
        let (address, database) = (self.server.address(), &self.name);
        format!("postgresql://{user}:{ENCODED_PASSWORD}@{address}/{database}")
    }

    /// The URL of the owner by way of a proxy. `sslmode` is `disable` or the like.
    pub(crate) fn url_by(&self, address: std::net::SocketAddr, sslmode: &str) -> String {
        let (user, database) = (&self.name, &self.name);
        format!("postgresql://{user}:{ENCODED_PASSWORD}@{address}/{database}?sslmode={sslmode}")
    }

    /// Creates a user with the usual password.
    pub(crate) fn user(&self, suffix: &str) -> String {
        let name = format!("{}_{suffix}", self.name);
        self.sql(&format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"));
        name
    }

    /// Runs statements as the superuser.
    pub(crate) fn sql(&self, statements: &str) -> String {
        self.server.sql(&self.name, statements)
    }

    /// A column of text.
    pub(crate) fn column(&self, query: &str) -> Vec<String> {
        self.sql(query).lines().map(ToOwned::to_owned).collect()
    }

    /// Waits until a query returns this text. Until then it may fail, as a table may be missing.
    pub(crate) async fn eventually(&self, query: &str, expected: &str) {
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            let guarded = format!(
                "SELECT CASE WHEN to_regclass('{SCHEMA}.version') IS NULL THEN 'nothing' ELSE 'there' END"
            );
            let seen = if self.sql(&guarded).trim_end() == "there" {
                self.sql(query)
            } else {
                "no tables".to_owned()
            };
            if seen.trim_end() == expected {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{query}: {seen:?} instead of {expected:?}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// The uids of all runs of all targets, sorted.
    pub(crate) fn uids(&self) -> Vec<String> {
        self.column(&format!("SELECT uid FROM {SCHEMA}.runs ORDER BY uid"))
    }

    /// The uids of all runs. Asserts that none is there twice.
    pub(crate) fn recorded(&self) -> BTreeSet<String> {
        let uids = self.uids();
        let recorded: BTreeSet<_> = uids.iter().cloned().collect();
        assert_eq!(recorded.len(), uids.len(), "a uid is there twice");
        recorded
    }

    /// Succeeded and failed runs of each workload, of all targets.
    pub(crate) fn totals(&self) -> Totals {
        self.totals_where("true")
    }

    /// The same of the rows of workloads with this condition.
    pub(crate) fn totals_where(&self, condition: &str) -> Totals {
        let query = format!(
            "SELECT json_build_array(namespace, name, state) FROM {SCHEMA}.workloads WHERE {condition}"
        );
        let mut totals = Totals::new();
        for row in self.column(&query) {
            let row: Value = serde_json::from_str(&row).unwrap();
            let text = |index: usize| row[index].as_str().unwrap();
            let count = |name: &str| row[2]["totals"][name].as_u64().unwrap_or(0);
            add(
                &mut totals,
                (text(0), text(1)),
                (count("succeeded"), count("failed")),
            );
        }
        totals
    }
}
