//! HTTP requests to the issuers of credentials: IAM and the metadata service.
//!
//! Each exchange builds a client: there are a few per day, and each then uses the current certificates. Errors never contain
//! the request.

use std::{path::Path, time::Duration};

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use kube::{Config, client::ConfigExt as _};
use reqwest::{Client, RequestBuilder, redirect::Policy};
use secrecy::ExposeSecret as _;
use serde::Deserialize;

use super::cache::IssueError;
use crate::client::{
    error::{Failure, describe, one_line, retry_after},
    proxy::{Login, Protocol, Proxy},
    request::USER_AGENT,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For the whole exchange, to the end of the body.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A response of IAM with the whole catalog of services has about 100 KB.
const MAX_BODY: usize = 1024 * 1024;

/// A response of any status.
pub(super) struct IssuerResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// Builds a client with the certificate authorities of `config`, which uses `proxy` if there is one.
pub(super) fn client(config: &Config, proxy: Option<&Proxy>) -> Result<Client, IssueError> {
    let tls = config
        .rustls_client_config()
        .map_err(|error| no_client(&error))?;
    let builder = Client::builder().no_proxy();
    let builder = match proxy {
        Some(proxy) => builder.proxy(to_reqwest(proxy).map_err(|error| no_client(&error))?),
        None => builder,
    };
    builder
        .tls_backend_preconfigured(tls)
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // Passwords are sent to the configured address only.
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| no_client(&error))
}

/// The proxy for all requests of a client.
fn to_reqwest(proxy: &Proxy) -> reqwest::Result<reqwest::Proxy> {
    // The proxy resolves names, as Go lets it. To reqwest that is socks5h.
    let address = match proxy.protocol {
        Protocol::Socks5 => proxy.address.to_string().replacen("socks5", "socks5h", 1),
        Protocol::Http | Protocol::Https => proxy.address.to_string(),
    };
    let all = reqwest::Proxy::all(address)?;
    Ok(match &proxy.login {
        Some(Login { user, password }) => all.basic_auth(user, password.expose_secret()),
        None => all,
    })
}

fn no_client(error: &(dyn std::error::Error + 'static)) -> IssueError {
    IssueError::temporary(Failure::NoClient(describe(error)).to_string())
}

/// The configuration for `address`: trusts the authorities in `ca_file`, which may change, or those of the system.
pub(super) fn tls_config(address: http::Uri, ca_file: Option<&Path>) -> Config {
    let mut config = Config::new(address);
    if let Some(path) = ca_file {
        // An empty list replaces those of the system. kube reads the file, and reloads it now and then.
        config.root_cert = Some(Vec::new());
        config.root_cert_file = Some(path.to_owned());
    }
    config
}

/// Sends one request. Errors have no URL, because the caller adds a better description.
pub(super) async fn send(request: RequestBuilder) -> Result<IssuerResponse, String> {
    let without_url = |error: reqwest::Error| describe(&error.without_url());
    let mut response = request.send().await.map_err(without_url)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_url)? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("the response is larger than {MAX_BODY} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(IssuerResponse {
        status: response.status(),
        headers: std::mem::take(response.headers_mut()),
        body,
    })
}

/// A time in a response.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct IssuerTime(pub(super) Timestamp);

impl TryFrom<String> for IssuerTime {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

// === impl IssuerResponse ===

impl IssuerResponse {
    /// The error for this response of `issuer`.
    pub(super) fn to_error(&self, issuer: &str) -> IssueError {
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Deserialize)]
        struct Error {
            message: String,
        }
        let Self {
            status,
            headers,
            body,
        } = self;
        // A body of another format could contain anything, even an echo of the request.
        let message = match serde_json::from_slice(body) {
            Ok(Body { error }) => format!(": {}", one_line(&error.message)),
            Err(_) => String::new(),
        };
        IssueError {
            message: format!("{issuer} responds with {status}{message}"),
            rejected: (!self.is_temporary()).then_some(*status),
            retry_after: retry_after(headers),
        }
    }

    /// The issuer was not able to answer the request.
    pub(super) fn is_temporary(&self) -> bool {
        self.status.is_server_error()
            || matches!(
                self.status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT
            )
    }
}
