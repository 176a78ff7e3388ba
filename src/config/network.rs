//! Addresses to listen on and URLs to ask, as people write them.
//!
//! Neither host names nor ports are looked up here. A URL is never quoted in an error: it may hold a password.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Uri;

use super::reader::Node;

/// Reads an address to listen on: `IP:PORT`, `localhost:PORT`, or `:PORT` for all interfaces.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, &'static str> {
    const FORM: &str =
        "is not an IP address and port such as `0.0.0.0:9806`, `[::]:9806` or `:9806`";
    let port = |port: &str| {
        let is_number = port.bytes().all(|b| b.is_ascii_digit());
        port.parse::<u16>().ok().filter(|_| is_number).ok_or(FORM)
    };
    if let Some(text) = text.strip_prefix("localhost:") {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port(text)?)));
    }
    // As Go's net.Listen has it, and so every other exporter: IPv6 and IPv4.
    if let Some(text) = text.strip_prefix(':') {
        return Ok(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port(text)?)));
    }
    text.parse().map_err(|_| FORM)
}

/// Reads the URL of an API: https, or plain http to this machine.
pub(super) fn api_url(node: &Node<'_>) -> Option<Uri> {
    check_url(node.text()?)
        .map_err(|message| node.problem(message))
        .ok()
}

/// `text` as the URL of an API.
fn check_url(text: &str) -> Result<Uri, &'static str> {
    if text.contains('@') {
        return Err("must be a URL without user and password");
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
        return Err("must be a URL without `?` and `#`");
    }
    match scheme {
        "https" => Ok(uri),
        "http" if is_loopback(host) => Ok(uri),
        "http" => Err("must be an https URL; plain http is for loopback addresses only"),
        _ => Err("must be an https URL"),
    }
}

/// Whether `host` is this machine.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listens_where_go_would() {
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
    fn urls_are_https_unless_they_stay_on_this_machine() {
        for good in [
            "https://cci.cn-north-4.myhuaweicloud.com",
            "https://host:8443/path",
            "http://127.0.0.1:8080",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
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
            assert!(check_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in [
            "https://user:hunter2@host",
            "https://user:hunter2@host:99999/",
            "http:// hunter2@",
        ] {
            assert!(!check_url(url).unwrap_err().contains("hunter2"));
        }
    }
}
