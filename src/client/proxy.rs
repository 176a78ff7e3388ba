//! The proxy for an API: from `proxy-url` of a kubeconfig, or from the environment as kubectl reads it.
//!
//! kubectl uses Go's `http.ProxyFromEnvironment`. kube-client 5.0 differs from it: it matches `NO_PROXY` against the address of
//! the proxy instead of that of the API, rejects blanks and trailing commas, does not know ports, applies `NO_PROXY` to
//! `proxy-url`, and uses no proxy for the service account of a pod. So this module finds the proxy.

use std::{fmt, net::IpAddr};

use http::Uri;
use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::environment::Environment;

mod no_proxy;

use self::no_proxy::NoProxy;

/// A proxy server.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) protocol: Protocol,
    /// Scheme, host and port. Without credentials, so that it can be shown.
    pub(super) address: Uri,
    pub(super) login: Option<Login>,
}

/// How a client speaks to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// `CONNECT` over plain HTTP.
    Http,
    /// `CONNECT` over TLS.
    Https,
    /// SOCKS 5. The proxy resolves names.
    Socks5,
}

/// The credentials for a proxy.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: SecretString,
}

impl Proxy {
    /// Reads the URL of a proxy. `setting` names the variable or key in the error, which never shows the URL: it may contain
    /// a password. A URL without a scheme is of an HTTP proxy.
    pub(super) fn parse(text: &str, setting: &str) -> Result<Self, String> {
        let invalid = |why: &str| {
            format!(
                "{setting} is invalid: {why}; write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT"
            )
        };
        let (scheme, rest) = text
            .trim()
            .split_once("://")
            .unwrap_or(("http", text.trim()));
        let (protocol, scheme, port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (Protocol::Http, "http", 80),
            "https" => (Protocol::Https, "https", 443),
            "socks5" | "socks5h" => (Protocol::Socks5, "socks5", 1080),
            _ => return Err(invalid("its scheme is not supported")),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(Login::parse(login)), host),
            None => (None, authority),
        };
        let host: http::uri::Authority = host
            .parse()
            .map_err(|_| invalid("it has no valid host and port"))?;
        let port = match (host.port_u16(), host.as_str().rsplit_once(':')) {
            (Some(port), _) => port,
            // A port that is empty or too large.
            (None, Some((_, after))) if !after.ends_with(']') => {
                return Err(invalid("its port is not a number up to 65535"));
            }
            (None, _) => port,
        };
        let address = format!("{scheme}://{}:{port}", host.host());
        Ok(Self {
            protocol,
            address: address
                .parse()
                .map_err(|_| invalid("it has no valid host and port"))?,
            login,
        })
    }

    /// The proxy that the environment names for `target`, by the rules of Go's `http.ProxyFromEnvironment`.
    pub(super) fn from_environment(
        environment: &Environment,
        target: &Uri,
    ) -> Result<Option<Self>, String> {
        let names = match target.scheme_str() {
            Some("https") => ["HTTPS_PROXY", "https_proxy"],
            _ => ["HTTP_PROXY", "http_proxy"],
        };
        let Some((name, url)) = first_of(environment, names) else {
            return Ok(None);
        };
        let no_proxy = first_of(environment, ["NO_PROXY", "no_proxy"]);
        let no_proxy = NoProxy::parse(no_proxy.map(|(_, list)| list).unwrap_or_default().as_str());
        let host = host(target);
        if host.is_empty() || is_loopback(host) || no_proxy.contains(host, port(target)) {
            return Ok(None);
        }
        Self::parse(&url, &format!("the environment variable {name}")).map(Some)
    }
}

impl Login {
    fn parse(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self {
            user: decode(user),
            password: decode(password).into(),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.address, f)
    }
}

/// The first of these variables that has a value.
fn first_of(environment: &Environment, names: [&'static str; 2]) -> Option<(&'static str, String)> {
    names
        .into_iter()
        .find_map(|name| Some((name, environment.text(name)?)))
}

/// The host of a URL, without the brackets of an IPv6 address.
pub(super) fn host(url: &Uri) -> &str {
    let host = url.host().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The port of a URL, or the one of its scheme.
fn port(url: &Uri) -> u16 {
    url.port_u16().unwrap_or(match url.scheme_str() {
        Some("http") => 80,
        _ => 443,
    })
}

/// Whether a host is this machine by its name or address. The environment never leads there through a proxy.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests;
