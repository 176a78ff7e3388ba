//! TLS of the server: from its settings to a handshake.
//!
//! [`PreparedTls`] is made from [`TlsConfig`] (`pem` reads, `provider` selects, `client_auth` verifies clients). The server has
//! a [`TlsHandle`], which [`replace`](TlsHandle::replace)s it while connections are open. `handshake` starts each connection
//! with what the handle has then. Settings that cannot be used are a [`TlsError`] and never reach the handle.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use rustls::{
    InconsistentKeys, ServerConfig,
    crypto::CryptoProvider,
    pki_types::CertificateDer,
    server::{NoServerSessionStorage, danger::ClientCertVerifier},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::time::Instant;

use crate::{config::TlsConfig, log_limit::LogLimit, x509::Certificate};

mod client_auth;
mod error;
pub(super) mod handshake;
mod pem;
mod provider;

pub use error::{Found, PemItem, PemName, TlsError};

use client_auth::ClientVerifier;
use pem::Pem;

/// ALPN of HTTP/2.
const HTTP2: &[u8] = b"h2";
/// ALPN of HTTP/1.1.
const HTTP1: &[u8] = b"http/1.1";

/// TLS that is ready for use.
#[derive(Debug)]
pub struct PreparedTls {
    config: Arc<ServerConfig>,
    warnings: Vec<String>,
}

/// The TLS of a server. Clones share it.
#[derive(Clone, Debug)]
pub struct TlsHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: RwLock<Arc<ServerConfig>>,
    /// Of failed handshakes.
    log: Mutex<LogLimit>,
}

// === impl PreparedTls ===

impl PreparedTls {
    /// Reads all files that `config` names. `http2` offers HTTP/2 beside HTTP/1.1. Certificates that are not valid at `now` are
    /// warnings.
    pub fn new(config: &TlsConfig, http2: bool, now: Timestamp) -> Result<Self, TlsError> {
        let versions = provider::versions(config);
        if versions.is_empty() {
            return Err(TlsError::NoVersion);
        }
        let provider = Arc::new(provider::provider(config));
        let mut warnings = Vec::new();
        let identity = load_identity(config, &provider, now, &mut warnings)?;
        let key_kind = identity.key.algorithm();
        if !provider::has_suite_for(config, key_kind) {
            return Err(TlsError::NoCipherSuite);
        }
        let algorithms = provider.signature_verification_algorithms;
        let verifier = ClientVerifier::new(config, algorithms)?;
        if let Some(verifier) = &verifier {
            warn_of_validity(verifier.trusted(), "client CA", now, &mut warnings);
        }
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(TlsError::Refused)?;
        let has_client_auth = verifier.is_some();
        let builder = match verifier {
            Some(verifier) => {
                let verifier: Arc<dyn ClientCertVerifier> = Arc::new(verifier);
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        server.alpn_protocols = vec![HTTP1.to_vec()];
        if http2 {
            server.alpn_protocols.insert(0, HTTP2.to_vec());
        }
        server.ignore_client_order = config.prefer_server_cipher_suites;
        if has_client_auth {
            // A resumed session would not verify the certificate again, which may have expired since. Without client
            // certificates, the library keeps the 256 latest sessions of this configuration.
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.send_tls13_tickets = 0;
        }
        Ok(Self {
            config: Arc::new(server),
            warnings,
        })
    }

    /// What is valid and probably a mistake, such as an expired certificate. Each is a sentence without a full stop.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The certificate with its intermediates, and its key.
fn load_identity(
    config: &TlsConfig,
    provider: &CryptoProvider,
    now: Timestamp,
    warnings: &mut Vec<String>,
) -> Result<CertifiedKey, TlsError> {
    let certificate = Pem::read(PemItem::Certificate, &config.certificate)?;
    let chain = certificate.certificates()?;
    let pem = Pem::read(PemItem::Key, &config.key)?;
    let key = provider
        .key_provider
        .load_private_key(pem.private_key()?)
        .map_err(|_| TlsError::UnsupportedKey(pem.name.clone()))?;
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(TlsError::KeyMismatch {
                key: pem.name,
                certificate: certificate.name,
                matches_later: matches_later(&identity),
            });
        }
        Err(error) => {
            return Err(TlsError::InvalidCertificate {
                name: certificate.name,
                reason: error.to_string(),
            });
        }
    }
    let name = certificate.name.to_string();
    warn_of_validity(&identity.cert, &name, now, warnings);
    let first = identity.cert.first();
    if first
        .and_then(|first| Certificate::read(first))
        .is_some_and(|read| !read.is_for_servers)
    {
        warnings.push(format!(
            "{name}: its extended key usage does not include servers, so clients reject it"
        ));
    }
    Ok(identity)
}

/// Whether the key is that of a certificate after the first.
fn matches_later(identity: &CertifiedKey) -> bool {
    identity.cert.iter().skip(1).any(|certificate| {
        let single = CertifiedKey::new(vec![certificate.clone()], Arc::clone(&identity.key));
        single.keys_match().is_ok()
    })
}

fn warn_of_validity(
    certificates: &[CertificateDer<'_>],
    name: &str,
    now: Timestamp,
    warnings: &mut Vec<String>,
) {
    for (index, der) in certificates.iter().enumerate() {
        let Some(read) = Certificate::read(der) else {
            continue;
        };
        let number = match index {
            0 => String::new(),
            _ => format!(", certificate {}", index + 1),
        };
        if now < read.not_before {
            warnings.push(format!(
                "{name}{number}: not valid before {}",
                read.not_before
            ));
        } else if !read.is_valid_at(now) {
            warnings.push(format!("{name}{number}: expired at {}", read.not_after));
        }
    }
}

// === impl TlsHandle ===

impl TlsHandle {
    /// A handle for a server.
    #[must_use]
    pub fn new(tls: PreparedTls) -> Self {
        let shared = Shared {
            config: RwLock::new(tls.config),
            log: Mutex::new(LogLimit::new(Instant::now())),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Uses `tls` for handshakes that begin from now on. Open connections are not affected.
    pub fn replace(&self, tls: PreparedTls) {
        *self.shared.config.write() = tls.config;
    }

    fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.shared.config.read())
    }
}

#[cfg(test)]
pub(super) mod tests;
