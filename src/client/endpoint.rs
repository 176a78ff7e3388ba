//! Where an API is and how to authenticate there: from a target's configuration to a client.
//!
//! An authentication method is a variant of [`Endpoint`] and a module in [`super::auth`].

use std::{net::IpAddr, path::PathBuf, sync::Arc};

use http::Uri;
use jiff::Timestamp;
use kube::{Client, Config};

use super::{
    auth::{
        cci::{Cci, SharedCredentials},
        kubeconfig::{self, LoadedCredentials},
    },
    error::{Failure, Status},
};
use crate::config::EndpointConfig;

/// Where an API is, and how to authenticate there. [`Endpoint::connect`] reads all files again, so that a new client has the
/// current credentials.
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
    /// An API that needs no credentials.
    Address(Uri),
}

/// A client, and the credentials that it was built with.
pub struct Connection {
    pub(super) client: Client,
    /// The address of the API, for messages.
    pub address: String,
    credentials: ConnectionCredentials,
}

enum ConnectionCredentials {
    /// Fixed in the client. New credentials need a new connection.
    Loaded(LoadedCredentials),
    /// Renewed by the client itself.
    Cci(Arc<Cci>),
}

/// What to do after a 401 response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnUnauthorized {
    /// Read the credentials again and retry with a new connection.
    Reconnect,
    /// Retry with the same connection, which uses new credentials by now.
    Retry,
    /// Report the error.
    GiveUp,
}

impl Endpoint {
    /// The endpoint that the configuration describes. Reads and sends nothing.
    #[must_use]
    pub fn new(config: &EndpointConfig, shared: &mut SharedCredentials) -> Self {
        match config {
            EndpointConfig::Kubernetes(kubernetes) => Self::Kubernetes {
                kubeconfig: kubernetes.kubeconfig.clone(),
                context: kubernetes.context.clone(),
            },
            EndpointConfig::Cci(cci) => Self::Cci(Arc::new(Cci::new(cci, shared))),
        }
    }

    /// Builds a client. Reads the credentials, and may run an exec plugin; sends no request to the API.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        if let Self::Cci(cci) = self {
            return Ok(Connection {
                client: cci.client()?,
                address: cci.address(),
                credentials: ConnectionCredentials::Cci(cci.clone()),
            });
        }
        let config = self.load().await?;
        let address = config.cluster_url.to_string();
        let (client, credentials) = kubeconfig::client(config).await?;
        Ok(Connection {
            client,
            address,
            credentials: ConnectionCredentials::Loaded(credentials),
        })
    }

    /// The address of the API, for messages. Reads the configuration, and sends nothing.
    pub async fn address(&self) -> Result<String, Failure> {
        Ok(self.load().await?.cluster_url.to_string())
    }

    async fn load(&self) -> Result<Config, Failure> {
        let config = match self {
            Self::Address(address) => Config::new(address.clone()),
            Self::Cci(cci) => cci.load()?,
            Self::Kubernetes {
                kubeconfig,
                context,
            } => kubeconfig::load(kubeconfig.as_deref(), context.as_deref()).await?,
        };
        check_scheme(&config.cluster_url)?;
        Ok(config)
    }
}

impl Connection {
    /// Whether the credentials of the client are still the current ones.
    pub(super) fn is_current(&self) -> bool {
        match &self.credentials {
            ConnectionCredentials::Loaded(loaded) => loaded.is_current(),
            ConnectionCredentials::Cci(_) => true,
        }
    }

    /// What to do after a 401 response.
    pub(super) fn on_unauthorized(&self, status: &Status) -> OnUnauthorized {
        match (&self.credentials, &status.no_retry_reason) {
            (ConnectionCredentials::Loaded(_), _) => OnUnauthorized::Reconnect,
            (ConnectionCredentials::Cci(_), None) => OnUnauthorized::Retry,
            (ConnectionCredentials::Cci(_), Some(_)) => OnUnauthorized::GiveUp,
        }
    }

    /// When the credentials expire, if known.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match &self.credentials {
            ConnectionCredentials::Loaded(loaded) => loaded.expires_at(),
            ConnectionCredentials::Cci(cci) => cci.expires_at(),
        }
    }
}

/// Credentials are sent over TLS only. Plain HTTP is for tests and for proxies on the same host.
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
        _ => Err(Failure::NoClient(format!(
            "the server address `{address}` must begin with https:// (http:// is for loopback addresses only)"
        ))),
    }
}

#[cfg(test)]
mod tests;
