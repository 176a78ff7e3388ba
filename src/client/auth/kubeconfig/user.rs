//! The user of a context: which credentials it has, checked as kubectl checks them.

use std::{fmt::Write as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kube::config::AuthInfo;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Loaded, cluster::certificates, file_or_data};
use crate::{
    client::auth::credentials::{TokenFile, clean_token},
    model::Renewable,
    x509::Certificate,
};

/// Adds the credentials of the user `name` to `loaded`. Messages call its kubeconfig `origin`.
pub(super) fn load(
    user: &AuthInfo,
    name: &str,
    origin: &str,
    loaded: &mut Loaded,
) -> Result<(), String> {
    let context = |problem: String| format!("user `{name}` of {origin}: {problem}");
    check(user).map_err(|problem| context(problem.to_owned()))?;
    loaded.config.auth_info = user.clone();
    load_certificate(user, loaded).map_err(context)?;
    load_token(user, loaded).map_err(context)?;
    let has_token = loaded.config.auth_info.token.is_some() || user.username.is_some();
    let plugin = loaded.config.auth_info.exec.take();
    // Like in kubectl, a token has precedence.
    loaded.plugin = plugin.filter(|_| !has_token);
    if loaded
        .plugin
        .as_ref()
        .is_some_and(|plugin| plugin.command.is_none())
    {
        return Err(context("its exec plugin has no `command`".to_owned()));
    }
    Ok(())
}

/// Finds what contradicts itself.
fn check(user: &AuthInfo) -> Result<(), &'static str> {
    let has_token = user.token.is_some() || user.token_file.is_some();
    if has_token && user.username.is_some() {
        return Err("it has a token and a user name: remove one of them");
    }
    if user.auth_provider.is_some() {
        return Err(
            "`auth-provider` is not supported: use an `exec` plugin instead, as kubectl does since version 1.26",
        );
    }
    let is_some_group = |groups: &Vec<String>| !groups.is_empty();
    let impersonates_more = user.impersonate_uid.is_some()
        || user.impersonate_groups.as_ref().is_some_and(is_some_group)
        || user
            .impersonate_user_extra
            .as_ref()
            .is_some_and(|extra| !extra.is_empty());
    if impersonates_more && user.impersonate.is_none() {
        return Err("`as-uid`, `as-groups` and `as-user-extra` need `as`, the user to impersonate");
    }
    Ok(())
}

/// Loads the client certificate and its key, and keeps their content in place of their paths.
fn load_certificate(user: &AuthInfo, loaded: &mut Loaded) -> Result<(), String> {
    let key_data = user
        .client_key_data
        .as_ref()
        .map(SecretString::expose_secret);
    let credentials = &mut loaded.credentials;
    let certificate = file_or_data(
        "client-certificate",
        user.client_certificate.as_deref().map(Path::new),
        user.client_certificate_data.as_deref(),
        credentials,
    )?;
    let key = file_or_data(
        "client-key",
        user.client_key.as_deref().map(Path::new),
        key_data,
        credentials,
    )?;
    let ((pem, source), (key, key_source)) = match (certificate, key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) => return Ok(()),
        (Some(_), None) => {
            return Err("it has a client certificate without a `client-key`".to_owned());
        }
        (None, Some(_)) => {
            return Err("it has a client key without a `client-certificate`".to_owned());
        }
    };
    let renewable = match user.client_certificate {
        Some(_) => Renewable::Yes,
        None => Renewable::No,
    };
    let certificate = read_certificate(&pem).map_err(|problem| format!("{source}: {problem}"))?;
    credentials.set_certificate_expiry(certificate.not_after, renewable);
    let info = &mut loaded.config.auth_info;
    info.client_certificate = None;
    info.client_key = None;
    set_identity(info, &pem, &key).map_err(|problem| format!("{key_source}: {problem}"))
}

/// Sets certificate and key from PEM files, and leaves out everything else in them.
///
/// kube-client 5.0 takes every certificate of both files. So a file with both, as kubelet has, would present its certificate
/// twice. It also rejects files with a public key.
pub(super) fn set_identity(info: &mut AuthInfo, pem: &[u8], key: &[u8]) -> Result<(), String> {
    let mut chain = String::new();
    for der in certificates(pem)? {
        add_pem(&mut chain, "CERTIFICATE", &der);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
        "it contains no private key in PEM format, or an encrypted one, which is not supported"
            .to_owned()
    })?;
    let label = match key {
        PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
        PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    };
    let mut key_pem = String::new();
    add_pem(&mut key_pem, label, key.secret_der());
    info.client_certificate_data = Some(STANDARD.encode(chain));
    info.client_key_data = Some(STANDARD.encode(key_pem).into());
    Ok(())
}

fn add_pem(pem: &mut String, label: &str, der: &[u8]) {
    // Writing to memory does not fail.
    let _ = writeln!(
        pem,
        "-----BEGIN {label}-----\n{}\n-----END {label}-----",
        STANDARD.encode(der)
    );
}

/// Reads the first certificate of a PEM file, which is the one of the client.
pub(super) fn read_certificate(pem: &[u8]) -> Result<Certificate, String> {
    let certificates = certificates(pem)?;
    let certificate = certificates.first().and_then(|der| Certificate::read(der));
    match certificate {
        // rustls rejects it as an invalid key.
        Some(Certificate { version: 1, .. }) => Err(
            "X.509 version 1 certificates are not supported: issue the certificate as version 3 (with openssl: add an extension, such as `-extfile` with `basicConstraints=CA:FALSE`)".to_owned(),
        ),
        Some(certificate) => Ok(certificate),
        None => Err("it contains no X.509 certificate".to_owned()),
    }
}

/// Loads the bearer token. Like in kubectl, the file has precedence, and a token beside it is for when the file cannot be read.
fn load_token(user: &AuthInfo, loaded: &mut Loaded) -> Result<(), String> {
    loaded.config.auth_info.token_file = None;
    if let Some(path) = &user.token_file {
        match TokenFile::read(Path::new(path)) {
            Ok(file) => {
                loaded.config.auth_info.token = Some(file.token().clone());
                loaded.credentials.set_token_file(file);
                return Ok(());
            }
            Err(error) if user.token.is_none() => {
                return Err(format!("cannot read the token file {path}: {error}"));
            }
            Err(error) => {
                tracing::warn!(path, %error, "cannot read the token file; the token of the kubeconfig is used");
            }
        }
    }
    if let Some(token) = &user.token {
        let token = clean_token(token.expose_secret());
        let token = token.map_err(|problem| format!("its token {problem}"))?;
        loaded.credentials.set_token_expiry(&token, Renewable::No);
        loaded.config.auth_info.token = Some(token);
    }
    Ok(())
}
