//! The server that a URL names, and how it is trusted.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

use super::connection::PostgresError;

const INVALID: &str =
    "is not a valid URL of PostgreSQL; special characters of a password must be percent-encoded";

/// A server, or several of which one can be written.
pub(super) struct Server {
    pub(super) config: Config,
    has_tls: bool,
    /// The file with the URL, for errors.
    url_file: PathBuf,
}

impl Server {
    /// Reads the URL from a file.
    pub(super) fn read(url_file: &Path) -> Result<Self, PostgresError> {
        let url = fs::read_to_string(url_file)
            .map_err(|error| invalid(url_file, format!("cannot be read: {error}")))?;
        let server = Self::parse(url.trim()).map_err(|problem| invalid(url_file, problem))?;
        Ok(Self {
            url_file: url_file.to_owned(),
            ..server
        })
    }

    /// How it is trusted; `None` if TLS is disabled. `authorities` is a file with those that are trusted instead of those of the system.
    pub(super) fn tls(
        &self,
        authorities: Option<&Path>,
    ) -> Result<Option<ClientConfig>, PostgresError> {
        let tls = self.has_tls.then(|| client_config(authorities));
        tls.transpose()
            .map_err(|problem| invalid(&self.url_file, problem))
    }

    /// The text of errors never has parts of the URL: it may have a password anywhere if it is invalid.
    fn parse(url: &str) -> Result<Self, String> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(
                "must be a URL such as postgresql://user:password@host:5432/database".to_owned(),
            );
        }
        let (url, ssl_mode) = split_ssl_mode(url);
        let mut config: Config = url.parse().map_err(|_| INVALID.to_owned())?;
        // The rest of a password with an @ would be shown as a part of the host.
        let is_mixed = |host: &Host| matches!(host, Host::Tcp(name) if name.contains('@'));
        if config.get_hosts().iter().any(is_mixed) {
            return Err(INVALID.to_owned());
        }
        if config.get_hosts().is_empty() {
            return Err("has no host".to_owned());
        }
        let is_local = |host: &Host| matches!(host, Host::Unix(_));
        let has_tls = match ssl_mode.as_deref() {
            None => !config.get_hosts().iter().all(is_local),
            Some("disable") => false,
            Some("require" | "verify-full") => true,
            Some(_) => {
                return Err("has an unsupported sslmode: use verify-full, or disable".to_owned());
            }
        };
        config
            .ssl_mode(if has_tls {
                SslMode::Require
            } else {
                SslMode::Disable
            })
            .application_name("job-status-exporter");
        Ok(Self {
            config,
            has_tls,
            url_file: PathBuf::new(),
        })
    }

    /// Its hosts and its database, for people.
    pub(super) fn address(&self) -> String {
        let ports = self.config.get_ports();
        let hosts = self.config.get_hosts().iter().enumerate();
        let hosts = hosts.map(|(index, host)| {
            let port = ports.get(index).or(ports.first()).unwrap_or(&5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                Host::Unix(path) => path.display().to_string(),
            }
        });
        let hosts: Vec<_> = hosts.collect();
        let database = self.config.get_dbname().or(self.config.get_user());
        format!(
            "postgresql://{}/{}",
            hosts.join(","),
            database.unwrap_or_default()
        )
    }
}

fn invalid(path: &Path, problem: String) -> PostgresError {
    PostgresError::File {
        path: path.to_owned(),
        problem,
    }
}

/// The URL without `sslmode`, whose values are those of libpq, and its last value.
fn split_ssl_mode(url: &str) -> (String, Option<String>) {
    let Some((address, query)) = url.split_once('?') else {
        return (url.to_owned(), None);
    };
    let is_ssl_mode = |option: &&str| option.starts_with("sslmode=");
    let (ssl_modes, others): (Vec<_>, Vec<_>) = query.split('&').partition(is_ssl_mode);
    let ssl_mode = ssl_modes
        .last()
        .and_then(|option| option.strip_prefix("sslmode="))
        .map(str::to_owned);
    (format!("{address}?{}", others.join("&")), ssl_mode)
}

fn client_config(authorities: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(path) => {
            let invalid =
                |error: &dyn std::fmt::Display| format!("needs {}: {error}", path.display());
            let pem = fs::read(path).map_err(|error| invalid(&error))?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| invalid(&error))?;
                roots.add(certificate).map_err(|error| invalid(&error))?;
            }
            if roots.is_empty() {
                return Err(invalid(&"it has no certificate"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_how_a_server_is_trusted() {
        let cases = [
            ("postgresql://a:b@db/x", true, "postgresql://db:5432/x"),
            ("postgres://a@db:6000", true, "postgresql://db:6000/a"),
            (
                "postgresql://a@db/x?sslmode=disable",
                false,
                "postgresql://db:5432/x",
            ),
            (
                "postgresql://a@db/x?sslmode=verify-full&connect_timeout=3",
                true,
                "postgresql://db:5432/x",
            ),
            (
                "postgresql://a@db1,db2:6000/x?target_session_attrs=read-write&sslmode=require",
                true,
                "postgresql://db1:5432,db2:6000/x",
            ),
            (
                "postgresql://a@%2Frun%2Fpostgresql/x",
                false,
                "postgresql:///run/postgresql/x",
            ),
        ];
        for (url, tls, address) in cases {
            let server = Server::parse(url).unwrap_or_else(|problem| panic!("{url}: {problem}"));
            assert_eq!(server.has_tls, tls, "{url}");
            assert_eq!(server.address(), address);
        }
    }

    #[test]
    fn invalid_urls_are_refused_without_their_text() {
        let cases = [
            ("", "must be a URL"),
            ("host=db password=secret", "must be a URL"),
            ("mysql://a:secret@db/x", "must be a URL"),
            ("postgresql:///x", "has no host"),
            ("postgresql://a:secret@db:port/x", "percent-encoded"),
            ("postgresql://a:b@secret@db/x", "percent-encoded"),
            ("postgresql://a@db/x?secret=1", "percent-encoded"),
            ("postgresql://a@db/x?sslmode=prefer", "unsupported sslmode"),
            (
                "postgresql://a@db/x?sslmode=verify-ca",
                "unsupported sslmode",
            ),
        ];
        for (url, expected) in cases {
            let problem = Server::parse(url)
                .err()
                .unwrap_or_else(|| panic!("{url} is accepted"));
            assert!(problem.contains(expected), "{url}: {problem}");
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
