//! The HTTP server for `/metrics`, `/livez`, `/readyz` and `/`.
//!
//! [`Server::bind`] opens the ports, so that a port in use is reported before anything else starts. [`Server::serve`] responds
//! until shutdown and then drains. The pages read their data through [`PageData`]. A request passes these modules:
//!
//! ```text
//! accept ──► connection_limit ──► connection (over timeouts) ──► router ──► pages ──► body
//! ```
//!
//! Every resource that a client can hold is bounded: connections, header bytes, one chunk of a scrape, and the time for each.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::WebConfig;

mod accept;
mod active_request;
mod bind;
mod body;
mod connection;
mod connection_limit;
mod data;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod negotiation;
mod pages;
mod query;
pub mod readiness;
mod response;
mod router;
mod timeouts;

pub use bind::BindError;
pub use data::{Chunks, ExporterData, PageData};

use accept::Acceptor;
use connection_limit::{AdmissionDecision, ConnectionLimit};
use router::Router;

/// Settings of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSettings {
    /// Path of the metrics. It wins over a page with the same path.
    pub telemetry_path: String,
    /// Maximum of connections that are served at once, idle ones included. Further connections get 503.
    pub max_connections: usize,
    /// Maximum time from the start of shutdown until open connections are closed.
    pub shutdown_timeout: Duration,
}

/// A server whose ports are open. Clients can connect and wait in the backlog until [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    /// The addresses of `listeners`, in the same order. Port 0 is replaced by the port that the system chose.
    addresses: Vec<SocketAddr>,
}

// === impl ServerSettings ===

impl ServerSettings {
    /// The server's part of the configuration section `web`.
    #[must_use]
    pub fn from_config(web: &WebConfig) -> Self {
        Self {
            telemetry_path: web.telemetry_path.clone(),
            max_connections: web.max_connections,
            shutdown_timeout: web.shutdown_timeout,
        }
    }
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self::from_config(&WebConfig::default())
    }
}

// === impl Server ===

impl Server {
    /// Binds all `addresses`. If one fails, none stays bound. `[::]` includes IPv4, unless `addresses` has an IPv4 address with
    /// the same port.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, BindError> {
        let mut server = Self {
            listeners: Vec::with_capacity(addresses.len()),
            addresses: Vec::with_capacity(addresses.len()),
        };
        for &address in addresses {
            if let Some((listener, address)) = bind::bind(address, addresses).await? {
                server.listeners.push(listener);
                server.addresses.push(address);
            }
        }
        Ok(server)
    }

    /// The addresses that the server listens on.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Responds until `shutdown`. Then closes the ports, lets open responses finish within
    /// [`ServerSettings::shutdown_timeout`], and returns. A panic in a page ends only its own connection.
    pub async fn serve(
        self,
        data: Arc<dyn PageData>,
        settings: ServerSettings,
        shutdown: CancellationToken,
    ) {
        for address in &self.addresses {
            info!(%address, "listening");
        }
        let router = Router::new(data, settings.telemetry_path);
        let mut limit = ConnectionLimit::new(settings.max_connections);
        let mut acceptor = Acceptor::new(self.listeners);
        let mut connections = JoinSet::new();
        loop {
            let (stream, peer) = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(result) = connections.join_next() => {
                    log_panic(result);
                    continue;
                }
                accepted = acceptor.accept() => accepted,
            };
            let decision = limit.decide(peer);
            start_connection(&mut connections, decision, stream, peer, &router, &shutdown);
        }
        drop(acceptor);
        drain(connections, settings.shutdown_timeout).await;
    }
}

fn start_connection(
    connections: &mut JoinSet<()>,
    decision: AdmissionDecision,
    stream: TcpStream,
    peer: SocketAddr,
    router: &Router,
    shutdown: &CancellationToken,
) {
    // With Nagle's algorithm, the last small segment of a response can wait for the client's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let (router, shutdown) = (router.clone(), shutdown.clone());
    match decision {
        AdmissionDecision::Serve(permit) => {
            connections.spawn(async move {
                connection::serve(stream, peer, router, shutdown).await;
                drop(permit);
            });
        }
        AdmissionDecision::Reject(permit) => {
            connections.spawn(async move {
                connection::reject(stream, peer, router, shutdown).await;
                drop(permit);
            });
        }
        AdmissionDecision::Close => {}
    }
}

/// Waits until all connections end, and aborts those that are left after `deadline`.
async fn drain(mut connections: JoinSet<()>, deadline: Duration) {
    let all = async {
        while let Some(result) = connections.join_next().await {
            log_panic(result);
        }
    };
    if timeout(deadline, all).await.is_err() {
        warn!(
            connections = connections.len(),
            seconds = deadline.as_secs_f64(),
            "closed connections that did not finish within the shutdown timeout"
        );
        connections.shutdown().await;
    }
}

fn log_panic(result: Result<(), JoinError>) {
    if let Err(error) = result {
        error!(%error, "a connection panicked");
    }
}

#[cfg(test)]
mod tests;
