//! Where an API is and how to authenticate there: from a kubeconfig or a service account to a client.

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use http::{HeaderValue, Uri, header::USER_AGENT};
use jiff::Timestamp;
use kube::{
    Client, Config,
    client::ClientBuilder,
    config::{ExecInteractiveMode, KubeConfigOptions, Kubeconfig},
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    auth::cci::Cci,
    error::{Failure, Status, describe},
};
use crate::model;

/// How this program names itself to servers.
pub(super) const AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Where an API is, and how to authenticate there. Nothing is read before [`Endpoint::connect`], and everything again
/// then, so that a client built anew has the credentials of that moment.
#[derive(Clone, Debug)]
pub enum Endpoint {
    /// A Kubernetes API, found as kubectl finds it.
    Kubernetes {
        /// A kubeconfig file; `None` for `$KUBECONFIG`, `~/.kube/config`, then the service account of the pod.
        kubeconfig: Option<PathBuf>,
        /// A context in it; `None` for its current one.
        context: Option<String>,
    },
    /// Huawei Cloud CCI.
    Cci(Arc<Cci>),
    /// An API that asks for no credentials.
    Address(Uri),
}

/// A client, and what it was made of as far as that can change under it.
pub struct Connection {
    pub(super) client: Client,
    /// The address of the API, for people.
    pub address: String,
    /// When the client certificate that an exec plugin gave runs out.
    valid_until: Option<Timestamp>,
    /// The token file and what was in it.
    token: Option<(PathBuf, SecretString)>,
    /// Where it renews its credentials itself.
    cci: Option<Arc<Cci>>,
}

/// What to do about credentials that were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Read them again, and try once more.
    Reconnect,
    /// Try once more: they are others now.
    Retry,
    /// Take it as it is.
    GiveUp,
}

impl Endpoint {
    /// Reads the configuration and builds a client of it. Sends no request; may run an exec plugin.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        if let Self::Cci(cci) = self {
            return Ok(Connection {
                client: cci.client()?,
                address: cci.address(),
                valid_until: None,
                token: None,
                cci: Some(cci.clone()),
            });
        }
        let mut config = self.load().await?;
        // Retries are the business of the sources: they know what else is waiting, and count every request.
        config.default_retry = false;
        config
            .headers
            .push((USER_AGENT, HeaderValue::from_static(AGENT)));
        // kube re-reads the file too, but takes its final line feed for a part of the token.
        let token = match config.auth_info.token_file.take() {
            Some(path) => {
                let path = PathBuf::from(path);
                let token = read_token(&path).map_err(|error| {
                    Failure::Client(format!(
                        "cannot read the token file {}: {error}",
                        path.display()
                    ))
                })?;
                config.auth_info.token = Some(token.clone());
                Some((path, token))
            }
            None => None,
        };
        // Left to itself a plugin writes its errors, and perhaps its token, into our log, and may wait for input.
        if let Some(plugin) = config.auth_info.exec.as_mut() {
            plugin.interactive_mode = Some(ExecInteractiveMode::Never);
        }
        let address = config.cluster_url.to_string();
        // An exec plugin runs in here, and blocks.
        let client = tokio::task::spawn_blocking(move || {
            ClientBuilder::try_from(config).map(ClientBuilder::build)
        });
        // The client panics over a token with control characters, which only a plugin can bring here.
        let client = client.await.map_err(|_| {
            Failure::Client("the credentials cannot be put into a request".to_owned())
        })?;
        let client = client.map_err(|error| Failure::Client(describe(&error)))?;
        let valid_until = client
            .valid_until()
            .as_ref()
            .and_then(|until| Timestamp::new(until.as_second(), 0).ok());
        Ok(Connection {
            client,
            address,
            valid_until,
            token,
            cci: None,
        })
    }

    /// Where the API is, for people. Reads the configuration, and sends nothing.
    pub async fn address(&self) -> Result<String, Failure> {
        Ok(self.load().await?.cluster_url.to_string())
    }

    async fn load(&self) -> Result<Config, Failure> {
        let config = match self {
            Self::Address(address) => Config::new(address.clone()),
            Self::Cci(cci) => cci.load()?,
            Self::Kubernetes {
                kubeconfig: None,
                context: None,
            } => discover().await?,
            Self::Kubernetes {
                kubeconfig,
                context,
            } => {
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                let config = match kubeconfig.as_ref().map(Kubeconfig::read_from) {
                    None => Config::from_kubeconfig(&options).await,
                    Some(Ok(kubeconfig)) => {
                        Config::from_custom_kubeconfig(kubeconfig, &options).await
                    }
                    Some(Err(error)) => Err(error),
                };
                config.map_err(|error| Failure::Client(describe(&error)))?
            }
        };
        check_scheme(&config.cluster_url)?;
        Ok(config)
    }
}

impl Connection {
    /// Whether what the client was made of still stands.
    pub(super) fn is_current(&self) -> bool {
        let token_stands = self.token.as_ref().is_none_or(|(path, token)| {
            // A file that cannot be read is no reason to drop the token that was in it.
            read_token(path).map_or(true, |now| now.expose_secret() == token.expose_secret())
        });
        token_stands && self.valid_until.is_none_or(|until| model::now() < until)
    }

    /// What to do about credentials that were refused.
    pub(super) fn on_refusal(&self, status: &Status) -> Refusal {
        match (&self.cci, &status.note) {
            (None, _) => Refusal::Reconnect,
            (Some(_), None) => Refusal::Retry,
            // It says why not.
            (Some(_), Some(_)) => Refusal::GiveUp,
        }
    }

    /// When the credentials end, where that is known.
    pub(super) fn credentials_end(&self) -> Option<Timestamp> {
        match &self.cci {
            Some(cci) => cci.expires_at(),
            None => self.valid_until,
        }
    }
}

/// As kubectl does it: a kubeconfig file in one of the usual places, else the service account of the pod.
async fn discover() -> Result<Config, Failure> {
    let no_file = match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => return Ok(config),
        Err(error) => describe(&error),
    };
    Config::incluster().map_err(|error| {
        let no_pod = describe(&error);
        Failure::Client(format!(
            "no cluster found: {no_file}; and as a pod: {no_pod}"
        ))
    })
}

fn read_token(path: &PathBuf) -> std::io::Result<SecretString> {
    Ok(std::fs::read_to_string(path)?.trim().into())
}

/// Credentials go over TLS only; a plain connection is for tests and for proxies on the same host.
fn check_scheme(address: &Uri) -> Result<(), Failure> {
    let host = address
        .host()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match address.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if loopback => Ok(()),
        _ => Err(Failure::Client(format!(
            "the server address `{address}` must begin with https:// (http:// is for loopback addresses only)"
        ))),
    }
}

#[cfg(test)]
mod tests;
