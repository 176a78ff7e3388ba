//! Where an API is and how to authenticate there: from a target's configuration to a client.
//!
//! An authentication method is a variant of [`Endpoint`] and a module in [`super::auth`].

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::Uri;
use kube::{Client, Config};

use super::{
    auth::{
        cci::{Cci, SharedCredentials},
        credentials::LoadedCredentials,
        kubeconfig::{self, Loaded},
    },
    budget::ConnectionBudget,
    environment::Environment,
    error::Failure,
    proxy::{self, Proxy},
};
use crate::{config::EndpointConfig, model::CredentialExpiries};

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

/// What to do after the server refused the credentials.
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
    pub async fn connect(&self, budget: &ConnectionBudget) -> Result<Connection, Failure> {
        if let Self::Cci(cci) = self {
            return Ok(Connection {
                client: cci.client(budget)?,
                address: cci.address(),
                credentials: ConnectionCredentials::Cci(cci.clone()),
            });
        }
        let loaded = self.load()?;
        let address = loaded.config.cluster_url.to_string();
        let (client, credentials) = loaded.connect(budget.clone()).await?;
        Ok(Connection {
            client,
            address,
            credentials: ConnectionCredentials::Loaded(credentials),
        })
    }

    /// The address of the API and its proxy, for messages. Reads and checks the configuration and all files, and sends nothing.
    pub async fn address(&self) -> Result<String, Failure> {
        if let Self::Cci(cci) = self {
            let proxy = cci.check()?;
            return Ok(with_proxy(cci.address(), proxy.as_ref()));
        }
        let loaded = self.load()?;
        // Reading the authorities of the system blocks.
        let checked = tokio::task::spawn_blocking(move || {
            loaded.check()?;
            let address = loaded.config.cluster_url.to_string();
            Ok(with_proxy(address, loaded.proxy.as_ref()))
        });
        checked
            .await
            .unwrap_or_else(|panic| Err(Failure::NoClient(panic.to_string())))
    }

    /// The files with credentials that can be read.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Cci(cci) => cci.files(),
            _ => self.load().map(|loaded| loaded.files()).unwrap_or_default(),
        }
    }

    fn load(&self) -> Result<Loaded, Failure> {
        let loaded = match self {
            Self::Address(address) => Loaded::new(Config::new(address.clone())),
            Self::Cci(cci) => Loaded::new(cci.config().clone()),
            Self::Kubernetes {
                kubeconfig,
                context,
            } => {
                let environment = Environment::default();
                kubeconfig::load(kubeconfig.as_deref(), context.as_deref(), &environment)?
            }
        };
        check_scheme(&loaded.config.cluster_url)?;
        Ok(loaded)
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

    /// What to do after the server refused the credentials.
    pub(super) fn on_unauthorized(&self, failure: &Failure) -> OnUnauthorized {
        match (&self.credentials, failure) {
            (ConnectionCredentials::Loaded(_), _) => OnUnauthorized::Reconnect,
            (ConnectionCredentials::Cci(_), Failure::Status(status))
                if status.no_retry_reason.is_none() =>
            {
                OnUnauthorized::Retry
            }
            (ConnectionCredentials::Cci(_), _) => OnUnauthorized::GiveUp,
        }
    }

    /// Whether the credentials are known to have expired. Until then an older connection is better than none.
    pub(super) fn has_expired(&self) -> bool {
        match &self.credentials {
            ConnectionCredentials::Loaded(loaded) => loaded.has_expired(),
            ConnectionCredentials::Cci(_) => false,
        }
    }

    /// An exec plugin does not run again before the end of `wait`.
    pub(super) fn delay_renewal(&mut self, wait: Duration) {
        if let ConnectionCredentials::Loaded(loaded) = &mut self.credentials {
            loaded.delay_renewal(wait);
        }
    }

    /// When the credentials expire, as far as they say.
    pub(super) fn expiries(&self) -> CredentialExpiries {
        match &self.credentials {
            ConnectionCredentials::Loaded(loaded) => loaded.expiries(),
            ConnectionCredentials::Cci(cci) => cci.expiries(),
        }
    }
}

/// An address with the proxy that leads to it.
fn with_proxy(address: String, proxy: Option<&Proxy>) -> String {
    match proxy {
        Some(proxy) => format!("{address} through the proxy {proxy:?}"),
        None => address,
    }
}

/// Credentials are sent over TLS only. Plain HTTP is for tests and for proxies on the same host.
fn check_scheme(address: &Uri) -> Result<(), Failure> {
    let loopback = proxy::is_loopback(proxy::host(address));
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
