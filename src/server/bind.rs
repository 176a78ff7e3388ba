//! Binds listen addresses.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::TcpListener;
use tracing::debug;

/// A listen address that cannot be bound.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there, or the address is configured twice.
    #[error("bind {0}: address already in use")]
    InUse(SocketAddr),
    /// Any other error of the operating system.
    #[error("bind {address}")]
    Refused {
        /// The configured address.
        address: SocketAddr,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

/// Binds `address`. Returns the listener and its address with the actual port.
pub(super) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let bind_error = |source| BindError::new(address, source);
    let listener = match TcpListener::bind(address).await {
        Err(error) if let Some(address) = ipv4_fallback(address, &error) => {
            debug!(%error, fallback = %address, "IPv6 is not available");
            TcpListener::bind(address).await
        }
        result => result,
    };
    let listener = listener.map_err(bind_error)?;
    let local = listener.local_addr().map_err(bind_error)?;
    Ok((listener, local))
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
                "stop the process that listens there, or choose another port with --web.listen-address",
            ),
            Self::Refused { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some(
                    "ports below 1024 need a privilege; choose another port with --web.listen-address",
                ),
                io::ErrorKind::AddrNotAvailable => Some(
                    "this machine does not have that address; use 0.0.0.0 or [::] in --web.listen-address to listen on all addresses",
                ),
                _ => None,
            },
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
