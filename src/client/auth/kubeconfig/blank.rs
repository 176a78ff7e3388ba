//! Removes empty values from a kubeconfig. To kubectl they are absent; kube-client 5.0 takes an empty path for the directory of
//! the kubeconfig, and an empty token or name for a value.

use std::path::Path;

use kube::config::Kubeconfig;
use secrecy::{ExposeSecret as _, SecretString};

/// Removes the empty values of the file at `path`.
pub(super) fn remove(kubeconfig: &mut Kubeconfig, path: &Path) {
    let directory = path.parent().map(|parent| parent.join(""));
    let is_blank = |value: &str| value.is_empty() || directory.as_deref() == Some(Path::new(value));
    let text = |value: &mut Option<String>| {
        if value.as_deref().is_some_and(str::is_empty) {
            *value = None;
        }
    };
    let file = |value: &mut Option<String>| {
        if value.as_deref().is_some_and(is_blank) {
            *value = None;
        }
    };
    let secret = |value: &mut Option<SecretString>| {
        if value
            .as_ref()
            .is_some_and(|value| value.expose_secret().is_empty())
        {
            *value = None;
        }
    };
    for cluster in kubeconfig
        .clusters
        .iter_mut()
        .filter_map(|named| named.cluster.as_mut())
    {
        for value in [
            &mut cluster.server,
            &mut cluster.certificate_authority_data,
            &mut cluster.proxy_url,
            &mut cluster.tls_server_name,
        ] {
            text(value);
        }
        file(&mut cluster.certificate_authority);
    }
    for user in kubeconfig
        .auth_infos
        .iter_mut()
        .filter_map(|named| named.auth_info.as_mut())
    {
        for value in [
            &mut user.username,
            &mut user.client_certificate_data,
            &mut user.impersonate,
            &mut user.impersonate_uid,
        ] {
            text(value);
        }
        for value in [
            &mut user.token_file,
            &mut user.client_certificate,
            &mut user.client_key,
        ] {
            file(value);
        }
        for value in [
            &mut user.password,
            &mut user.token,
            &mut user.client_key_data,
        ] {
            secret(value);
        }
    }
}
