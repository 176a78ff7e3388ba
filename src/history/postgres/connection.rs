//! A connection to a server, and why it fails.

use std::{
    error::Error as _,
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};
use tokio_postgres::{Client, Config, NoTls, Socket, error::SqlState, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{super::Error, sql::Sql, url::Server};

/// A connection. It is closed when it is dropped.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) sql: Sql,
    /// Sends and receives while something waits for an answer.
    _driver: JoinSet<()>,
}

/// How soon the server gives up a client that is gone without a word, as when its machine failed. Until then its transaction keeps its
/// locks, and no other process can write the target. Without this it is hours.
const SESSION: &str = "SET idle_in_transaction_session_timeout = '20s'; SET tcp_keepalives_idle = 20; \
    SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4";

/// Why something failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostgresError {
    /// A file is missing or invalid.
    #[error("{} {problem}", path.display())]
    File { path: PathBuf, problem: String },
    /// The schema was changed by a newer version of the exporter.
    #[error("the schema has version {found}, and this exporter knows up to version {known}")]
    Newer { found: i32, known: i32 },
    /// There is no history to export.
    #[error("the schema has no history")]
    Empty,
    /// The server did not answer in time.
    #[error("the server did not answer in time")]
    Timeout,
    /// There is no connection.
    #[error("not connected")]
    Closed,
    /// A row of another program.
    #[error(transparent)]
    Row(#[from] super::super::rows::InvalidRow),
    /// The server, or the connection to it.
    #[error("{}", Described(.0))]
    Server(#[from] tokio_postgres::Error),
}

/// The message of the server, else the whole chain of causes.
struct Described<'a>(&'a tokio_postgres::Error);

// === impl Connection ===

impl Connection {
    /// Connects to the first of the hosts in a file with a URL that can be used. The files are read each time, since a password or an
    /// authority may have changed.
    pub(super) async fn open(
        url_file: &Path,
        authorities: Option<&Path>,
        schema: &str,
    ) -> Result<Self, PostgresError> {
        let server = Server::read(url_file)?;
        let (client, driver) = match server.tls(authorities)? {
            Some(tls) => connect(&server.config, MakeRustlsConnect::new(tls)).await?,
            None => connect(&server.config, NoTls).await?,
        };
        client.batch_execute(SESSION).await?;
        Ok(Self {
            client,
            sql: Sql::new(schema),
            _driver: driver,
        })
    }

    /// Whether it is not known to be closed.
    pub(super) fn is_alive(&self) -> bool {
        !self.client.is_closed()
    }

    /// The number of runs and of bytes in the schema.
    pub(super) async fn measure(&self) -> Result<(u64, u64), PostgresError> {
        let row = self.client.query_one(&self.sql.measure, &[]).await?;
        let [runs, bytes]: [i64; 2] = [row.try_get(0)?, row.try_get(1)?];
        Ok((runs.unsigned_abs(), bytes.unsigned_abs()))
    }
}

/// Waits for the server, but not longer than this.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, PostgresError>>,
) -> Result<T, PostgresError> {
    timeout(limit, work)
        .await
        .unwrap_or(Err(PostgresError::Timeout))
}

async fn connect<T>(config: &Config, tls: T) -> Result<(Client, JoinSet<()>), PostgresError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    let mut driver = JoinSet::new();
    // Its error is that of the request that waits, too.
    driver.spawn(async { drop(connection.await) });
    Ok((client, driver))
}

// === impl PostgresError ===

impl PostgresError {
    /// Whether the configuration of the exporter or the server is the cause, so that trying again does not help.
    pub(super) fn is_configuration(&self) -> bool {
        match self {
            Self::File { .. } | Self::Newer { .. } | Self::Empty => true,
            Self::Server(error) => {
                let code = error.code();
                let is_denied = code.is_some_and(|code| {
                    code.code().starts_with("28")
                        || [
                            SqlState::INVALID_CATALOG_NAME,
                            SqlState::INSUFFICIENT_PRIVILEGE,
                        ]
                        .contains(code)
                });
                is_denied || certificate_problem(error).is_some()
            }
            Self::Timeout | Self::Closed | Self::Row(_) => false,
        }
    }

    /// The error of a start that fails.
    pub(super) fn at_start(self, location: String) -> Error {
        let hint = match &self {
            Self::File { .. } => Some(
                "`history.postgres` has the names of the files: `url_file`, `reader_url_file`, `ca_file`",
            ),
            Self::Newer { .. } => {
                Some("run the newer version, or use another `history.postgres.schema`")
            }
            Self::Server(error) if certificate_problem(error).is_some() => Some(
                "`history.postgres.ca_file` must have the authority that signed the certificate of the server, and the URL the name in it",
            ),
            Self::Server(_) => Some(
                "docs/history.md says which rights the user needs; the URL is in `history.postgres.url_file`",
            ),
            _ => None,
        };
        // The message about a file names it.
        let location = match &self {
            Self::File { .. } => "PostgreSQL".to_owned(),
            _ => location,
        };
        Error::Postgres {
            location,
            problem: self.to_string(),
            hint,
        }
    }
}

/// Why the certificate of the server is not trusted, if that is the cause.
fn certificate_problem(error: &tokio_postgres::Error) -> Option<&rustls::Error> {
    let error = error.source()?.downcast_ref::<io::Error>()?;
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    matches!(error, rustls::Error::InvalidCertificate(_)).then_some(error)
}

// === impl Described ===

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(error) = self.0.as_db_error() {
            return write!(f, "{} ({})", error.message(), error.code().code());
        }
        write!(f, "{}", self.0)?;
        let mut message = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors repeat their cause.
            if !message.contains(&text) {
                write!(f, ": {text}")?;
                message = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}
