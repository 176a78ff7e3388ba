//! The web configuration file: TLS, users, headers and the rate limit, in the format of the Prometheus exporter-toolkit.
//!
//! The file is separate from the configuration, because one file serves all exporters of a host. This module only reads and
//! checks it. The `server` reads the certificates and applies the rest. Keys and password hashes are in no error and in no
//! `Debug` output.
//!
//! - `keys`: the table of its keys
//! - `tls`: `tls_server_config`, with `names` for versions, cipher suites and curves, and `pem` for certificates and keys
//! - `http`: `http_server_config`
//! - `users`: `basic_auth_users`
//! - `rate_limit`: `rate_limit`, with `interval` for the durations of Go and Prometheus

use std::{collections::BTreeMap, fmt, path::Path};

use secrecy::{ExposeSecret as _, SecretString};

use super::{
    file,
    problem::{Problem, write_list},
    reader::{Node, Report},
};

mod http;
mod interval;
mod keys;
mod names;
mod pem;
mod rate_limit;
mod tls;
mod users;

pub use keys::WEB_FILE_KEYS;
pub use names::{CipherSuite, ClientAuth, Curve, TlsVersion};
pub use pem::PemSource;
pub use rate_limit::RateLimitConfig;
pub use tls::TlsConfig;

/// The maximum file size in MiB. The longest files have certificates inside and a few hundred users.
const MAX_FILE_SIZE: u64 = 1;

/// A setting of the file, for the message about a file that is no map.
const EXAMPLE: &str = "basic_auth_users: {…}";

/// A valid web configuration file. The default, which is also that of an empty file, is plain HTTP for everybody.
#[derive(Clone, Debug)]
pub struct WebFile {
    /// TLS; `None` to serve plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Whether clients may use HTTP/2 on TLS connections.
    pub http2: bool,
    /// Headers of every response: the name as it is sent, and the value, which is valid in HTTP. In the order of the names.
    pub headers: Vec<(&'static str, String)>,
    /// The bcrypt hash of the password of each user. Empty if no password is required.
    pub users: BTreeMap<String, SecretString>,
    /// The limit on requests; `None` for no limit.
    pub rate_limit: Option<RateLimitConfig>,
    /// Settings that are valid but probably a mistake. The caller logs them.
    pub warnings: Vec<Problem>,
}

/// A web configuration file that cannot be read or is invalid, with every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebFileError {
    /// Never empty.
    problems: Vec<Problem>,
}

impl WebFile {
    /// Reads and checks the file at `path`. Its paths are relative to the directory of `path`, even if that is a symbolic link.
    ///
    /// The error has every problem with its key and its position.
    pub fn load(path: &Path) -> Result<Self, WebFileError> {
        let bytes = file::read(path, MAX_FILE_SIZE).map_err(WebFileError::from)?;
        Self::parse(&bytes, path)
    }

    /// Checks `bytes`, the content of the file at `path`. Reads no file.
    ///
    /// The error has every problem with its key and its position.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, WebFileError> {
        let tree = file::parse_tree(bytes, path, EXAMPLE)?;
        let report = Report::new(WEB_FILE_KEYS, Vec::new(), Vec::new());
        let web_file = read(&Node::root(&tree, &report));
        let (problems, warnings) = report.into_parts();
        if problems.is_empty() {
            Ok(Self {
                warnings,
                ..web_file
            })
        } else {
            Err(WebFileError { problems })
        }
    }

    /// The files that it refers to: certificate, key and client certificate authorities. Not the web configuration file itself.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.tls.iter().flat_map(TlsConfig::files)
    }
}

impl Default for WebFile {
    fn default() -> Self {
        Self {
            tls: None,
            http2: true,
            headers: Vec::new(),
            users: BTreeMap::new(),
            rate_limit: None,
            warnings: Vec::new(),
        }
    }
}

impl PartialEq for WebFile {
    /// Also compares the password hashes. Only for files of the operator: the time depends on the values.
    fn eq(&self, other: &Self) -> bool {
        let users = |file: &Self| -> Vec<(String, String)> {
            let user = |(name, hash): (&String, &SecretString)| {
                (name.clone(), hash.expose_secret().to_owned())
            };
            file.users.iter().map(user).collect()
        };
        self.tls == other.tls
            && self.http2 == other.http2
            && self.headers == other.headers
            && users(self) == users(other)
            && self.rate_limit == other.rate_limit
            && self.warnings == other.warnings
    }
}

/// Reads the root. The default replaces each invalid value, which is reported.
fn read(node: &Node<'_>) -> WebFile {
    let mut web_file = WebFile::default();
    let Some(root) = node.section() else {
        return web_file;
    };
    if let Some(node) = root.get("http_server_config") {
        (web_file.http2, web_file.headers) = http::read(&node);
    }
    web_file.tls = root
        .get("tls_server_config")
        .and_then(|node| tls::read(&node, web_file.http2));
    if let Some(node) = root.find("basic_auth_users") {
        web_file.users = users::read(&node);
    }
    web_file.rate_limit = root
        .get("rate_limit")
        .and_then(|node| rate_limit::read(&node));
    web_file
}

// === impl WebFileError ===

impl WebFileError {
    /// Every problem, in the order in which the keys are read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl From<Problem> for WebFileError {
    fn from(problem: Problem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}

impl fmt::Display for WebFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.problems, "the web configuration file")
    }
}

impl std::error::Error for WebFileError {}

/// Reads text; empty text counts as absent, as the exporter-toolkit has it.
fn text_if_any(node: Option<Node<'_>>) -> Option<(Node<'_>, &str)> {
    let node = node?;
    let text = node.text().filter(|text| !text.is_empty())?;
    Some((node, text))
}

#[cfg(test)]
mod tests;
