//! The cluster of a context: its address, its certificate authorities and its proxy.
//!
//! Checks what kubectl checks, with errors that name the file. kube-client 5.0 reads proxies by other rules, see
//! [`crate::client::proxy`], so its configuration is filled in here.

use std::path::Path;

use http::Uri;
use kube::{Config, config::Cluster};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::{Loaded, discovery::ServiceAccount, file_or_data};
use crate::client::{
    auth::credentials::{LoadedCredentials, TokenFile},
    environment::Environment,
    proxy::{self, Proxy},
};

/// Loads the cluster named `name`. Messages call its kubeconfig `origin`.
pub(super) fn load(
    cluster: &Cluster,
    name: &str,
    origin: &str,
    environment: &Environment,
) -> Result<Loaded, String> {
    let context = |problem: String| format!("cluster `{name}` of {origin}: {problem}");
    let server = cluster.server.as_deref();
    let server = server.ok_or_else(|| context("it has no `server`".to_owned()))?;
    let mut loaded = Loaded::new(Config::new(address(server).map_err(context)?));
    let config = &mut loaded.config;
    config.accept_invalid_certs = cluster.insecure_skip_tls_verify.unwrap_or(false);
    config.tls_server_name.clone_from(&cluster.tls_server_name);
    config.root_cert = authorities(cluster, &mut loaded.credentials).map_err(context)?;
    if config.accept_invalid_certs && config.root_cert.is_some() {
        return Err(context(
            "`insecure-skip-tls-verify` and a certificate authority exclude each other: remove one of them".to_owned(),
        ));
    }
    loaded.proxy = match &cluster.proxy_url {
        // kubectl uses it whatever NO_PROXY says.
        Some(url) => Some(Proxy::parse(url, "`proxy-url`").map_err(context)?),
        None => Proxy::from_environment(environment, &config.cluster_url)?,
    };
    Ok(loaded)
}

/// Loads the service account of the pod.
pub(super) fn load_service_account(
    account: &ServiceAccount,
    environment: &Environment,
) -> Result<Loaded, String> {
    let ServiceAccount {
        host,
        port,
        token_file,
        ca_file,
    } = account;
    let brackets = host.contains(':') && !host.starts_with('[');
    let server = if brackets {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    };
    let address = address(&server).map_err(|problem| {
        format!("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT: {problem}")
    })?;
    let mut loaded = Loaded::new(Config::new(address));
    let pem = std::fs::read(ca_file).map_err(|error| {
        format!(
            "cannot read the certificate authority of the service account, {}: {error}",
            ca_file.display()
        )
    })?;
    certificates(&pem).map_err(|problem| format!("{}: {problem}", ca_file.display()))?;
    // kube reloads the file now and then. An empty list replaces the authorities of the system.
    loaded.config.root_cert = Some(Vec::new());
    loaded.config.root_cert_file = Some(ca_file.clone());
    let token = TokenFile::read(token_file).map_err(|error| {
        format!(
            "cannot read the token of the service account, {}: {error}",
            token_file.display()
        )
    })?;
    loaded.config.auth_info.token = Some(token.token().clone());
    loaded.credentials.set_token_file(token);
    loaded.proxy = Proxy::from_environment(environment, &loaded.config.cluster_url)?;
    Ok(loaded)
}

/// Reads the address of a server. Without a scheme kubectl uses plain HTTP, whatever certificates there are. Like kubectl it
/// ignores a query.
fn address(server: &str) -> Result<Uri, String> {
    let server = server.trim().split(['?', '#']).next().unwrap_or_default();
    let invalid =
        || format!("the server address `{server}` is invalid: write it as https://HOST:PORT");
    if server.contains('@') {
        // It could be a password.
        return Err("the server address contains `@`: credentials belong to `users`".to_owned());
    }
    let with_scheme = if server.contains("://") {
        server.to_owned()
    } else {
        format!("http://{server}")
    };
    let address: Uri = with_scheme.parse().map_err(|_| invalid())?;
    match address.host() {
        None | Some("") => Err(invalid()),
        Some(_) if server.contains("://") || proxy::is_loopback(proxy::host(&address)) => {
            Ok(address)
        }
        Some(_) => Err(format!(
            "the server address `{server}` has no scheme, which means plain HTTP: write it as https://{server}"
        )),
    }
}

/// The trusted certificate authorities in DER; `None` for those of the system.
fn authorities(
    cluster: &Cluster,
    credentials: &mut LoadedCredentials,
) -> Result<Option<Vec<Vec<u8>>>, String> {
    let data = cluster.certificate_authority_data.as_deref();
    let file = cluster.certificate_authority.as_deref().map(Path::new);
    let Some((pem, source)) = file_or_data("certificate-authority", file, data, credentials)?
    else {
        return Ok(None);
    };
    let mut certificates = certificates(&pem).map_err(|problem| format!("{source}: {problem}"))?;
    let all = certificates.len();
    certificates.retain(|der| RootCertStore::empty().add(der.as_slice().into()).is_ok());
    match all - certificates.len() {
        0 => {}
        // kubectl skips those that it cannot read, and so do bundles with one exotic certificate work.
        unusable if unusable < all => {
            tracing::warn!(
                "{source}: {unusable} of {all} certificates cannot be read and are not trusted"
            );
        }
        _ => {
            return Err(format!(
                "{source}: it contains no X.509 certificate that can be read"
            ));
        }
    }
    Ok(Some(certificates))
}

/// The certificates of a PEM file in DER.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("it contains no certificate in PEM format".to_owned())
        }
        Ok(certificates) => Ok(certificates.iter().map(|der| der.to_vec()).collect()),
        Err(_) => Err("it is not in PEM format".to_owned()),
    }
}
