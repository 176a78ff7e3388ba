//! Listen addresses and API URLs.
//!
//! Host names and ports are not resolved. Errors never quote a URL, because it may contain a password.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Uri;

use super::reader::Node;

/// The port of the default listen address.
pub(super) const DEFAULT_PORT: u16 = 9806;

/// Parses a listen address: `IP:PORT`, `localhost:PORT`, or `:PORT` for all interfaces.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    const INVALID: &str =
        "is not an IP address and port such as `0.0.0.0:9806`, `[::]:9806` or `:9806`";
    let port = |port: &str| {
        let is_number = port.bytes().all(|b| b.is_ascii_digit());
        port.parse::<u16>()
            .ok()
            .filter(|_| is_number)
            .ok_or(INVALID)
    };
    if let Some(text) = text.strip_prefix("localhost:") {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port(text)?)));
    }
    // Go's net.Listen, and so every other exporter, listens on IPv6 and IPv4 here.
    if let Some(text) = text.strip_prefix(':') {
        return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port(text)?)));
    }
    text.parse().map_err(|_| INVALID)
}

/// The valid address that is most like `text`, which [`listen_address`] rejects: `localhost:9806` for `localhost`.
pub(super) fn listen_address_suggestion(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    let text = text.split_once("://").map_or(text, |(_, address)| address);
    let text = text.strip_prefix('*').unwrap_or(text);
    let port = DEFAULT_PORT;
    let candidates = [
        text.to_owned(),
        format!(":{text}"),
        format!("{}:{port}", text.strip_suffix(':').unwrap_or(text)),
        format!("[{text}]:{port}"),
    ];
    candidates
        .into_iter()
        .find(|candidate| listen_address(candidate).is_ok())
}

/// Reads the URL of an API: https, or plain http on a loopback address.
pub(super) fn api_url(node: &Node<'_>) -> Option<Uri> {
    parse_url(node.text()?)
        .map_err(|message| node.problem(message))
        .ok()
}

/// Parses the URL of an API.
fn parse_url(text: &str) -> Result<Uri, &'static str> {
    if text.contains('@') {
        return Err("must not contain a user or password");
    }
    let uri: Uri = text
        .parse()
        .map_err(|_| "is not a URL such as `https://host`")?;
    let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme_str()) else {
        return Err("is not a URL such as `https://host`");
    };
    let host = authority.host();
    if host.is_empty() || (authority.as_str() != host && authority.port_u16().is_none()) {
        return Err("is not a URL such as `https://host` or `https://host:443`");
    }
    if uri.query().is_some() || text.contains('#') {
        return Err("must not contain `?` or `#`");
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_loopback(host) => Ok(uri),
        "http" => Err("must be an https URL; plain http is allowed on loopback addresses only"),
        _ => Err("must be an https URL"),
    }
}

/// Whether `host` is `localhost` or a loopback address.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_addresses_follow_go() {
        for (text, address) in [
            (":9806", "[::]:9806"),
            ("0.0.0.0:9806", "0.0.0.0:9806"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:80", "127.0.0.1:80"),
        ] {
            assert_eq!(listen_address(text), Ok(address.parse().unwrap()), "{text}");
        }
        for bad in [
            "",
            ":",
            "9806",
            ":+1",
            ":65536",
            "host:80",
            "0.0.0.0",
            "::1:80",
            "*:80",
            " :80",
            "localhost:",
            "127.0.0.1:x",
        ] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_without_a_port_has_a_suggestion() {
        for (text, expected) in [
            ("localhost", Some("localhost:9806")),
            ("localhost:", Some("localhost:9806")),
            ("0.0.0.0", Some("0.0.0.0:9806")),
            ("::", Some("[::]:9806")),
            ("[::1]", Some("[::1]:9806")),
            ("9806", Some(":9806")),
            (":", Some(":9806")),
            ("*:80", Some(":80")),
            ("*", Some(":9806")),
            (" :80", Some(":80")),
            ("http://localhost:80/", Some("localhost:80")),
            ("tcp://0.0.0.0:80", Some("0.0.0.0:80")),
            // Names are not resolved, and there is no such port.
            ("host:80", None),
            ("host", None),
            (":65536", None),
        ] {
            let suggestion = listen_address_suggestion(text);
            assert_eq!(suggestion.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn urls_are_https_except_on_loopback_addresses() {
        for good in [
            "https://cci.cn-north-4.myhuaweicloud.com",
            "https://host:8443/path",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert!(parse_url(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "host",
            "/path",
            "http://host",
            "http://10.0.0.1",
            "ftp://host",
            "https://",
            "https://host:port",
            "https://host:99999",
            "https://host?x=y",
            "https://host#x",
            "http://localhost.evil.example",
            "http://128.0.0.1",
        ] {
            assert!(parse_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_an_error_that_does_not_quote_it() {
        for url in [
            "https://user:hunter2@host",
            "https://user:hunter2@host:99999/",
            "http:// hunter2@",
        ] {
            assert!(!parse_url(url).unwrap_err().contains("hunter2"));
        }
    }
}
