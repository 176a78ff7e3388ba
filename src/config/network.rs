//! API URLs.
//!
//! Host names are not resolved. Errors never quote a URL, because it may contain a password.

use std::net::IpAddr;

use http::Uri;

use super::reader::Node;

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
