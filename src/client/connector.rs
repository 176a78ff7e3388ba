//! Connections to an API, for all ways to authenticate: TCP with keep-alive, then a proxy, then TLS, then HTTP (`multiplex`).
//!
//! kube's own client builder has neither TCP keep-alive nor a choice of connector, so this is built from its parts.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, Uri};
use hyper::rt::{Read, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{
    Connection, HttpConnector,
    proxy::{SocksV5, Tunnel},
};
use kube::{Config, client::Body};
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::ExposeSecret as _;
use tower::{BoxError, Service, util::BoxCloneService};

use super::{
    budget::{BudgetedConnector, ConnectionBudget},
    error::Failure,
    multiplex::{Multiplex, StreamBody},
    proxy::{Login, Protocol, Proxy},
    tls,
};

/// For one TCP connection. The timeout of each request covers everything.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that is silent for [`KEEPALIVE_TIME`] is probed. Without an answer to the probes it is closed after a minute
/// in all. An idle watch would otherwise wait for ever for a server that is gone. Through a proxy this only covers the way to
/// the proxy.
const KEEPALIVE_TIME: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_RETRIES: u32 = 3;

/// How a client connects.
#[derive(Clone, Default)]
pub(super) struct ConnectSettings {
    /// Whether to offer HTTP/2 to servers.
    pub(super) http2: bool,
    pub(super) budget: ConnectionBudget,
}

/// An HTTP client without authentication.
pub(super) type HttpService = BoxCloneService<http::Request<Body>, Response<StreamBody>, BoxError>;

/// The HTTP client for the API of `config`, through `proxy` if there is one.
pub(super) fn http_service(
    config: &Config,
    proxy: Option<&Proxy>,
    connect: &ConnectSettings,
) -> Result<HttpService, Failure> {
    let http2 = connect.http2 && config.cluster_url.scheme_str() == Some("https");
    let tcp = || tcp(&connect.budget);
    let tls = tls::client_config(config)?;
    let name = match config.tls_server_name.as_deref() {
        Some(name) => Some(ServerName::try_from(name.to_owned()).map_err(|_| {
            Failure::NoClient(format!("`tls-server-name` is not a host name: `{name}`"))
        })?),
        None => None,
    };
    let Some(proxy) = proxy else {
        return Ok(client(tcp(), tls, name, http2));
    };
    let address = proxy.address.clone();
    Ok(match proxy.protocol {
        Protocol::Http => client(tunnel(proxy, tcp())?, tls, name, http2),
        Protocol::Https => {
            // kubectl uses the certificates of the cluster for its proxy, too.
            let to_proxy = https(tcp(), tls.clone(), None, false);
            client(tunnel(proxy, to_proxy)?, tls, name, http2)
        }
        Protocol::Socks5 => {
            let mut socks = SocksV5::new(address, tcp());
            if let Some(Login { user, password }) = &proxy.login {
                socks = socks.with_auth(user.clone(), password.expose_secret().to_owned());
            }
            client(socks, tls, name, http2)
        }
    })
}

fn tcp(budget: &ConnectionBudget) -> BudgetedConnector {
    BudgetedConnector {
        connector: keep_alive(),
        budget: budget.clone(),
    }
}

fn keep_alive() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_keepalive(Some(KEEPALIVE_TIME));
    connector.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    connector.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    connector
}

/// Asks the proxy for a connection with `CONNECT`.
fn tunnel<C>(proxy: &Proxy, connector: C) -> Result<Tunnel<C>, Failure> {
    let tunnel = Tunnel::new(proxy.address.clone(), connector);
    let Some(Login { user, password }) = &proxy.login else {
        return Ok(tunnel);
    };
    let login = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
    let value = HeaderValue::try_from(format!("Basic {login}"))
        .map_err(|_| Failure::NoClient("the login of the proxy is no header value".to_owned()))?;
    Ok(tunnel.with_auth(value))
}

/// TLS for https addresses. The server has to have a certificate for `name`, or else for its host.
fn https<C>(
    connector: C,
    tls: ClientConfig,
    name: Option<ServerName<'static>>,
    http2: bool,
) -> HttpsConnector<C> {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let builder = match name {
        Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
        None => builder,
    };
    if http2 {
        builder.enable_all_versions().wrap_connector(connector)
    } else {
        builder.enable_http1().wrap_connector(connector)
    }
}

fn client<C>(
    connector: C,
    tls: ClientConfig,
    name: Option<ServerName<'static>>,
    http2: bool,
) -> HttpService
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let with_http2 = http2.then(|| https(connector.clone(), tls.clone(), name.clone(), true));
    BoxCloneService::new(Multiplex::new(
        with_http2,
        https(connector, tls, name, false),
    ))
}

#[cfg(test)]
mod tests;
