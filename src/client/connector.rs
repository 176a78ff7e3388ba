//! Connections to an API, for all ways to authenticate: TCP with keep-alive, then a proxy, then TLS, then HTTP/1.1.
//!
//! kube's own client builder has neither TCP keep-alive nor a choice of connector, so this is built from its parts. HTTP/2 is
//! not used, hence there are no pings: a watch is one connection, and a poll needs few.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, Uri};
use hyper::{
    body::Incoming,
    rt::{Read, Write},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        self,
        connect::{
            Connection, HttpConnector,
            proxy::{SocksV5, Tunnel},
        },
    },
    rt::TokioExecutor,
};
use kube::{Config, client::Body};
use rustls::{ClientConfig, pki_types::ServerName};
use secrecy::ExposeSecret as _;
use tower::{BoxError, Service, ServiceExt as _, util::BoxCloneService};

use super::{
    error::Failure,
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

/// An HTTP client without authentication.
pub(super) type HttpService = BoxCloneService<http::Request<Body>, Response<Incoming>, BoxError>;

/// The HTTP client for the API of `config`, through `proxy` if there is one.
pub(super) fn http_service(config: &Config, proxy: Option<&Proxy>) -> Result<HttpService, Failure> {
    let tls = tls::client_config(config)?;
    let name = match config.tls_server_name.as_deref() {
        Some(name) => Some(ServerName::try_from(name.to_owned()).map_err(|_| {
            Failure::NoClient(format!("`tls-server-name` is not a host name: `{name}`"))
        })?),
        None => None,
    };
    let Some(proxy) = proxy else {
        return Ok(client(https(tcp(), tls, name)));
    };
    let address = proxy.address.clone();
    Ok(match proxy.protocol {
        Protocol::Http => client(https(tunnel(proxy, tcp())?, tls, name)),
        Protocol::Https => {
            // kubectl uses the certificates of the cluster for its proxy, too.
            let to_proxy = https(tcp(), tls.clone(), None);
            client(https(tunnel(proxy, to_proxy)?, tls, name))
        }
        Protocol::Socks5 => {
            let mut socks = SocksV5::new(address, tcp());
            if let Some(Login { user, password }) = &proxy.login {
                socks = socks.with_auth(user.clone(), password.expose_secret().to_owned());
            }
            client(https(socks, tls, name))
        }
    })
}

fn tcp() -> HttpConnector {
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
) -> HttpsConnector<C> {
    let builder = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let builder = match name {
        Some(name) => builder.with_server_name_resolver(FixedServerNameResolver::new(name)),
        None => builder,
    };
    builder.enable_http1().wrap_connector(connector)
}

fn client<C>(connector: HttpsConnector<C>) -> HttpService
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let client: legacy::Client<_, Body> =
        legacy::Client::builder(TokioExecutor::new()).build(connector);
    BoxCloneService::new(client.map_err(Into::into))
}

#[cfg(test)]
mod tests;
