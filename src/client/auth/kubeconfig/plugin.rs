//! Runs the exec plugin of a kubeconfig ([`ExecCredential`]).
//!
//! kube-client 5.0 runs it two or three times for one client, without limits on time and output, keeps the expiry of its token to
//! itself, and its errors contain the plugin's arguments and output. So it runs here, once, and nothing of its output is shown.
//!
//! [`ExecCredential`]: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/

use std::process::Command;

use jiff::Timestamp;
use kube::{Config, config::ExecConfig};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::json;

use super::{
    Loaded,
    process::{self, ProcessError},
    user::{read_certificate, set_identity},
};
use crate::{
    client::auth::credentials::{clean_token, jwt_expiry},
    model,
};

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    expiration_timestamp: Option<Time>,
    token: Option<SecretText>,
    client_certificate_data: Option<String>,
    client_key_data: Option<SecretText>,
}

/// How systemd announces the sockets that it passes to the exporter, see `sd_listen_fds(3)`. They are not for plugins.
const SYSTEMD_VARIABLES: [&str; 4] = [
    "LISTEN_PID",
    "LISTEN_PIDFDID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
];

/// A time in RFC 3339.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Time(Timestamp);

impl TryFrom<String> for Time {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

/// A secret in the output of a plugin.
#[derive(Deserialize)]
#[serde(from = "String")]
struct SecretText(SecretString);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

/// Runs the plugin of `loaded`, if it has one, and adds what it returns.
pub(super) async fn run(loaded: &mut Loaded) -> Result<(), String> {
    let Some(plugin) = &loaded.plugin else {
        return Ok(());
    };
    let name = plugin.command.as_deref().unwrap_or_default();
    let context = |problem: &str| format!("the exec plugin `{name}` of the kubeconfig {problem}");
    let started = model::now();
    let status = output(plugin, &loaded.config).await;
    let status = status.map_err(|problem| context(&problem))?;
    let info = &mut loaded.config.auth_info;
    let mut expires_at = status.expiration_timestamp.map(|Time(at)| at);
    if let (Some(pem), Some(SecretText(key))) =
        (status.client_certificate_data, status.client_key_data)
    {
        let certificate = read_certificate(pem.as_bytes()).map_err(|problem| {
            context(&format!(
                "returned an invalid client certificate: {problem}"
            ))
        })?;
        expires_at = expires_at.or(Some(certificate.not_after));
        set_identity(info, pem.as_bytes(), key.expose_secret().as_bytes())
            .map_err(|problem| context(&format!("returned an invalid client key: {problem}")))?;
    } else if status.token.is_none() {
        return Err(context(
            "returned neither a token nor a client certificate with its key",
        ));
    }
    if let Some(SecretText(token)) = status.token {
        let token = clean_token(token.expose_secret())
            .map_err(|problem| context(&format!("returned a token that {problem}")))?;
        expires_at = expires_at.or_else(|| jwt_expiry(&token));
        info.token = Some(token);
    }
    if let Some(at) = expires_at {
        loaded.credentials.set_plugin_expiry(at, started);
    }
    Ok(())
}

/// What a run of the plugin returned.
async fn output(plugin: &ExecConfig, config: &Config) -> Result<Status, String> {
    let mut command = Command::new(plugin.command.as_deref().unwrap_or_default());
    command.args(plugin.args.iter().flatten());
    for variable in SYSTEMD_VARIABLES {
        command.env_remove(variable);
    }
    for variable in plugin.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            command.env(name, value);
        }
    }
    command.env("KUBERNETES_EXEC_INFO", exec_info(plugin, config)?);
    let output = process::output(command).await.map_err(|error| {
        if !matches!(error, ProcessError::Start(_)) {
            return error.to_string();
        }
        let hint = plugin.install_hint.as_deref().unwrap_or_default();
        let hint = hint.lines().next().unwrap_or_default();
        let separator = if hint.is_empty() {
            ""
        } else {
            "; its kubeconfig says: "
        };
        format!("{error}{separator}{hint}")
    })?;
    // kubectl accepts YAML too, and JSON is YAML.
    let credential: Result<ExecCredential, _> = serde_saphyr::from_slice(&output);
    let status = credential.ok().and_then(|credential| credential.status);
    status.ok_or_else(|| "returned no ExecCredential with a valid `status`".to_owned())
}

/// The value of `KUBERNETES_EXEC_INFO`.
fn exec_info(plugin: &ExecConfig, config: &Config) -> Result<String, String> {
    let mut spec = json!({"interactive": false});
    if plugin.provide_cluster_info {
        let cluster = plugin.cluster.as_ref();
        let cluster = serde_json::to_value(cluster).map_err(|error| {
            format!(
                "cannot be told about the cluster {}: {error}",
                config.cluster_url
            )
        })?;
        spec["cluster"] = cluster;
    }
    let info = json!({"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec});
    Ok(info.to_string())
}
