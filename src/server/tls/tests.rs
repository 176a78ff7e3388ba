//! Which settings can be used, and what the errors say.

use std::{error::Error as _, fmt::Write as _, fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use tempfile::TempDir;

use super::*;
use crate::{
    config::{CipherSuite, ClientAuth, PemSource, TlsVersion},
    model,
};

/// A certificate and its key, in PEM.
pub(in crate::server) struct Identity {
    pub(in crate::server) certificate: String,
    pub(in crate::server) key: String,
}

impl Identity {
    pub(in crate::server) fn new() -> Self {
        Self::with(&params())
    }

    fn with(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: pem("CERTIFICATE", params.self_signed(&key).unwrap().der()),
            key: pem("PRIVATE KEY", &key.serialize_der()),
        }
    }

    pub(in crate::server) fn settings(&self) -> TlsConfig {
        settings(&self.certificate, &self.key)
    }
}

fn params() -> CertificateParams {
    CertificateParams::new(vec!["exporter.example".to_owned()]).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn inline(text: &str) -> PemSource {
    PemSource::Inline(text.into())
}

fn settings(certificate: &str, key: &str) -> TlsConfig {
    TlsConfig::new(inline(certificate), inline(key))
}

fn prepare(config: &TlsConfig) -> Result<PreparedTls, TlsError> {
    PreparedTls::new(config, true, model::now())
}

/// The message of the error and its hint.
fn error(config: &TlsConfig) -> (String, String) {
    let error = prepare(config).expect_err("an error");
    let hint = error.hint().unwrap_or_default().to_owned();
    (error.to_string(), hint)
}

#[test]
fn files_are_read_and_other_sections_are_skipped() {
    let directory = TempDir::new().unwrap();
    let Identity { certificate, key } = Identity::new();
    let both = directory.path().join("both.pem");
    let parameters = pem("EC PARAMETERS", &[6, 1, 1]);
    fs::write(
        &both,
        format!("a comment\n{parameters}{key}\n{certificate}"),
    )
    .unwrap();
    let config = TlsConfig {
        certificate: PemSource::File(both.clone()),
        key: PemSource::File(both),
        ..settings("", "")
    };
    assert!(prepare(&config).unwrap().warnings().is_empty());
}

/// An RSA key in PKCS #8, made for tests.
const RSA_KEY: &str = include_str!("../../../tests/fixtures/tls/rsa.key");

/// What PKCS #8 wraps: the last sequence that begins with an integer as short as a version.
fn unwrapped(pkcs8: &[u8]) -> &[u8] {
    let begins = |bytes: &[u8]| {
        bytes[0] == 0x30 && (bytes[2..4] == [2, 1] || bytes[1] == 0x82 && bytes[4..6] == [2, 1])
    };
    let at = pkcs8.windows(6).rposition(begins).unwrap();
    &pkcs8[at..]
}

#[test]
fn a_key_may_have_any_of_the_three_forms() {
    let rsa = PrivateKeyDer::from_pem_slice(RSA_KEY.as_bytes()).unwrap();
    for (key, label) in [
        (KeyPair::generate().unwrap(), "EC PRIVATE KEY"),
        (KeyPair::try_from(&rsa).unwrap(), "RSA PRIVATE KEY"),
    ] {
        let certificate = pem("CERTIFICATE", params().self_signed(&key).unwrap().der());
        let pkcs8 = key.serialize_der();
        for key in [pem("PRIVATE KEY", &pkcs8), pem(label, unwrapped(&pkcs8))] {
            let prepared = prepare(&settings(&certificate, &key));
            assert!(prepared.is_ok(), "{label}: {prepared:?}");
        }
    }
}

#[test]
fn a_missing_file_is_named() {
    let mut config = Identity::new().settings();
    config.key = PemSource::File(PathBuf::from("/nowhere/tls.key"));
    let failure = prepare(&config).unwrap_err();
    assert_eq!(failure.to_string(), "read private key `/nowhere/tls.key`");
    assert!(failure.source().is_some());
    assert!(failure.hint().unwrap().contains("relative"));
}

/// Asserts the message of each, and a part of its hint.
fn assert_errors<const N: usize>(cases: [(TlsConfig, &str, &str); N]) {
    for (config, message, hint) in cases {
        let (actual, actual_hint) = error(&config);
        assert_eq!(actual, message);
        assert!(actual_hint.contains(hint), "{message}: {actual_hint}");
    }
}

#[test]
fn errors_of_a_certificate_say_what_is_there_instead() {
    let Identity { certificate, key } = Identity::new();
    assert_errors([
        (
            settings(&key, &certificate),
            "inline certificate has no certificate",
            "may be exchanged",
        ),
        (
            settings("", &key),
            "inline certificate has no certificate",
            "-----BEGIN CERTIFICATE-----",
        ),
        (
            settings(&pem("CERTIFICATE", b"xyz"), &key),
            "inline certificate has an invalid certificate: invalid peer certificate: BadEncoding",
            "openssl x509",
        ),
        (
            settings(&certificate[..certificate.len() / 2], &key),
            "inline certificate is malformed PEM",
            "as a whole",
        ),
    ]);
}

#[test]
fn errors_of_a_key_say_what_is_there_instead() {
    let Identity { certificate, key } = Identity::new();
    let der = KeyPair::generate().unwrap().serialize_der();
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let encrypted = pem("ENCRYPTED PRIVATE KEY", &der);
    assert_errors([
        (
            settings(&certificate, &certificate),
            "inline private key has no private key",
            "may be exchanged",
        ),
        (
            settings(&certificate, "hunter2"),
            "inline private key has no private key",
            "-----BEGIN PRIVATE KEY-----",
        ),
        (
            settings(&certificate, &pem("PRIVATE KEY", b"xyz")),
            "inline private key cannot be used: it is malformed or of an unsupported kind",
            "Ed25519",
        ),
        (
            settings(&certificate, &encrypted),
            "inline private key is encrypted",
            "openssl pkey",
        ),
        (
            settings(&certificate, legacy),
            "inline private key is encrypted",
            "openssl pkey",
        ),
        (
            settings(&certificate, &Identity::new().key),
            "inline private key does not match inline certificate",
            "rotation",
        ),
        (
            settings(
                &format!("{}{certificate}", Identity::new().certificate),
                &key,
            ),
            "inline private key does not match inline certificate",
            "certificate of the server first",
        ),
    ]);
}

#[test]
fn der_has_a_hint() {
    let directory = TempDir::new().unwrap();
    let identity = Identity::new();
    let path = directory.path().join("tls.der");
    let key = KeyPair::generate().unwrap();
    fs::write(&path, params().self_signed(&key).unwrap().der()).unwrap();
    let mut config = identity.settings();
    config.certificate = PemSource::File(path.clone());
    let (message, hint) = error(&config);
    let expected = format!("certificate `{}` has no certificate", path.display());
    assert_eq!(message, expected);
    assert!(hint.contains("openssl x509 -inform der"), "{hint}");
}

#[test]
fn no_error_shows_a_part_of_a_key() {
    let Identity { certificate, key } = Identity::new();
    let body = key.lines().nth(1).unwrap();
    let secret = &body[20..40];
    for broken in [
        key.replace("-----END", "----END"),
        key.replace("-----BEGIN PRIVATE KEY-----", "-----BEGIN"),
        key.replace(body, &format!("{body}!")),
        format!("-----BEGIN {body}"),
        body.to_owned(),
    ] {
        let config = settings(&certificate, &broken);
        let failure = prepare(&config).unwrap_err();
        let mut shown = format!("{failure} {failure:?} {config:?}");
        if let Some(source) = failure.source() {
            let _ = write!(shown, "{source} {source:?}");
        }
        assert!(!shown.contains(secret), "{shown}");
        let bytes = format!("{:?}", secret.as_bytes());
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
    let prepared = prepare(&settings(&certificate, &key)).unwrap();
    let handle = TlsHandle::new(prepared);
    assert!(!format!("{handle:?}").contains(secret));
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let mut config = Identity::new().settings();
    config.client_auth = ClientAuth::VerifyIfGiven;
    let (message, hint) = error(&config);
    assert!(message.contains("no client CA is configured"), "{message}");
    assert!(hint.contains("client_ca_file"), "{hint}");

    config.client_ca = Some(inline("nothing"));
    assert_eq!(error(&config).0, "inline client CA has no certificate");
    config.client_ca = Some(inline(&pem("CERTIFICATE", b"xyz")));
    let (message, _) = error(&config);
    assert!(
        message.starts_with("inline client CA has an invalid certificate: "),
        "{message}"
    );

    let mut config = Identity::new().settings();
    config.client_allowed_sans = vec!["client.example".to_owned()];
    for auth in [ClientAuth::None, ClientAuth::Request] {
        config.client_auth = auth;
        let (message, hint) = error(&config);
        assert!(message.contains("without a certificate"), "{message}");
        assert!(hint.contains("RequireAndVerifyClientCert"), "{hint}");
    }

    let mut config = Identity::new().settings();
    (config.min_version, config.max_version) = (TlsVersion::Tls13, TlsVersion::Tls12);
    let (message, hint) = error(&config);
    assert_eq!(message, "the minimum TLS version is newer than the maximum");
    assert!(hint.contains("min_version"), "{hint}");
}

#[test]
fn suites_that_do_not_fit_the_key_are_refused_without_tls_1_3() {
    let mut config = Identity::new().settings();
    config.cipher_suites = vec![CipherSuite::EcdheRsaAes128GcmSha256];
    assert!(prepare(&config).is_ok());
    config.max_version = TlsVersion::Tls12;
    let (message, hint) = error(&config);
    assert!(message.contains("none of the cipher suites"), "{message}");
    assert!(hint.contains("ECDHE_ECDSA"), "{hint}");
    config
        .cipher_suites
        .push(CipherSuite::EcdheEcdsaAes128GcmSha256);
    assert!(prepare(&config).is_ok());
}

#[test]
fn certificates_that_clients_reject_are_warnings() {
    let warnings = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = params();
        change(&mut params);
        let config = Identity::with(&params).settings();
        let at = "2026-06-01T00:00:00Z".parse().unwrap();
        let prepared = PreparedTls::new(&config, true, at).unwrap();
        prepared.warnings().to_vec()
    };
    assert_eq!(warnings(&|_| ()), [""; 0]);
    assert_eq!(
        warnings(&|params| params.not_after = date_time_ymd(2026, 5, 1)),
        ["inline certificate: expired at 2026-05-01T00:00:00Z"]
    );
    assert_eq!(
        warnings(&|params| params.not_before = date_time_ymd(2026, 7, 1)),
        ["inline certificate: not valid before 2026-07-01T00:00:00Z"]
    );
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let for_clients = warnings(&|params| params.extended_key_usages = vec![client.clone()]);
    assert!(for_clients[0].contains("extended key usage"));
}

#[test]
fn an_expired_client_ca_is_a_warning() {
    let mut params = params();
    params.not_after = date_time_ymd(2021, 1, 1);
    let mut config = Identity::new().settings();
    config.client_auth = ClientAuth::RequireAndVerify;
    config.client_ca = Some(inline(&format!(
        "{}{}",
        Identity::new().certificate,
        Identity::with(&params).certificate
    )));
    let prepared = prepare(&config).unwrap();
    assert_eq!(
        prepared.warnings(),
        ["client CA, certificate 2: expired at 2021-01-01T00:00:00Z"]
    );
}
