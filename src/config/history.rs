//! `history`: where runs and totals are persisted, a file or PostgreSQL.
//!
//! Without the section nothing is persisted, and all counters restart from zero at every start.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use super::reader::{Node, Section};

/// The valid values of `runs_per_workload`.
const RUNS_RANGE: RangeInclusive<u32> = 1..=10_000;
/// The valid values of `max_age`.
const MAX_AGE_RANGE: RangeInclusive<Duration> =
    Duration::from_hours(1)..=Duration::from_hours(3650 * 24);

/// The default of `runs_per_workload`.
const DEFAULT_RUNS: u32 = 50;
/// The default of `max_age`.
const DEFAULT_MAX_AGE: Duration = Duration::from_hours(90 * 24);
/// The default of `postgres.schema`.
const DEFAULT_SCHEMA: &str = "job_status_exporter";

/// The maximum length of an identifier of PostgreSQL, in bytes. It cuts longer ones.
const MAX_SCHEMA_LENGTH: usize = 63;

const NO_POSTGRES: &str = "this build has no support for PostgreSQL";
const NO_POSTGRES_HINT: &str = "releases and images have it; build with `--features postgres`";
const URL_HINT: &str =
    "write the URL to a file that only the exporter may read, and the path of that file here";

/// Where finished runs are persisted, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// The file or the database.
    pub storage: HistoryStorage,
    /// The number of runs kept of each workload, at least one.
    pub runs_per_workload: u32,
    /// How long runs and deleted workloads are kept.
    pub max_age: Duration,
}

/// What persists runs and totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryStorage {
    /// A file of this process alone.
    File(PathBuf),
    /// A database that several processes may share.
    Postgres(PostgresConfig),
}

/// A schema in a database of PostgreSQL. The files are read at each connect; their contents are not part of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresConfig {
    /// The file with the URL, which may have a password.
    pub url_file: PathBuf,
    /// The file with the URL of a user that may only read, for pages and the API; `None` if `url_file` serves them too.
    pub reader_url_file: Option<PathBuf>,
    /// The schema with the tables. It needs no quotes in SQL.
    pub schema: String,
    /// Certificate authorities in PEM that are trusted instead of those of the system.
    pub ca_file: Option<PathBuf>,
}

impl HistoryConfig {
    /// The files with secrets and certificate authorities.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let files = match &self.storage {
            HistoryStorage::File(_) => [None, None, None],
            HistoryStorage::Postgres(postgres) => [
                Some(&postgres.url_file),
                postgres.reader_url_file.as_ref(),
                postgres.ca_file.as_ref(),
            ],
        };
        files.into_iter().flatten().map(PathBuf::as_path)
    }
}

/// Reads `history`. `None` means that a problem was reported.
pub(super) fn read(node: &Node<'_>) -> Option<HistoryConfig> {
    let section = node.section()?;
    let storage = storage(&section);
    let runs_per_workload = section
        .get("runs_per_workload")
        .and_then(|node| node.count(RUNS_RANGE));
    let max_age = section
        .get("max_age")
        .and_then(|node| node.duration(MAX_AGE_RANGE));
    Some(HistoryConfig {
        storage: storage?,
        runs_per_workload: runs_per_workload.unwrap_or(DEFAULT_RUNS),
        max_age: max_age.unwrap_or(DEFAULT_MAX_AGE),
    })
}

/// Reads `path` and `postgres`, of which exactly one is set.
fn storage(section: &Section<'_>) -> Option<HistoryStorage> {
    let (path, postgres) = (section.get("path"), section.get("postgres"));
    if path.is_some() == postgres.is_some() {
        section
            .node
            .problem("must have exactly one of `path` and `postgres`");
    }
    let path = path.map(|node| file_path(&node).map(HistoryStorage::File));
    let postgres = postgres.map(|node| read_postgres(&node).map(HistoryStorage::Postgres));
    path.or(postgres)?
}

/// Reads `postgres`.
fn read_postgres(node: &Node<'_>) -> Option<PostgresConfig> {
    if !cfg!(feature = "postgres") {
        node.problem_with_hint(NO_POSTGRES, NO_POSTGRES_HINT);
    }
    let section = node.section()?;
    let optional = |key| section.get(key).and_then(|node| file_path(&node));
    let url_file = section
        .required("url_file")
        .and_then(|node| file_path(&node));
    let reader_url_file = optional("reader_url_file");
    let schema = section.get("schema").and_then(|node| node.parsed(schema));
    let ca_file = optional("ca_file");
    Some(PostgresConfig {
        url_file: url_file?,
        reader_url_file,
        schema: schema.unwrap_or_else(|| DEFAULT_SCHEMA.to_owned()),
        ca_file,
    })
}

/// Parses the name of a schema. It is part of SQL statements, and the same with and without quotes.
fn schema(text: &str) -> Result<String, &'static str> {
    let is_valid = |c: u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_');
    if text.is_empty()
        || text.len() > MAX_SCHEMA_LENGTH
        || text.starts_with(|c: char| c.is_ascii_digit())
        || !text.bytes().all(is_valid)
    {
        return Err(
            "is not the name of a schema: 1 to 63 lower-case letters, digits and `_`, not starting with a digit",
        );
    }
    if text.starts_with("pg_") {
        return Err("starts with `pg_`, which PostgreSQL reserves for itself");
    }
    Ok(text.to_owned())
}

/// Reads the path of a file. The message about a URL never quotes it: it may have a password.
fn file_path(node: &Node<'_>) -> Option<PathBuf> {
    let text = node.text()?;
    if text.contains("://") {
        node.problem_with_hint("must be a file path, is a URL", URL_HINT);
        return None;
    }
    if text.ends_with('/') {
        node.problem("must be a file path, ends with `/`");
        return None;
    }
    node.file_path()
}
