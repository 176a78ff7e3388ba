//! `--web.config.file`: TLS of the server, in the format of the exporter-toolkit.
//!
//! The types are plain data. `server::tls` reads the files that they name and builds the TLS of the server from them.

use std::path::PathBuf;

use secrecy::SecretString;

/// TLS of the server: the section `tls_server_config`.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The certificate of the server, followed by its intermediate certificates.
    pub certificate: PemSource,
    /// The private key of the certificate.
    pub key: PemSource,
    /// The certificates that client certificates are verified against.
    pub client_ca: Option<PemSource>,
    /// Whether clients need a certificate.
    pub client_auth: ClientAuth,
    /// One of these is an alternative name of each client certificate. Empty for no such condition.
    pub client_allowed_sans: Vec<String>,
    /// The oldest version that is accepted.
    pub min_version: TlsVersion,
    /// The newest version that is accepted.
    pub max_version: TlsVersion,
    /// The cipher suites of TLS 1.2 in the order of preference. Empty for all of them.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the order of the server counts, and not that of the client.
    pub prefer_server_cipher_suites: bool,
    /// The groups of the key exchange in the order of preference. Empty for all of them.
    pub curves: Vec<Curve>,
}

/// Where PEM comes from.
#[derive(Clone, Debug)]
pub enum PemSource {
    /// The configuration itself.
    Inline(SecretString),
    /// A file, which can change.
    File(PathBuf),
}

/// Whether clients need a certificate. The names are those of Go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// No certificate is requested.
    #[default]
    None,
    /// A certificate is requested, and any is accepted.
    Request,
    /// A certificate is required, and any is accepted.
    RequireAny,
    /// A certificate is requested, and verified if there is one.
    VerifyIfGiven,
    /// A certificate is required and verified.
    RequireAndVerify,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// A cipher suite of TLS 1.2. Those of TLS 1.3 cannot be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CipherSuite {
    /// `TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256`
    EcdheEcdsaAes128GcmSha256,
    /// `TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384`
    EcdheEcdsaAes256GcmSha384,
    /// `TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256`
    EcdheEcdsaChacha20Poly1305Sha256,
    /// `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`
    EcdheRsaAes128GcmSha256,
    /// `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384`
    EcdheRsaAes256GcmSha384,
    /// `TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256`
    EcdheRsaChacha20Poly1305Sha256,
}

/// A group of the key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Curve25519.
    X25519,
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}
