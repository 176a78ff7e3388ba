//! Authentication of a Kubernetes API by kubeconfig or service account: bearer token, client certificate or exec plugin.

use std::{
    io,
    path::{Path, PathBuf},
};

use http::{HeaderValue, header};
use jiff::Timestamp;
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig},
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    client::{Failure, error::describe, request::USER_AGENT},
    model,
};

/// The credentials of a client, as far as they can change while it is in use.
pub(in crate::client) struct LoadedCredentials {
    /// When the client certificate of an exec plugin expires.
    valid_until: Option<Timestamp>,
    token: Option<TokenFile>,
}

/// A token file and its content when it was read.
struct TokenFile {
    path: PathBuf,
    token: SecretString,
}

/// Loads `context` of a kubeconfig. Without both, searches as kubectl does.
pub(in crate::client) async fn load(
    kubeconfig: Option<&Path>,
    context: Option<&str>,
) -> Result<Config, Failure> {
    if kubeconfig.is_none() && context.is_none() {
        return discover().await;
    }
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let config = match kubeconfig.map(Kubeconfig::read_from) {
        None => Config::from_kubeconfig(&options).await,
        Some(Ok(kubeconfig)) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
        Some(Err(error)) => Err(error),
    };
    config.map_err(|error| Failure::NoClient(describe(&error)))
}

/// Searches as kubectl does: a kubeconfig in one of the usual places, else the service account of the pod.
async fn discover() -> Result<Config, Failure> {
    let kubeconfig_error = match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => return Ok(config),
        Err(error) => describe(&error),
    };
    Config::incluster().map_err(|error| {
        let pod_error = describe(&error);
        Failure::NoClient(format!(
            "no cluster found: {kubeconfig_error}; and as a pod: {pod_error}"
        ))
    })
}

/// Builds a client. May run an exec plugin.
pub(in crate::client) async fn client(
    mut config: Config,
) -> Result<(Client, LoadedCredentials), Failure> {
    // The sources retry: they know what else is waiting, and every request is counted.
    config.default_retry = false;
    config
        .headers
        .push((header::USER_AGENT, HeaderValue::from_static(USER_AGENT)));
    // kube also reloads the file, but keeps the final line feed as part of the token.
    let token = match config.auth_info.token_file.take() {
        Some(path) => Some(TokenFile::read(path.into())?),
        None => None,
    };
    if let Some(file) = &token {
        config.auth_info.token = Some(file.token.clone());
    }
    // By default a plugin writes its errors, and perhaps its token, into our log, and may wait for input.
    if let Some(plugin) = config.auth_info.exec.as_mut() {
        plugin.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    // Building the client runs the exec plugin, and blocks.
    let client = tokio::task::spawn_blocking(move || {
        ClientBuilder::try_from(config).map(ClientBuilder::build)
    });
    // The client panics if a plugin returns a token with control characters.
    let client = client.await.map_err(|_| {
        Failure::NoClient(
            "the credentials contain characters that a header cannot carry".to_owned(),
        )
    })?;
    let client = client.map_err(|error| Failure::NoClient(describe(&error)))?;
    let valid_until = client
        .valid_until()
        .as_ref()
        .and_then(|until| Timestamp::new(until.as_second(), 0).ok());
    Ok((client, LoadedCredentials { valid_until, token }))
}

impl LoadedCredentials {
    /// Whether the certificate is still valid and the token file has not changed.
    pub(in crate::client) fn is_current(&self) -> bool {
        self.token.as_ref().is_none_or(TokenFile::is_current)
            && self.valid_until.is_none_or(|until| model::now() < until)
    }

    /// When the client certificate expires, if known.
    pub(in crate::client) fn expires_at(&self) -> Option<Timestamp> {
        self.valid_until
    }
}

impl TokenFile {
    fn read(path: PathBuf) -> Result<Self, Failure> {
        match read_trimmed(&path) {
            Ok(token) => Ok(Self { path, token }),
            Err(error) => Err(Failure::NoClient(format!(
                "cannot read the token file {}: {error}",
                path.display()
            ))),
        }
    }

    /// A file that cannot be read keeps its last token valid: some set-ups delete the file after it was read.
    fn is_current(&self) -> bool {
        read_trimmed(&self.path).map_or(true, |now| {
            now.expose_secret() == self.token.expose_secret()
        })
    }
}

fn read_trimmed(path: &Path) -> io::Result<SecretString> {
    Ok(std::fs::read_to_string(path)?.trim().into())
}
