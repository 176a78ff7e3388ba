//! The history in a schema of PostgreSQL, which several processes may share: replicas, shards, the old and the new one during a rollout.
//!
//! A run moves the totals in the database only if its row is new, in the same transaction. So each run is counted once, however
//! many processes see it. Each process continues from the database at its start, and counts what it sees itself while it runs: processes agree after a
//! restart. After it connects again it reports everything it knows, since a server that took over may lack the last transactions.
//!
//! The thread of the writer waits for the server, with a timeout for each transaction. Nothing else does.

use std::{
    collections::HashSet,
    fmt, thread,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};

use super::{
    Error,
    rows::Bounds,
    storage::{HistoryTarget, Limits, Restored, StartError, Storage, StorageError, TargetWrites},
};
use crate::{
    config::PostgresConfig,
    model::{Seconds, StoreLookup},
};

mod connection;
mod merge;
mod migrations;
mod prune;
mod read;
mod reader;
mod sql;
mod transfer;
mod url;
mod write;

pub(super) use reader::PostgresReader;

use connection::{Connection, PostgresError, within};
use url::Server;

/// The longest wait for a connection to a server that can be written.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest wait for an answer that only shows that the connection works.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest wait for a transaction that writes.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for everything of a target.
const READ_TIMEOUT: Duration = Duration::from_mins(2);

/// How often runs and bytes are counted: other processes add some.
const MEASURE_INTERVAL: Duration = Duration::from_mins(5);

/// A schema, while it is connected and while it is not.
pub(super) struct PostgresStorage {
    config: PostgresConfig,
    bounds: Bounds,
    /// Present until the storage is dropped.
    runtime: Option<Runtime>,
    connection: Option<Connection>,
    /// Runs in the schema when they were last counted, with those that this process added since.
    runs: u64,
    /// Bytes of the schema, as of then.
    size: u64,
    measured: Instant,
}

impl PostgresStorage {
    pub(super) fn new(config: PostgresConfig, bounds: Bounds) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            config,
            bounds,
            runtime: Some(runtime.map_err(Error::Thread)?),
            connection: None,
            runs: 0,
            size: 0,
            measured: Instant::now(),
        })
    }

    /// Checks the files with the URLs and the authorities. Connects to nothing.
    pub(super) fn check(config: &PostgresConfig) -> Result<(), Error> {
        let urls = [Some(&config.url_file), config.reader_url_file.as_ref()];
        for url_file in urls.into_iter().flatten() {
            Server::read(url_file)
                .and_then(|server| server.tls(config.ca_file.as_deref()))
                .map_err(|error| error.at_start(url_file.display().to_string()))?;
        }
        Ok(())
    }

    /// Opens a connection, and creates or updates the tables.
    fn connect(&mut self) -> Result<(), PostgresError> {
        let mut connection = self.open()?;
        self.wait(WRITE_TIMEOUT, connection.migrate())?;
        self.connection = Some(connection);
        self.measure()
    }

    fn open(&self) -> Result<Connection, PostgresError> {
        let PostgresConfig {
            url_file,
            schema,
            ca_file,
            ..
        } = &self.config;
        let open = Connection::open(url_file, ca_file.as_deref(), schema);
        self.wait(CONNECT_TIMEOUT, open)
    }

    fn runtime(&self) -> Result<&Runtime, PostgresError> {
        self.runtime.as_ref().ok_or(PostgresError::Closed)
    }

    /// Waits for the server, but not longer than this.
    fn wait<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, PostgresError>>,
    ) -> Result<T, PostgresError> {
        let runtime = self.runtime()?;
        runtime.block_on(async { within(limit, work).await })
    }

    /// Does something with the connection within a time.
    fn run<T>(
        &mut self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Connection, &Bounds) -> Result<T, PostgresError>,
    ) -> Result<T, PostgresError> {
        let connection = self.connection.as_mut().ok_or(PostgresError::Closed)?;
        let bounds = &self.bounds;
        let runtime = self.runtime.as_ref().ok_or(PostgresError::Closed)?;
        runtime.block_on(async { within(limit, work(connection, bounds)).await })
    }

    /// Counts the runs and the bytes.
    fn measure(&mut self) -> Result<(), PostgresError> {
        let measure = self.run(READ_TIMEOUT, async |connection, _| {
            connection.measure().await
        });
        (self.runs, self.size) = measure?;
        self.measured = Instant::now();
        Ok(())
    }

    fn start_here(&mut self, targets: &[&HistoryTarget]) -> Result<Vec<Restored>, PostgresError> {
        self.connect()?;
        let targets = targets.iter().map(|target| self.read_target(target));
        targets.collect()
    }

    fn read_target(&mut self, target: &HistoryTarget) -> Result<Restored, PostgresError> {
        self.run(READ_TIMEOUT, async |connection, bounds| {
            connection.read(target, bounds).await
        })
    }
}

impl Drop for PostgresStorage {
    /// A start that fails drops the storage on a thread of another runtime, which must not wait for this one.
    fn drop(&mut self) {
        self.connection = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for PostgresStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStorage")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Storage for PostgresStorage {
    /// The servers, the database and the schema; if they are not known, the file that should say.
    fn location(&self) -> String {
        let PostgresConfig {
            url_file, schema, ..
        } = &self.config;
        match Server::read(url_file) {
            Ok(server) => format!("{} schema {schema}", server.address()),
            Err(_) => url_file.display().to_string(),
        }
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    fn start(&mut self, targets: &[&HistoryTarget]) -> Result<Vec<Restored>, StartError> {
        // The process starts on a thread of its runtime, which must not wait for another one.
        let outcome = thread::scope(|scope| {
            let start = scope.spawn(|| self.start_here(targets));
            start.join()
        });
        match outcome {
            Ok(Ok(restored)) => Ok(restored),
            Ok(Err(error)) => {
                self.connection = None;
                Err(if error.is_configuration() {
                    StartError::Final(error.at_start(self.location()))
                } else {
                    StartError::Passing(error.to_string())
                })
            }
            Err(_) => Err(StartError::Passing("a bug: the start panicked".to_owned())),
        }
    }

    fn ensure_open(&mut self, _: &[&HistoryTarget]) -> Result<bool, StorageError> {
        // A server that restarted, or a firewall, has closed it while nothing was written. That is no failure.
        let check = self.run(CHECK_TIMEOUT, async |connection, _| {
            Ok(connection.client.check_connection().await?)
        });
        if check.is_ok() {
            return Ok(false);
        }
        self.connection = None;
        self.connect()?;
        Ok(true)
    }

    fn read(&mut self, target: &HistoryTarget) -> Result<Restored, StorageError> {
        Ok(self.read_target(target)?)
    }

    fn write(&mut self, targets: &[TargetWrites<'_>]) -> Result<u64, StorageError> {
        for TargetWrites { target, pending } in targets {
            for part in write::parts(pending) {
                let new = self.run(WRITE_TIMEOUT, async |connection, bounds| {
                    connection.write(target, &part, bounds).await
                })?;
                self.runs += new;
            }
        }
        if self.measured.elapsed() >= MEASURE_INTERVAL {
            self.measure()?;
        }
        Ok(self.runs)
    }

    fn mark_gone(
        &mut self,
        target: &str,
        last_seen: Seconds,
        lookup: &dyn StoreLookup,
    ) -> Result<(), StorageError> {
        Ok(self.run(READ_TIMEOUT, async |connection, _| {
            connection.mark_gone(target, last_seen, lookup).await
        })?)
    }

    fn prune(
        &mut self,
        target: &str,
        limits: Limits,
        lookup: &dyn StoreLookup,
    ) -> Result<u64, StorageError> {
        self.run(READ_TIMEOUT, async |connection, _| {
            connection.prune(target, limits, lookup).await
        })?;
        self.measure()?;
        Ok(self.runs)
    }

    fn prune_targets(
        &mut self,
        configured: &HashSet<&str>,
        oldest: Seconds,
    ) -> Result<(), StorageError> {
        Ok(self.run(READ_TIMEOUT, async |connection, _| {
            connection.prune_targets(configured, oldest).await
        })?)
    }

    fn finish(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn runs(&self) -> u64 {
        self.runs
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn close(&mut self) {
        self.connection = None;
    }
}

#[cfg(test)]
mod tests;
