//! `NO_PROXY` as Go reads it (`golang.org/x/net/http/httpproxy`).

use std::net::IpAddr;

/// The hosts that are reached without a proxy.
#[derive(Debug, Default)]
pub(super) struct NoProxy {
    /// `*`.
    all: bool,
    rules: Vec<Rule>,
}

/// One entry of the list.
#[derive(Debug)]
enum Rule {
    /// `10.0.0.0/8`: the network and the number of its bits.
    Network(IpAddr, u8),
    /// `10.0.0.1` or `[::1]:6443`. Without a port, all ports.
    Address(IpAddr, Option<String>),
    /// `example.com`, `.example.com` or `example.com:6443`.
    Domain {
        /// With a leading dot.
        suffix: String,
        /// Whether the name itself matches too, and not only names below it.
        with_itself: bool,
        port: Option<String>,
    },
}

impl NoProxy {
    /// Reads a list that is separated by commas. Blanks and empty entries have no meaning.
    pub(super) fn parse(list: &str) -> Self {
        let entries = list.split(',').map(|entry| entry.trim().to_lowercase());
        let mut no_proxy = Self::default();
        for entry in entries {
            match entry.as_str() {
                "*" => no_proxy.all = true,
                entry => no_proxy.rules.extend(Rule::parse(entry)),
            }
        }
        no_proxy
    }

    /// Whether this host is in the list. An IPv6 address has no brackets.
    pub(super) fn contains(&self, host: &str, port: u16) -> bool {
        let host = host.trim().to_lowercase();
        let address = host.parse().ok().map(|ip: IpAddr| ip.to_canonical());
        self.all
            || self
                .rules
                .iter()
                .any(|rule| rule.matches(&host, address, port))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Self> {
        if let Some(network) = network(entry) {
            return Some(network);
        }
        let (host, port) = split_port(entry);
        if host.is_empty() {
            return None;
        }
        let port = port.map(str::to_owned);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(Self::Address(ip.to_canonical(), port));
        }
        let host = if host.starts_with("*.") {
            &host[1..]
        } else {
            host
        };
        let with_itself = !host.starts_with('.');
        let dot = if with_itself { "." } else { "" };
        Some(Self::Domain {
            suffix: format!("{dot}{host}"),
            with_itself,
            port,
        })
    }

    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let is_port = |rule: &Option<String>| {
            let port = port.to_string();
            rule.as_deref()
                .is_none_or(|rule| rule.is_empty() || rule == port)
        };
        match self {
            Self::Network(network, bits) => {
                address.is_some_and(|address| is_in(address, *network, *bits))
            }
            Self::Address(ip, rule) => address == Some(*ip) && is_port(rule),
            Self::Domain {
                suffix,
                with_itself,
                port: rule,
            } => {
                let is_host = host.ends_with(suffix) || (*with_itself && host == &suffix[1..]);
                is_host && is_port(rule)
            }
        }
    }
}

fn network(entry: &str) -> Option<Rule> {
    let (address, bits) = entry.split_once('/')?;
    let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (bits <= longest).then_some(Rule::Network(address, bits))
}

/// Splits `host:port` and `[address]:port`. An IPv6 address without brackets has no port.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some((address, port)) = entry
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"))
    {
        return (address, Some(port));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (entry, None),
    }
}

fn is_in(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    // Compares the first bits, aligned to the left of 128.
    let (address, network) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) => {
            (u128::from(a.to_bits()) << 96, u128::from(n.to_bits()) << 96)
        }
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits()),
        _ => return false,
    };
    let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
    address & mask == network & mask
}
