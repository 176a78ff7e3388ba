//! What a context of a kubeconfig becomes, and the errors for what cannot work.

use std::path::PathBuf;

use rcgen::date_time_ymd;
use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::*;
use crate::{
    client::testing::{Identity, params, pem},
    model::{Credential, Renewable},
    x509::tests::version_1,
};

mod user;

/// A directory with certificates: `tls.crt` with `tls.key`, and `other.key`.
fn directory() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let identity = identity();
    write("tls.crt", &identity.certificate_pem());
    write("tls.key", &identity.key_pem());
    write("other.key", &self::identity().key_pem());
    write("token", "from-file\n");
    write("empty", "");
    write("text", "no certificate");
    write("lines", "one\ntwo\n");
    directory
}

/// A self-signed certificate that expires at the begin of 2029, and its key.
fn identity() -> Identity {
    let mut params = params();
    params.not_after = date_time_ymd(2029, 1, 1);
    Identity::self_signed(&params)
}

/// Writes a kubeconfig whose context `here` has this cluster and user.
fn write(directory: &TempDir, cluster: &str, user: &str) -> PathBuf {
    let path = directory.path().join("config");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n\
         clusters: [{{name: c, cluster: {cluster}}}]\n\
         users: [{{name: u, user: {user}}}]\n\
         contexts: [{{name: here, context: {{cluster: c, user: u}}}}, {{name: lost, context: {{cluster: none}}}}]\n"
    );
    fs::write(&path, text).unwrap();
    path
}

fn load_both(directory: &TempDir, cluster: &str, user: &str) -> Result<Loaded, String> {
    let path = write(directory, cluster, user);
    let environment = Environment::of([("HTTPS_PROXY", "http://proxy:3128")]);
    let loaded = load(Some(&path), None, &environment).and_then(|loaded| {
        loaded.check()?;
        Ok(loaded)
    });
    loaded.map_err(|failure| {
        let directory = format!("{}/", directory.path().display());
        failure.to_string().replace(&directory, "")
    })
}

const API: &str = "{server: 'https://api.example'}";

#[test]
fn server_addresses_are_read_as_kubectl_reads_them() {
    let directory = directory();
    for (server, expected) in [
        ("https://api.example", Ok("https://api.example/")),
        (
            "https://api.example:6443/k8s/c-1",
            Ok("https://api.example:6443/k8s/c-1"),
        ),
        ("https://api.example/a?b=c", Ok("https://api.example/a")),
        ("https://[fd12::1]:6443", Ok("https://[fd12::1]:6443/")),
        ("localhost:8001", Ok("http://localhost:8001/")),
        ("127.0.0.1:8001", Ok("http://127.0.0.1:8001/")),
        (
            "api.example:6443",
            Err(
                "the server address `api.example:6443` has no scheme, which means plain HTTP: write it as https://api.example:6443",
            ),
        ),
        (
            "https://",
            Err("the server address `https://` is invalid: write it as https://HOST:PORT"),
        ),
        (
            "https://u:s3cret@api.example",
            Err("the server address contains `@`: credentials belong to `users`"),
        ),
        ("", Err("it has no `server`")),
    ] {
        let loaded = load_both(&directory, &format!("{{server: '{server}'}}"), "{}");
        match (loaded, expected) {
            (Ok(loaded), Ok(expected)) => {
                assert_eq!(loaded.config.cluster_url.to_string(), expected);
            }
            (Err(error), Err(expected)) => {
                assert_eq!(
                    error,
                    format!(
                        "cannot create a client: cluster `c` of the kubeconfig config: {expected}"
                    )
                );
            }
            (loaded, _) => panic!(
                "{server}: {:?}",
                loaded.map(|loaded| loaded.config.cluster_url)
            ),
        }
    }
}

#[test]
fn the_proxy_of_a_kubeconfig_has_precedence_over_the_environment() {
    let directory = directory();
    let proxy = |cluster: &str| {
        let loaded = load_both(&directory, cluster, "{}").unwrap();
        loaded.proxy.map(|proxy| format!("{proxy:?}"))
    };
    assert_eq!(proxy(API).as_deref(), Some("http://proxy:3128/"));
    assert_eq!(proxy("{server: 'https://127.0.0.1'}"), None);
    // Even for this machine: kubectl asks NO_PROXY only about the proxy of the environment.
    let own = "{server: 'https://127.0.0.1', proxy-url: 'socks5://own:9'}";
    assert_eq!(proxy(own).as_deref(), Some("socks5://own:9/"));
    let error = load_both(
        &directory,
        "{server: 'https://a', proxy-url: 'ftp://u:s3cret@own'}",
        "{}",
    );
    let error = error.err().unwrap();
    assert!(
        error.contains("`proxy-url` is invalid: its scheme is not supported"),
        "{error}"
    );
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn every_mistake_in_a_cluster_is_an_error_that_names_it() {
    let directory = directory();
    let clusters = [
        (
            "certificate-authority: missing",
            "cannot read `certificate-authority` missing: No such file",
        ),
        (
            "certificate-authority: text",
            "`certificate-authority` text: it contains no certificate in PEM format",
        ),
        (
            "certificate-authority-data: '?'",
            "`certificate-authority-data` is not base64",
        ),
        (
            "certificate-authority: tls.crt, certificate-authority-data: aGk=",
            "`certificate-authority` and `certificate-authority-data` exclude each other",
        ),
        (
            "certificate-authority: tls.crt, insecure-skip-tls-verify: true",
            "`insecure-skip-tls-verify` and a certificate authority exclude each other",
        ),
    ];
    for (more, expected) in clusters {
        let cluster = format!("{{server: 'https://api.example', {more}}}");
        let error = load_both(&directory, &cluster, "{}").err().unwrap();
        assert!(
            error.contains(&format!("cluster `c` of the kubeconfig config: {expected}")),
            "{error}"
        );
    }
}

#[test]
fn every_mistake_in_a_user_is_an_error_that_names_it() {
    let directory = directory();
    let v1 = STANDARD.encode(pem("CERTIFICATE", &version_1(&identity().certificate)));
    let users = [
        (
            "tokenFile: missing",
            "cannot read the token file missing: No such file",
        ),
        (
            "tokenFile: empty",
            "cannot read the token file empty: it is empty",
        ),
        (
            "tokenFile: lines",
            "cannot read the token file lines: its token contains control characters",
        ),
        (
            "token: \"s3cret\\x01\"",
            "its token contains control characters, such as a line break",
        ),
        (
            "auth-provider: {name: gcp}",
            "`auth-provider` is not supported",
        ),
        (
            "token: s3cret, username: u, password: p",
            "it has a token and a user name",
        ),
        (
            "client-certificate: tls.crt",
            "it has a client certificate without a `client-key`",
        ),
        (
            "client-key: tls.key",
            "it has a client key without a `client-certificate`",
        ),
        (
            "client-certificate: missing, client-key: tls.key",
            "cannot read `client-certificate` missing",
        ),
        (
            "client-certificate: text, client-key: tls.key",
            "`client-certificate` text: it contains no certificate",
        ),
        (
            &format!("client-certificate-data: {v1}, client-key: tls.key"),
            "`client-certificate-data`: X.509 version 1 certificates are not supported",
        ),
        (
            "as-groups: [a]",
            "`as-uid`, `as-groups` and `as-user-extra` need `as`",
        ),
        (
            "as-uid: a",
            "`as-uid`, `as-groups` and `as-user-extra` need `as`",
        ),
        (
            "exec: {apiVersion: client.authentication.k8s.io/v1}",
            "its exec plugin has no `command`",
        ),
    ];
    for (user, expected) in users {
        let error = load_both(&directory, API, &format!("{{{user}}}"))
            .err()
            .unwrap();
        assert!(
            error.contains(&format!("user `u` of the kubeconfig config: {expected}")),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
    let user = "{token: \"s3cret\\r\\n\"}";
    let trimmed = load_both(&directory, API, user).unwrap();
    let token = trimmed.config.auth_info.token.unwrap();
    assert_eq!(token.expose_secret(), "s3cret");
    let unfit = load_both(
        &directory,
        API,
        "{client-certificate: tls.crt, client-key: other.key}",
    );
    let error = unfit.err().unwrap();
    assert!(
        error.contains("KeyMismatch") || error.contains("keys may not be consistent"),
        "{error}"
    );
}

#[test]
fn an_unknown_context_is_an_error_that_lists_the_known_ones() {
    let directory = directory();
    let path = write(&directory, API, "{}");
    let failure = |context: &str| {
        let loaded = load(Some(&path), Some(context), &Environment::default());
        loaded.err().unwrap().to_string()
    };
    let error = failure("elsewhere");
    assert!(
        error.contains("has no context `elsewhere` (it has `here`, `lost`)"),
        "{error}"
    );
    let error = failure("lost");
    assert!(
        error.contains("has no cluster `none`, which its context `lost` names"),
        "{error}"
    );
    fs::write(&path, "contexts: [{name: x, context: {cluster: c}}]").unwrap();
    let error = load(Some(&path), None, &Environment::default())
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("has no current context") && error.contains("(it has `x`)"),
        "{error}"
    );
}

#[test]
fn empty_values_count_as_absent() {
    let directory = directory();
    let cluster = "{server: 'https://api.example', certificate-authority: '', certificate-authority-data: '', proxy-url: '', tls-server-name: ''}";
    let user = "{token: '', tokenFile: '', client-certificate: '', client-key: '', client-key-data: '', as: '', username: '', password: ''}";
    let loaded = load_both(&directory, cluster, user).unwrap();
    assert_eq!(loaded.config.root_cert, None);
    assert_eq!(loaded.config.tls_server_name, None);
    let user = &loaded.config.auth_info;
    assert!(
        user.token.is_none()
            && user.client_certificate_data.is_none()
            && user.impersonate.is_none()
    );
}

#[test]
fn the_service_account_of_a_pod_is_used_with_the_proxy_of_the_environment() {
    let directory = directory();
    let account = |host: &str| discovery::ServiceAccount {
        host: host.to_owned(),
        port: "6443".to_owned(),
        token_file: directory.path().join("token"),
        ca_file: directory.path().join("tls.crt"),
    };
    let environment = Environment::of([("HTTPS_PROXY", "proxy:1"), ("NO_PROXY", "10.0.0.0/8,")]);
    for (host, address, proxied) in [
        ("10.0.0.1", "https://10.0.0.1:6443/", false),
        ("fd12::1", "https://[fd12::1]:6443/", true),
        ("api.example", "https://api.example:6443/", true),
    ] {
        let loaded = cluster::load_service_account(&account(host), &environment).unwrap();
        assert_eq!(loaded.config.cluster_url.to_string(), address);
        assert_eq!(loaded.proxy.is_some(), proxied, "{host}");
        assert_eq!(
            loaded.config.auth_info.token.unwrap().expose_secret(),
            "from-file"
        );
    }
    let mut without_ca = account("10.0.0.1");
    without_ca.ca_file = directory.path().join("missing");
    let error = cluster::load_service_account(&without_ca, &environment)
        .err()
        .unwrap();
    assert!(error.contains("missing: No such file"), "{error}");
}

#[test]
fn a_bundle_of_authorities_may_contain_unreadable_ones_but_not_only_those() {
    let directory = directory();
    let unreadable = pem("CERTIFICATE", b"something else");
    let bundle = format!("{unreadable}{}", identity().certificate_pem());
    fs::write(directory.path().join("bundle"), bundle).unwrap();
    fs::write(directory.path().join("unreadable"), unreadable).unwrap();
    let load = |name: &str| {
        let cluster = format!("{{server: 'https://api.example', certificate-authority: {name}}}");
        load_both(&directory, &cluster, "{}")
    };
    assert_eq!(load("bundle").unwrap().config.root_cert.unwrap().len(), 1);
    let error = load("unreadable").err().unwrap();
    assert!(
        error.contains("it contains no X.509 certificate that can be read"),
        "{error}"
    );
}
