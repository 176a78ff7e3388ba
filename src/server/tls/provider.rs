//! Versions, cipher suites and groups, as ring has them.

use rustls::crypto::ring::{cipher_suite as suites, default_provider, kx_group as groups};
use rustls::{
    SignatureAlgorithm, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, SupportedKxGroup},
    version,
};

use crate::config::{CipherSuite, Curve, TlsConfig, TlsVersion};

/// The versions from the minimum to the maximum.
pub(super) fn versions(config: &TlsConfig) -> Vec<&'static SupportedProtocolVersion> {
    [
        (TlsVersion::Tls13, &version::TLS13),
        (TlsVersion::Tls12, &version::TLS12),
    ]
    .into_iter()
    .filter(|(version, _)| (config.min_version..=config.max_version).contains(version))
    .map(|(_, supported)| supported)
    .collect()
}

/// The suites and groups in the order of the configuration. An empty list stands for all.
pub(super) fn provider(config: &TlsConfig) -> CryptoProvider {
    let mut provider = default_provider();
    if !config.cipher_suites.is_empty() {
        let is_tls13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
        provider.cipher_suites.retain(is_tls13);
        let configured = config.cipher_suites.iter().copied();
        let configured = configured.filter_map(tls12_suite);
        provider.cipher_suites.extend(configured);
    }
    if !config.curves.is_empty() {
        provider.kx_groups = config.curves.iter().copied().map(group).collect();
    }
    provider
}

/// Whether a server with this kind of key can talk to any client. The suites of TLS 1.3 work with all kinds.
pub(super) fn has_suite_for(config: &TlsConfig, key: SignatureAlgorithm) -> bool {
    config.max_version >= TlsVersion::Tls13
        || config.cipher_suites.is_empty()
        || config
            .cipher_suites
            .iter()
            .filter(|suite| suite.version() == TlsVersion::Tls12)
            .any(|suite| is_rsa(*suite) == (key == SignatureAlgorithm::RSA))
}

/// Whether a suite of TLS 1.2 needs an RSA key.
fn is_rsa(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::EcdheRsaAes128GcmSha256
            | CipherSuite::EcdheRsaAes256GcmSha384
            | CipherSuite::EcdheRsaChacha20Poly1305Sha256
    )
}

/// A suite of TLS 1.2. Those of TLS 1.3 are always there.
fn tls12_suite(suite: CipherSuite) -> Option<SupportedCipherSuite> {
    Some(match suite {
        CipherSuite::EcdheEcdsaAes128GcmSha256 => suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheEcdsaAes256GcmSha384 => suites::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheEcdsaChacha20Poly1305Sha256 => {
            suites::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::EcdheRsaAes128GcmSha256 => suites::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        CipherSuite::EcdheRsaAes256GcmSha384 => suites::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        CipherSuite::EcdheRsaChacha20Poly1305Sha256 => {
            suites::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        }
        CipherSuite::Aes128GcmSha256
        | CipherSuite::Aes256GcmSha384
        | CipherSuite::Chacha20Poly1305Sha256 => return None,
    })
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::X25519 => groups::X25519,
        Curve::P256 => groups::SECP256R1,
        Curve::P384 => groups::SECP384R1,
    }
}
