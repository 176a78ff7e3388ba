//! `http_server_config`: HTTP/2 and the headers of responses.

use super::text_if_any;
use crate::config::reader::{Node, quoted};

/// The headers that can be set, and their valid values; none to allow all. As exporters with the exporter-toolkit have them.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// Reads `http_server_config`: whether HTTP/2 is on, and the headers. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> (bool, Vec<(&'static str, String)>) {
    let Some(section) = node.section() else {
        return (true, Vec::new());
    };
    let http2 = section.get("http2").and_then(|node| node.boolean());
    let headers = section.get("headers").map(|node| headers(&node));
    (http2.unwrap_or(true), headers.unwrap_or_default())
}

/// Reads `headers`. An empty value counts as absent.
fn headers(node: &Node<'_>) -> Vec<(&'static str, String)> {
    let Some(section) = node.section() else {
        return Vec::new();
    };
    let mut headers = Vec::new();
    for (name, values) in HEADERS {
        let Some(node) = section.get(name) else {
            continue;
        };
        // `X-XSS-Protection: 0` is common.
        let value = match node.as_number() {
            Some(number) => Some((node, number)),
            None => text_if_any(Some(node)),
        };
        if let Some((node, value)) = value
            && is_valid(&node, value, values)
        {
            headers.push((name, value.to_owned()));
        }
    }
    headers
}

/// Reports a value that is not one of `values`, or not valid in HTTP.
fn is_valid(node: &Node<'_>, value: &str, values: &[&str]) -> bool {
    let text = quoted(value);
    let is_visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    if !values.is_empty() && !values.contains(&value) {
        let values = values.join("`, `");
        node.problem(format!("`{text}` is invalid; expected one of `{values}`"));
        false
    } else if !value.bytes().all(is_visible) || value.trim() != value {
        node.problem(format!(
            "`{text}` is not a valid header value: printable ASCII characters, without blanks at either end"
        ));
        false
    } else {
        true
    }
}
