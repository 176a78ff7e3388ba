//! `web`: where and how the HTTP server listens.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{network, reader::Node};

/// Paths that the server needs for itself.
const TAKEN: [&str; 3] = ["/", "/livez", "/readyz"];

/// The HTTP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebConfig {
    /// Where it listens, at least one.
    pub listen_addresses: Vec<SocketAddr>,
    /// Where the metrics are; begins with `/`, and is not the path of another page.
    pub telemetry_path: String,
    /// Connections served at the same time.
    pub max_connections: usize,
    /// After this time an unread target no longer holds back `/readyz`.
    pub ready_grace: Duration,
    /// For how long open requests may go on once shutdown has begun.
    pub shutdown_timeout: Duration,
}

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen_addresses: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9806))],
            telemetry_path: "/metrics".to_owned(),
            max_connections: 128,
            ready_grace: Duration::from_mins(1),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// Reads `web`. What is wrong is reported, and the default stands in for it.
pub(super) fn read(node: &Node<'_>) -> WebConfig {
    let mut web = WebConfig::default();
    let Some(section) = node.section() else {
        return web;
    };
    if let Some(addresses) = section
        .get("listen_address")
        .and_then(|node| listen_addresses(&node))
    {
        web.listen_addresses = addresses;
    }
    if let Some(path) = section
        .get("telemetry_path")
        .and_then(|node| node.parsed(telemetry_path))
    {
        web.telemetry_path = path;
    }
    if let Some(count) = section
        .get("max_connections")
        .and_then(|node| node.count(1..=65_535))
    {
        web.max_connections = count;
    }
    let hour = Duration::from_hours(1);
    if let Some(grace) = section
        .get("ready_grace")
        .and_then(|node| node.duration(Duration::ZERO..=hour))
    {
        web.ready_grace = grace;
    }
    if let Some(timeout) = section
        .get("shutdown_timeout")
        .and_then(|node| node.duration(Duration::ZERO..=hour))
    {
        web.shutdown_timeout = timeout;
    }
    web
}

/// Reads one address or a list of them.
fn listen_addresses(node: &Node<'_>) -> Option<Vec<SocketAddr>> {
    let items = node.one_or_more()?;
    if items.is_empty() {
        node.problem("names no address to listen on");
    }
    let mut addresses = Vec::new();
    for item in items {
        let Some(address) = item.parsed(network::listen_address) else {
            continue;
        };
        if address.port() != 0 && addresses.contains(&address) {
            item.problem(format!("`{address}` is there twice"));
        }
        addresses.push(address);
    }
    Some(addresses)
}

/// Checks the path of the metrics.
fn telemetry_path(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
    if !text.starts_with('/') || !text.chars().all(plain) {
        return Err(
            "is not a path such as `/metrics`, made of letters, digits and `/-._~`".to_owned(),
        );
    }
    if TAKEN.contains(&text) {
        return Err("is the path of another page".to_owned());
    }
    Ok(text.to_owned())
}
