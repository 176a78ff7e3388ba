//! What can be wrong with the TLS settings of the server.
//!
//! No message contains text of a key, not even of a malformed one.

use std::{fmt, io, path::PathBuf};

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {name}")]
    Read {
        /// The file.
        name: PemName,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The text begins as PEM and is malformed.
    #[error("{0} is malformed PEM")]
    MalformedPem(PemName),
    /// There is no certificate.
    #[error("{name} has no certificate")]
    NoCertificate {
        /// Where it should be.
        name: PemName,
        /// What is there instead.
        found: Found,
    },
    /// A certificate cannot be used.
    #[error("{name} has an invalid certificate: {reason}")]
    InvalidCertificate {
        /// Where it is.
        name: PemName,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no private key.
    #[error("{name} has no private key")]
    NoKey {
        /// Where it should be.
        name: PemName,
        /// What is there instead.
        found: Found,
    },
    /// The private key needs a password.
    #[error("{0} is encrypted")]
    EncryptedKey(PemName),
    /// The private key is malformed, or of a kind that the TLS library lacks.
    #[error("{0} cannot be used: it is malformed or of an unsupported kind")]
    UnsupportedKey(PemName),
    /// The private key belongs to another certificate.
    #[error("{key} does not match {certificate}")]
    KeyMismatch {
        /// Where the key is.
        key: PemName,
        /// Where the certificate is.
        certificate: PemName,
        /// Whether the key matches a later certificate there.
        matches_later: bool,
    },
    /// Client certificates cannot be verified.
    #[error("client certificates are to be verified, and no client CA is configured")]
    NoClientCa,
    /// Names are to be checked, and a client may have none.
    #[error("names of clients are restricted, and a client without a certificate may connect")]
    NamesWithoutCertificate,
    /// The oldest version is newer than the newest one.
    #[error("the minimum TLS version is newer than the maximum")]
    NoVersion,
    /// No client can connect.
    #[error("none of the cipher suites works with the key of the certificate")]
    NoCipherSuite,
    /// The TLS library refuses the settings.
    #[error("set up TLS")]
    Refused(#[source] rustls::Error),
}

/// One of the three settings that are PEM, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemName {
    /// Which setting it is.
    pub item: PemItem,
    /// Its file. `None` if it is part of the configuration.
    pub path: Option<PathBuf>,
}

/// The settings that are PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PemItem {
    /// The certificate of the server.
    Certificate,
    /// The private key of the server.
    Key,
    /// The certificates that verify clients.
    ClientCa,
}

/// What is found where something else should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing, or nothing but white space.
    Nothing,
    /// DER, which is binary.
    Binary,
    /// A private key.
    Key,
    /// A certificate.
    Certificate,
    /// Something else.
    Other,
}

impl TlsError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Read { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some("a relative path is relative to the file that names it")
                }
                io::ErrorKind::PermissionDenied => {
                    Some("let the user of the exporter read the file; it needs no more access")
                }
                _ => None,
            },
            Self::MalformedPem(_) => {
                Some("copy it again as a whole, from `-----BEGIN` to the last `-----END …-----`")
            }
            Self::NoCertificate { found, .. } => Some(match found {
                Found::Key => "it has a private key: certificate and key may be exchanged",
                Found::Binary => "convert DER to PEM with `openssl x509 -inform der`",
                _ => "a certificate in PEM begins with `-----BEGIN CERTIFICATE-----`",
            }),
            Self::InvalidCertificate { .. } => {
                Some("`openssl x509 -noout -text -in FILE` shows it; its version must be 3")
            }
            Self::NoKey { found, .. } => Some(match found {
                Found::Certificate => "it has a certificate: certificate and key may be exchanged",
                Found::Binary => "convert DER to PEM with `openssl pkey -inform der`",
                _ => {
                    "a key in PEM begins with `-----BEGIN PRIVATE KEY-----`, `… RSA PRIVATE KEY-----` or `… EC PRIVATE KEY-----`"
                }
            }),
            Self::EncryptedKey(_) => Some("decrypt it with `openssl pkey -in KEY -out NEW_KEY`"),
            Self::UnsupportedKey(_) => {
                Some("use RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519")
            }
            Self::KeyMismatch { matches_later, .. } => Some(if *matches_later {
                "put the certificate of the server first, then those of its issuers"
            } else {
                "one of the two may be of an earlier rotation"
            }),
            Self::NoClientCa => Some(
                "set `client_ca_file` or `client_ca`, or a `client_auth_type` that verifies nothing",
            ),
            Self::NamesWithoutCertificate => Some(
                "with `client_allowed_sans`, set `client_auth_type` to `RequireAndVerifyClientCert` or `RequireAnyClientCert`",
            ),
            Self::NoVersion => Some("exchange `min_version` and `max_version`"),
            Self::NoCipherSuite => Some(
                "add a suite with `ECDHE_RSA` for an RSA key, or with `ECDHE_ECDSA` for other keys; or allow TLS 1.3",
            ),
            Self::Refused(_) => None,
        }
    }
}

impl fmt::Display for PemName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let item = match self.item {
            PemItem::Certificate => "certificate",
            PemItem::Key => "private key",
            PemItem::ClientCa => "client CA",
        };
        match &self.path {
            Some(path) => write!(f, "{item} `{}`", path.display()),
            None => write!(f, "inline {item}"),
        }
    }
}
