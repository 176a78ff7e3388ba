//! Reads the runs of one workload from the database, with a connection of its own and possibly as a user that may only read.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{runtime::Handle, sync::Mutex};

use super::{
    super::{
        reader::ReadError,
        rows::{RunRow, decode},
    },
    connection::{Connection, PostgresError, within},
};
use crate::{
    config::PostgresConfig,
    model::{Run, Uid, WorkloadId},
};

/// The longest that a page waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Reads runs. Clones share a connection.
#[derive(Clone)]
pub(in crate::history) struct PostgresReader {
    url_file: PathBuf,
    ca_file: Option<PathBuf>,
    schema: String,
    connection: Arc<Mutex<Option<Connection>>>,
}

impl PostgresReader {
    pub(in crate::history) fn new(config: &PostgresConfig) -> Self {
        let url_file = config.reader_url_file.as_ref().unwrap_or(&config.url_file);
        Self {
            url_file: url_file.clone(),
            ca_file: config.ca_file.clone(),
            schema: config.schema.clone(),
            connection: Arc::default(),
        }
    }

    /// See [`RunReader::runs`](super::super::RunReader::runs). Must be called on a thread of the runtime that may block.
    pub(in crate::history) fn runs(
        &self,
        target: &str,
        workload: &WorkloadId,
        max: usize,
    ) -> Result<Vec<Run>, ReadError> {
        let read = self.read(target, workload, max);
        let outcome = Handle::current().block_on(async { within(TIMEOUT, read).await });
        outcome.map_err(|error| ReadError::Database(error.into()))
    }

    async fn read(
        &self,
        target: &str,
        workload: &WorkloadId,
        max: usize,
    ) -> Result<Vec<Run>, PostgresError> {
        // A connection whose request fails or is given up is closed: it is put back only after a success.
        let mut slot = self.connection.lock().await;
        let connection = if let Some(open) = slot.take().filter(Connection::is_alive) {
            open
        } else {
            Connection::open(&self.url_file, self.ca_file.as_deref(), &self.schema).await?
        };
        let WorkloadId {
            namespace,
            kind,
            name,
        } = workload;
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = connection
            .client
            .query(
                &connection.sql.latest_runs,
                &[&target, &&**namespace, &&**kind, &&**name, &max],
            )
            .await?;
        let mut runs = Vec::new();
        for row in rows {
            let uid = Uid::parse(row.try_get(0)?);
            match decode::<RunRow<'_>>("runs", row.try_get(1)?) {
                Ok(row) => runs.push(row.into_run(uid)),
                Err(error) => {
                    // Each look at the workload would repeat it.
                    tracing::debug!(%namespace, %kind, %name, %uid, %error, "a run in the history is invalid, left it out");
                }
            }
        }
        *slot = Some(connection);
        Ok(runs)
    }
}

impl std::fmt::Debug for PostgresReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresReader")
            .field("url_file", &self.url_file)
            .finish_non_exhaustive()
    }
}
