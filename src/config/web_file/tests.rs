//! Values, limits and secrets. `tests/it/web_file.rs` has a file for each mistake, with its message.

use std::{fs, os::unix::fs::symlink, time::Duration};

use proptest::prelude::*;

use super::*;

/// The bcrypt hash of `demo`.
const HASH: &str = "$2b$10$abcdefghijklmnopqrstuu3XEy7sAuqf0awFQrE8Rakk7J.cSBot2";

/// A certificate and a key in files.
const FILES: &str = "cert_file: tls.crt, key_file: tls.key";

fn parse(text: &str) -> Result<WebFile, WebFileError> {
    WebFile::parse(text.as_bytes(), Path::new("/etc/web/web.yaml"))
}

fn tls(settings: &str) -> TlsConfig {
    let text = format!("tls_server_config: {{{FILES}, {settings}}}");
    parse(&text).unwrap().tls.unwrap()
}

#[test]
fn an_empty_file_is_plain_http_for_everybody() {
    let file = parse("# nothing\n").unwrap();
    assert_eq!(file, WebFile::default());
    assert_eq!(file.tls, None);
    assert!(file.http2 && file.users.is_empty() && file.headers.is_empty());
    assert_eq!(file.files().count(), 0);
}

#[test]
fn tls_needs_only_a_certificate_and_a_key() {
    let expected = TlsConfig {
        certificate: PemSource::File("/etc/web/tls.crt".into()),
        key: PemSource::File("/etc/web/tls.key".into()),
        client_ca: None,
        client_auth: ClientAuth::None,
        client_allowed_sans: Vec::new(),
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls13,
        cipher_suites: Vec::new(),
        prefer_server_cipher_suites: true,
        curves: Vec::new(),
    };
    assert_eq!(tls(""), expected);
}

#[test]
fn all_settings_of_tls_are_read() {
    let expected = TlsConfig {
        certificate: PemSource::File("/etc/web/tls.crt".into()),
        key: PemSource::File("/etc/web/tls.key".into()),
        client_ca: Some(PemSource::File("/ca.crt".into())),
        client_auth: ClientAuth::RequireAndVerify,
        client_allowed_sans: vec!["a.example".to_owned(), "10.0.0.1".to_owned()],
        min_version: TlsVersion::Tls12,
        max_version: TlsVersion::Tls12,
        cipher_suites: vec![
            CipherSuite::EcdheRsaAes256GcmSha384,
            CipherSuite::EcdheEcdsaAes128GcmSha256,
            CipherSuite::Aes128GcmSha256,
        ],
        prefer_server_cipher_suites: false,
        curves: vec![Curve::P384, Curve::X25519],
    };
    let found = tls(
        "client_ca_file: /ca.crt, client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a.example, 10.0.0.1], \
         min_version: TLS12, max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, \
         TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384], \
         prefer_server_cipher_suites: false, curve_preferences: [CurveP384, X25519]",
    );
    assert_eq!(found, expected);
}

#[test]
fn every_name_of_go_has_its_value() {
    for (name, expected, required, verified) in [
        ("", ClientAuth::None, false, false),
        ("NoClientCert", ClientAuth::None, false, false),
        ("RequestClientCert", ClientAuth::Request, false, false),
        ("RequireAnyClientCert", ClientAuth::RequireAny, true, false),
        ("RequireClientCert", ClientAuth::RequireAny, true, false),
    ] {
        let found = tls(&format!("client_auth_type: '{name}'")).client_auth;
        assert_eq!(found, expected, "{name}");
        assert_eq!(
            (found.is_required(), found.is_verified()),
            (required, verified),
            "{name}"
        );
    }
    for (name, expected, required) in [
        ("VerifyClientCertIfGiven", ClientAuth::VerifyIfGiven, false),
        (
            "RequireAndVerifyClientCert",
            ClientAuth::RequireAndVerify,
            true,
        ),
    ] {
        let found = tls(&format!("client_ca_file: ca, client_auth_type: {name}")).client_auth;
        assert_eq!((found, found.name()), (expected, name));
        assert_eq!(
            (found.is_required(), found.is_verified()),
            (required, true),
            "{name}"
        );
    }
    for (name, expected) in [
        ("X25519", Curve::X25519),
        ("CurveP256", Curve::P256),
        ("CurveP384", Curve::P384),
    ] {
        let found = tls(&format!("curve_preferences: [{name}]")).curves;
        assert_eq!(found, [expected], "{name}");
    }
}

#[test]
fn suites_with_ecdhe_are_those_of_tls_1_2() {
    use CipherSuite as C;
    for (name, expected) in [
        (
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            C::EcdheEcdsaAes128GcmSha256,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            C::EcdheEcdsaAes256GcmSha384,
        ),
        (
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            C::EcdheEcdsaChacha20Poly1305Sha256,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            C::EcdheRsaAes128GcmSha256,
        ),
        (
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            C::EcdheRsaAes256GcmSha384,
        ),
        (
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            C::EcdheRsaChacha20Poly1305Sha256,
        ),
        ("TLS_AES_128_GCM_SHA256", C::Aes128GcmSha256),
        ("TLS_AES_256_GCM_SHA384", C::Aes256GcmSha384),
        ("TLS_CHACHA20_POLY1305_SHA256", C::Chacha20Poly1305Sha256),
    ] {
        let text = format!(
            "tls_server_config: {{{FILES}, cipher_suites: [{name}]}}\nhttp_server_config: {{http2: false}}"
        );
        let tls = parse(&text).unwrap().tls.unwrap();
        assert_eq!(tls.cipher_suites, [expected], "{name}");
        let is_tls12 = expected.version() == TlsVersion::Tls12;
        assert_eq!(is_tls12, name.contains("ECDHE"), "{name}");
    }
}

#[test]
fn users_headers_and_the_rate_limit_are_read() {
    let text = format!(
        "basic_auth_users: {{bob: {HASH}, alice: {HASH}}}
http_server_config: {{headers: {{X-Frame-Options: deny, Content-Security-Policy: default-src 'self', X-XSS-Protection: 1}}}}
rate_limit: {{interval: 250ms, burst: 5}}"
    );
    let file = parse(&text).unwrap();
    let users: Vec<_> = file.users.iter().collect();
    assert_eq!(users.len(), 2);
    assert_eq!(
        (users[0].0.as_str(), users[0].1.expose_secret()),
        ("alice", HASH)
    );
    assert_eq!(
        file.headers,
        [
            ("Content-Security-Policy", "default-src 'self'".to_owned()),
            ("X-Frame-Options", "deny".to_owned()),
            ("X-XSS-Protection", "1".to_owned()),
        ]
    );
    let expected = RateLimitConfig {
        interval: Duration::from_millis(250),
        burst: 5,
    };
    assert_eq!(file.rate_limit, Some(expected));
    assert_eq!(file.warnings, []);
}

#[test]
fn an_interval_of_zero_disables_the_rate_limit() {
    for limit in [
        "interval: 0",
        "interval: 0s, burst: 0",
        "interval: '0', burst: 3",
        "burst: 3",
        "",
    ] {
        let file = parse(&format!("rate_limit: {{{limit}}}")).unwrap();
        assert_eq!(file, WebFile::default(), "{limit}");
    }
}

#[test]
fn files_with_other_hashes_or_keys_differ() {
    let user = |hash: &str| parse(&format!("basic_auth_users: {{a: {hash}}}")).unwrap();
    assert_eq!(user(HASH), user(HASH));
    assert_ne!(user(HASH), user(&HASH.replace("$10$", "$11$")));
    let key = |key: &str| {
        let pem = format!("\"-----BEGIN PRIVATE KEY-----\\n{key}\"");
        parse(&format!("tls_server_config: {{cert_file: a, key: {pem}}}")).unwrap()
    };
    assert_eq!(key("a"), key("a"));
    assert_ne!(key("a"), key("b"));
}

#[test]
fn the_files_are_those_of_the_certificate_the_key_and_the_client_ca() {
    let files = |settings: &str| -> Vec<_> {
        let text = format!("tls_server_config: {{{settings}}}");
        let file = parse(&text).unwrap();
        file.files().map(Path::to_owned).collect()
    };
    let all = "client_ca_file: ../ca.crt, client_auth_type: RequireAndVerifyClientCert";
    assert_eq!(
        files(&format!("{FILES}, {all}")),
        ["/etc/web/tls.crt", "/etc/web/tls.key", "/etc/web/../ca.crt"].map(Path::new)
    );
    let inline = "cert: '-----BEGIN CERTIFICATE-----', key_file: /k";
    assert_eq!(files(inline), [Path::new("/k")]);
}

/// A `ConfigMap` or Secret is a directory of links to the files of its current version.
#[test]
fn a_file_behind_a_symbolic_link_is_read_and_its_paths_start_at_the_link() {
    let directory = tempfile::tempdir().unwrap();
    let volume = directory.path();
    fs::create_dir(volume.join("..version")).unwrap();
    let content = format!("tls_server_config: {{{FILES}}}");
    fs::write(volume.join("..version/web.yaml"), content).unwrap();
    symlink("..version", volume.join("..data")).unwrap();
    symlink("..data/web.yaml", volume.join("web.yaml")).unwrap();
    let file = WebFile::load(&volume.join("web.yaml")).unwrap();
    let files: Vec<_> = file.files().collect();
    assert_eq!(files, [volume.join("tls.crt"), volume.join("tls.key")]);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let load = |name: &str| {
        let error = WebFile::load(&directory.path().join(name)).unwrap_err();
        assert_eq!(error.problems().len(), 1);
        error.to_string()
    };
    let prefix = "1 problem in the web configuration file\n  ";
    let missing = load("absent.yaml");
    assert!(missing.starts_with(prefix), "{missing}");
    assert!(
        missing.contains("/absent.yaml: cannot be read: No such file"),
        "{missing}"
    );
    let itself = load(".");
    assert!(
        itself.contains("cannot be read: Is a directory"),
        "{itself}"
    );
    let write = |name, bytes: &[u8]| fs::write(directory.path().join(name), bytes).unwrap();
    write("large.yaml", "# comment\n".repeat(110_000).as_bytes());
    assert!(load("large.yaml").ends_with("/large.yaml: is larger than 1 MiB"));
    write("binary.yaml", b"rate_limit: \xff");
    assert!(load("binary.yaml").ends_with("/binary.yaml:1:13: is not UTF-8 text"));
    write("limit.yaml", &vec![b'\n'; 1 << 20]);
    assert!(WebFile::load(&directory.path().join("limit.yaml")).is_ok());
}

/// Part of every secret here.
const SECRET: &str = "hunter2";

/// What a file may have in place of a key or a hash: valid and invalid ones, each with the secret.
fn secret_value() -> impl Strategy<Value = String> {
    let encoded = format!("{SECRET}{}", &HASH[7 + SECRET.len()..]);
    let hash = format!("$2b$10${encoded}");
    let pem = format!("\"-----BEGIN PRIVATE KEY-----\\n{SECRET}\\n-----END PRIVATE KEY-----\"");
    prop_oneof![
        Just(SECRET.to_owned()),
        Just(hash.clone()),
        Just(hash.replace("$10$", "$20$")),
        Just(hash.replace("$10$", "$99$")),
        Just(pem),
        Just(format!("[{SECRET}]")),
        Just(format!("{{a: {SECRET}}}")),
        Just(format!("!{SECRET} x")),
        Just(format!("*{SECRET}")),
        Just(format!("\"{SECRET}\\q\"")),
        Just(format!("'{SECRET}")),
        Just(format!("|\n {SECRET}")),
        Just(format!("{SECRET}: x: y")),
        "[ -~]{0,12}".prop_map(|noise| format!("{SECRET}{noise}")),
        "[ -~]{0,12}".prop_map(|noise| format!("\"{}{SECRET}", noise.replace('"', ""))),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_a_file_or_problems(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_any(&bytes);
    }

    #[test]
    fn any_value_of_any_key_is_valid_or_a_problem(
        key in proptest::sample::select(WEB_FILE_KEYS),
        value in "[ -~\u{e9}\n]{0,40}",
    ) {
        let value = key.rsplit('.').fold(value, |inner, part| format!("{{{part}: {inner}}}"));
        check_any(value.as_bytes());
    }

    #[test]
    fn secrets_are_in_no_message_and_in_no_debug_output(
        key in prop_oneof![
            Just("tls_server_config: {cert_file: a, key: "),
            Just("tls_server_config: {cert_file: a, key_file: b, key: "),
            Just("basic_auth_users: {alice: "),
            Just("basic_auth_users: {alice:  &a "),
            Just("basic_auth_users: "),
            Just("tls_server_config: "),
            Just("rate_limit: {interval: 1s, burst: 1}\nbasic_auth_users: {bob: , alice: "),
        ],
        value in secret_value(),
    ) {
        let closing = if key.contains('{') && !key.ends_with("users: ") { "}" } else { "" };
        for text in [format!("{key}{value}{closing}"), format!("{key}{value}")] {
            let (shown, debug) = match parse(&text) {
                Ok(file) => {
                    let warnings: Vec<_> = file.warnings.iter().map(ToString::to_string).collect();
                    (warnings.join("\n"), format!("{file:?}"))
                }
                Err(error) => (error.to_string(), format!("{error:?}")),
            };
            // A secret in place of a whole map is a key of that map, or its text: neither is quoted as a value.
            let is_key = value.contains(": ");
            prop_assert!(is_key || !shown.contains(SECRET), "{text}: {shown}");
            prop_assert!(is_key || !debug.contains(SECRET), "{text}: {debug}");
        }
    }
}

/// Valid files are read the same way twice; invalid ones have a message on lines of their own.
fn check_any(bytes: &[u8]) {
    let read = || WebFile::parse(bytes, Path::new("web.yaml"));
    match (read(), read()) {
        (Ok(first), Ok(second)) => assert_eq!(first, second),
        (Err(first), Err(second)) => {
            assert_eq!(first, second);
            assert!(!first.problems().is_empty());
            let message = first.to_string();
            assert!(
                message.lines().skip(1).all(|line| line.starts_with("  ")),
                "{message:?}"
            );
            let is_control = |c: char| c.is_control() && c != '\n';
            assert!(!message.contains(is_control), "{message:?}");
        }
        other => panic!("{other:?}"),
    }
}
