//! The server for `/metrics`, `/livez`, `/readyz` and `/`.
//!
//! [`Server::bind`] takes the ports, so that a port in use is known before anything else starts; [`Server::serve`] answers
//! until shutdown, then drains. What is shown comes through [`Pages`], which `metrics`, `store` and `readiness` stand
//! behind; nothing of hyper is in this interface. Inside, a connection goes one way:
//!
//! ```text
//! accept ──► admission ──► connection (watched stream) ──► router (negotiation) ──► pages ──► body (gzip)
//! ```
//!
//! Everything a client can make us hold is bounded: connections, header bytes, one chunk of a scrape, and the time for each.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

mod accept;
mod body;
mod connection;
mod connection_limit;
mod gzip;
mod landing;
mod negotiation;
mod pages;
mod query;
pub mod readiness;
mod router;
mod timeouts;

pub use pages::{Chunks, ExporterPages, Pages, TargetLine};

use accept::Acceptor;
use connection_limit::{Admission, ConnectionLimit};
use router::Router;

/// What an operator may want to set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Path of the metrics. It wins over the landing page if it is `/`.
    pub telemetry_path: String,
    /// Connections served at once; idle ones count. Further ones are told 503.
    pub max_connections: usize,
    /// How long answers in flight may take from shutdown on.
    pub drain: Duration,
}

/// Ports taken, nothing answered yet. Clients that connect already wait in the backlog.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    /// Of the same order; with the port the system chose where port 0 was asked for.
    addresses: Vec<SocketAddr>,
}

/// A listen address that cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there, or the address was given twice.
    #[error("bind {0}: address already in use")]
    InUse(SocketAddr),
    /// Anything else the system says.
    #[error("bind {address}")]
    Refused {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

// === impl Settings ===

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            telemetry_path: "/metrics".to_owned(),
            max_connections: 128,
            drain: Duration::from_secs(10),
        }
    }
}

// === impl Server ===

impl Server {
    /// Takes all `addresses`, or none.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        let mut server = Self {
            listeners: Vec::with_capacity(addresses.len()),
            addresses: Vec::with_capacity(addresses.len()),
        };
        for &address in addresses {
            let refused = |source| BindError::new(address, source);
            let listener = match TcpListener::bind(address).await {
                Err(error) if let Some(address) = without_ipv6(address, &error) => {
                    debug!(%error, instead = %address, "there is no IPv6 here");
                    TcpListener::bind(address).await
                }
                bound => bound,
            };
            let listener = listener.map_err(refused)?;
            server
                .addresses
                .push(listener.local_addr().map_err(refused)?);
            server.listeners.push(listener);
        }
        Ok(server)
    }

    /// Where it listens.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Answers until `shutdown`, then closes the ports, lets the answers in flight finish within [`ServerSettings::drain`], and
    /// returns. A panic while answering costs that connection only.
    pub async fn serve(
        self,
        pages: Arc<dyn Pages>,
        settings: ServerSettings,
        shutdown: CancellationToken,
    ) {
        for address in &self.addresses {
            info!(%address, "listening");
        }
        let router = Router::new(pages, settings.telemetry_path);
        let mut limit = ConnectionLimit::new(settings.max_connections);
        let mut acceptor = Acceptor::new(self.listeners);
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(ended) = connections.join_next() => {
                    report(ended);
                    continue;
                }
                accepted = acceptor.accept() => accepted,
            };
            // Otherwise the last, small part of an answer can wait for the client's delayed acknowledgement.
            let _ = stream.set_nodelay(true);
            let router = router.clone();
            let shutdown = shutdown.clone();
            match limit.admit(peer) {
                Admission::Served(place) => connections.spawn(async move {
                    connection::serve(stream, peer, router, shutdown).await;
                    drop(place);
                }),
                Admission::Overflow(place) => connections.spawn(async move {
                    connection::decline(stream, peer, router, shutdown).await;
                    drop(place);
                }),
                Admission::Closed => continue,
            };
        }
        drop(acceptor);
        drain(connections, settings.drain).await;
    }
}

/// What to bind where the kernel has no IPv6: "all interfaces" are then those of IPv4. `:9806` would else fail on such a machine.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    // The kind that it has in the standard library is not stable yet.
    const EAFNOSUPPORT: i32 = 97;
    let no_ipv6 = error.raw_os_error() == Some(EAFNOSUPPORT)
        || error.kind() == io::ErrorKind::AddrNotAvailable;
    let everywhere = address.ip() == Ipv6Addr::UNSPECIFIED;
    (everywhere && no_ipv6).then(|| (Ipv4Addr::UNSPECIFIED, address.port()).into())
}

async fn drain(mut connections: JoinSet<()>, deadline: Duration) {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(deadline, all).await.is_err() {
        warn!(
            connections = connections.len(),
            seconds = deadline.as_secs_f64(),
            "cut connections that did not finish before the drain deadline"
        );
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection ended in a panic");
    }
}

// === impl BindError ===

impl BindError {
    fn new(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            _ => Self::Refused { address, source },
        }
    }

    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse(_) => {
                Some("stop what listens there, or choose another port with --web.listen-address")
            }
            Self::Refused { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Some(
                    "ports below 1024 need a privilege; choose another with --web.listen-address",
                ),
                io::ErrorKind::AddrNotAvailable => Some(
                    "this machine has no such address; 0.0.0.0 or [::] in --web.listen-address means all of them",
                ),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests;
