//! Where the HTTP server listens: `web.listen_address`, `web.systemd_socket` and `web.probe_listen_address`.
//!
//! Host names and ports are not resolved. No two valid addresses include each other.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
};

use super::reader::{Node, Section, quoted};

/// The port of the default listen address.
const DEFAULT_PORT: u16 = 9806;

/// What the address of a unix socket begins with.
const UNIX: &str = "unix:";

/// The maximum length of the path of a unix socket, in bytes: the system's, without the zero byte at the end.
const MAX_SOCKET_PATH: usize = 107;

const BOTH_HINT: &str =
    "systemd passes sockets in place of addresses: the socket unit names them with `ListenStream=`";
const OVERLAP_HINT: &str = "list either all addresses of a family or single ones; `0.0.0.0` is all of IPv4, and `[::]` is all of IPv6";

/// An address to listen on. Its [`Display`](fmt::Display) is how it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A unix socket: a file, which clients connect to by its path.
    Unix(PathBuf),
}

/// Where the server listens.
pub(super) struct Listen {
    /// Empty if systemd passes the sockets.
    pub(super) addresses: Vec<ListenAddress>,
    pub(super) systemd_socket: bool,
    pub(super) probe_address: Option<ListenAddress>,
}

impl ListenAddress {
    /// Whether no two sockets can listen on both, or clients could not tell which one they reach. `[::]` includes IPv4.
    fn conflicts_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => {
                let is_same_ip = one.ip() == other.ip();
                let is_all = one.ip().is_unspecified() || other.ip().is_unspecified();
                is_same_port(*one, *other) && (is_same_ip || is_all)
            }
            (one, other) => one == other,
        }
    }

    /// The TCP address; `None` for a unix socket.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// For people: a URL such as `https://0.0.0.0:9806` with this scheme, or `unix:/run/exporter.sock`, which no scheme fits.
    #[must_use]
    pub fn with_scheme(&self, scheme: &str) -> String {
        match self {
            Self::Tcp(address) => format!("{scheme}://{address}"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl Default for Listen {
    fn default() -> Self {
        let all = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT));
        Self {
            addresses: vec![all.into()],
            systemd_socket: false,
            probe_address: None,
        }
    }
}

/// Reads the three keys of the section `web`. The default replaces an invalid value, which is reported.
pub(super) fn read(section: &Section<'_>) -> Listen {
    let mut listen = Listen::default();
    let configured = section.get("listen_address");
    if let Some(addresses) = configured.as_ref().and_then(listen_addresses) {
        listen.addresses = addresses;
    }
    if let Some(node) = section.get("systemd_socket")
        && node.boolean() == Some(true)
    {
        if configured.is_some() {
            node.problem_with_hint("cannot be combined with `listen_address`", BOTH_HINT);
        }
        listen.systemd_socket = true;
        listen.addresses.clear();
    }
    if let Some(node) = section.get("probe_listen_address") {
        listen.probe_address = address(&node);
        let probes = listen.probe_address.iter();
        let conflict = probes
            .flat_map(|probe| listen.addresses.iter().map(move |main| (probe, main)))
            .find(|(probe, main)| probe.conflicts_with(main));
        if let Some((probe, main)) = conflict {
            node.problem_with_hint(
                format!("`{probe}` conflicts with the listen address `{main}`"),
                "choose another port for the probes",
            );
        }
    }
    listen
}

/// Reads one address or a list of them.
fn listen_addresses(node: &Node<'_>) -> Option<Vec<ListenAddress>> {
    let items = node.items_or_one()?;
    if items.is_empty() {
        node.problem("lists no addresses");
    }
    let mut addresses = Vec::new();
    for item in items {
        let Some(address) = address(&item) else {
            continue;
        };
        let is_any_port = address.tcp().is_some_and(|tcp| tcp.port() == 0);
        if !is_any_port && addresses.contains(&address) {
            item.problem(format!("`{address}` is listed twice"));
        } else if let Some(other) = addresses.iter().find(|other| overlap(other, &address)) {
            let message = format!("`{address}` and `{other}` overlap");
            item.problem_with_hint(message, OVERLAP_HINT);
        }
        addresses.push(address);
    }
    Some(addresses)
}

/// Reads one address.
fn address(node: &Node<'_>) -> Option<ListenAddress> {
    if let Some(port) = node.as_number() {
        node.problem_with_hint(
            "must be an address and port, is a number",
            format!("write `\":{port}\"`"),
        );
        return None;
    }
    if let Some(path) = node.text()?.strip_prefix(UNIX) {
        return socket_path(node, path).map(ListenAddress::Unix);
    }
    let hint = |text: &str| Some(format!("write `{}`", suggestion(text)?));
    node.parsed_or_hint(tcp_address, hint)
        .map(ListenAddress::Tcp)
}

/// Reads the path of a unix socket.
fn socket_path(node: &Node<'_>, text: &str) -> Option<PathBuf> {
    let wrong = |message: &str, hint: &str| {
        node.problem_with_hint(format!("`{UNIX}{}` {message}", quoted(text)), hint);
        None
    };
    // The form of URLs.
    let text = match text.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return wrong("has a host", "write `unix:` and the path of the socket"),
        None => text,
    };
    if text.starts_with(['@', '\0']) {
        return wrong(
            "is an abstract socket, which is not supported: no permissions protect it",
            "write the path of a file, such as `unix:/run/job-status-exporter.sock`",
        );
    }
    if text.is_empty() || text.ends_with('/') || text.contains('\0') {
        return wrong(
            "names no file",
            "write `unix:` and the path of the socket, such as `unix:/run/job-status-exporter.sock`",
        );
    }
    let path = node.file_path_at(text)?;
    let length = path.as_os_str().as_bytes().len();
    if length > MAX_SOCKET_PATH {
        return wrong(
            &format!("is too long: its path has {length} bytes"),
            &format!("the path of a unix socket has at most {MAX_SOCKET_PATH} bytes"),
        );
    }
    Some(path)
}

/// Parses a TCP address: `IP:PORT`, `localhost:PORT`, or `:PORT` for all interfaces.
fn tcp_address(text: &str) -> Result<SocketAddr, &'static str> {
    const INVALID: &str =
        "is not an IP address and port such as `0.0.0.0:9806`, `[::]:9806` or `:9806`";
    if text.starts_with("vsock:") {
        return Err("is an address of vsock, which is not supported");
    }
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

/// The valid address that is most like `text`, which [`tcp_address`] rejects: `localhost:9806` for `localhost`.
fn suggestion(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches('/');
    if text.starts_with('/') {
        return Some(format!("{UNIX}{text}"));
    }
    let text = match text.split_once("://") {
        Some(("vsock", _)) => return None,
        Some((_, address)) => address,
        None => text,
    };
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
        .find(|candidate| tcp_address(candidate).is_ok())
}

/// Whether one address includes the other, so that the system binds only one of them. IPv6 does not include IPv4 here: the
/// server binds `[::]` without IPv4 if an IPv4 address with the same port is listed too.
fn overlap(one: &ListenAddress, other: &ListenAddress) -> bool {
    let (Some(one), Some(other)) = (one.tcp(), other.tcp()) else {
        return false;
    };
    let is_all = [one.ip(), other.ip()].iter().any(IpAddr::is_unspecified);
    is_same_port(one, other) && is_all && one.is_ipv4() == other.is_ipv4()
}

/// Whether both have the same port, other than 0, for which the system chooses one.
fn is_same_port(one: SocketAddr, other: SocketAddr) -> bool {
    one.port() != 0 && one.port() == other.port()
}

#[cfg(test)]
mod tests;
