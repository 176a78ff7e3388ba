//! Binds listen addresses: TCP ports here, unix sockets in `unix`. `systemd` takes sockets that are bound already.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket};
use tracing::{debug, info};

use super::listener::Listener;
use crate::config::ListenAddress;

mod systemd;
mod unix;

pub use systemd::{SystemdError, SystemdSockets};

/// Connections that wait to be accepted; the same as of `TcpListener::bind`.
const BACKLOG: u32 = 1024;

/// A listen address that cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there, or the address is configured twice.
    #[error("bind {0}: address already in use")]
    InUse(ListenAddress),
    /// The path of a unix socket is that of another file, which is not touched.
    #[error("bind unix:{}: there is a file that is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// Any other error of the operating system.
    #[error("bind {address}")]
    Refused {
        /// The configured address.
        address: ListenAddress,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
    /// The sockets of systemd cannot be used.
    #[error(transparent)]
    Systemd(#[from] SystemdError),
}

/// Binds `address`, one of `all`. Returns the listener and its address with the actual port; `None` if the others of `all`
/// are enough on this machine.
pub(super) async fn bind(
    address: &ListenAddress,
    all: &[ListenAddress],
) -> Result<Option<(Listener, ListenAddress)>, BindError> {
    match address {
        ListenAddress::Tcp(tcp) => {
            let all: Vec<_> = all.iter().filter_map(ListenAddress::tcp).collect();
            let bound = bind_tcp(*tcp, &all).await?;
            Ok(bound.map(|(listener, local)| (Listener::Tcp(listener), local.into())))
        }
        ListenAddress::Unix(path) => Ok(Some((unix::listen(path).await?, address.clone()))),
    }
}

async fn bind_tcp(
    address: SocketAddr,
    all: &[SocketAddr],
) -> Result<Option<(TcpListener, SocketAddr)>, BindError> {
    let bind_error = |source| BindError::new(address, source);
    let listener = match listen(address, is_ipv6_only(address, all)).await {
        Err(error) if ipv4_fallback(address, &error).is_some_and(|ipv4| all.contains(&ipv4)) => {
            info!(%error, %address, "IPv6 is not available");
            return Ok(None);
        }
        Err(error) if let Some(address) = ipv4_fallback(address, &error) => {
            debug!(%error, fallback = %address, "IPv6 is not available");
            TcpListener::bind(address).await
        }
        result => result,
    };
    let listener = listener.map_err(bind_error)?;
    let local = listener.local_addr().map_err(bind_error)?;
    Ok(Some((listener, local)))
}

/// Whether `[::]` must leave IPv4 to another address of `all`. By default it includes IPv4, and then the system refuses to bind
/// the other one.
fn is_ipv6_only(address: SocketAddr, all: &[SocketAddr]) -> bool {
    let is_ipv4 = |other: &SocketAddr| other.is_ipv4() && other.port() == address.port();
    address.ip() == Ipv6Addr::UNSPECIFIED && address.port() != 0 && all.iter().any(is_ipv4)
}

async fn listen(address: SocketAddr, ipv6_only: bool) -> io::Result<TcpListener> {
    if !ipv6_only {
        return TcpListener::bind(address).await;
    }
    let socket = TcpSocket::new_v6()?;
    SockRef::from(&socket).set_only_v6(true)?;
    // As `TcpListener::bind` does, so that a restarted process can bind again at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// `0.0.0.0` in place of `[::]` if the kernel has no IPv6. Without this, `:9806` fails on such a machine.
fn ipv4_fallback(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    // The matching `io::ErrorKind` is not stable yet.
    const EAFNOSUPPORT: i32 = 97;
    let no_ipv6 = error.raw_os_error() == Some(EAFNOSUPPORT)
        || error.kind() == io::ErrorKind::AddrNotAvailable;
    let unspecified = address.ip() == Ipv6Addr::UNSPECIFIED;
    (unspecified && no_ipv6).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

// === impl BindError ===

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        let address = address.into();
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            _ => Self::Refused { address, source },
        }
    }

    /// A way for the user to solve the problem.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse(_) => Some(
                "stop the process that listens there, or choose another address with --web.listen-address or --web.probe-listen-address",
            ),
            Self::NotASocket(_) => Some("remove the file, or choose another path"),
            Self::Refused { address, source } => match (address, source.kind()) {
                (ListenAddress::Unix(_), io::ErrorKind::NotFound) => {
                    Some("create the directory of the socket")
                }
                (ListenAddress::Unix(_), io::ErrorKind::PermissionDenied) => Some(
                    "the exporter needs permission to write to the directory of the socket, and to a socket that is there",
                ),
                (ListenAddress::Tcp(_), io::ErrorKind::PermissionDenied) => {
                    Some("ports below 1024 need a privilege; choose another port")
                }
                (_, io::ErrorKind::AddrNotAvailable) => Some(
                    "this machine does not have that address; use 0.0.0.0 or [::] to listen on all addresses",
                ),
                _ => None,
            },
            Self::Systemd(error) => error.hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ipv6_all_interfaces_means_those_of_ipv4() {
        let (unsupported, unavailable, in_use) = (97, 99, 98);
        let fallback = |address: &str, error| {
            let error = io::Error::from_raw_os_error(error);
            ipv4_fallback(address.parse().expect("an address"), &error)
                .map(|address| address.to_string())
        };
        for error in [unsupported, unavailable] {
            assert_eq!(
                fallback("[::]:9806", error).as_deref(),
                Some("0.0.0.0:9806")
            );
            assert_eq!(fallback("[::1]:9806", error), None);
            assert_eq!(fallback("192.0.2.1:9806", error), None);
        }
        assert_eq!(fallback("[::]:9806", in_use), None);
    }
}
