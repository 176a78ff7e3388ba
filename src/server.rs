//! The HTTP server for `/metrics`, `/livez`, `/readyz` and `/`.
//!
//! [`Server::bind`] opens the ports, so that a port in use is reported before anything else starts. [`Server::serve`] responds
//! until shutdown and then drains. The pages read their data through [`PageData`]. A request passes these modules:
//!
//! ```text
//! accept ──► connections ──► connection (tls and http2, over timeouts) ──► router (asks access) ──► pages ──► body
//! ```
//!
//! Every resource that a client can hold is bounded: connections, handshakes, requests at once, header
//! bytes, scrapes, one chunk of each, and the time for each.

use std::{net::SocketAddr, os::fd::AsFd as _, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    task::yield_now,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::WebConfig;

mod accept;
mod access;
mod active_request;
mod bind;
mod body;
mod connection;
mod connection_state;
mod connections;
mod data;
mod descriptors;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod http2;
mod lifecycle;
mod negotiation;
mod pages;
mod query;
pub mod readiness;
mod response;
mod router;
mod scrape_limit;
mod timeouts;
pub mod tls;

pub use access::{Access, AccessError, AccessHandle, AccessSettings, KubernetesAuthSettings};
pub use bind::BindError;
pub use data::{Chunks, ExporterData, PageData};
pub use lifecycle::{ReloadHandle, ReloadOutcome, ReloadRequest, ReloadRequests};
pub use tls::{PreparedTls, TlsError, TlsHandle};

use accept::Acceptor;
use connection::Connection;
use connection_state::ConnectionState;
use connections::{Admission, Connections};
use descriptors::DescriptorReserve;
use router::Router;

/// Minimum time between two warnings about the same problem.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Settings of the server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Path of the metrics. It wins over a page with the same path.
    pub telemetry_path: String,
    /// Maximum of connections that are served at once, idle ones included. An idle or slow one gives way to a new one; if all
    /// are busy, the new one gets 503.
    pub max_connections: usize,
    /// Maximum time from the start of shutdown until open connections are closed.
    pub shutdown_timeout: Duration,
    /// TLS on all ports. `None` for plain HTTP.
    pub tls: Option<TlsHandle>,
    /// Who may look. It can be replaced while the server runs.
    pub access: AccessHandle,
    /// Where `POST /-/reload` goes. `None` if it is not enabled.
    pub reload: Option<ReloadHandle>,
}

/// A server whose ports are open. Clients can connect and wait in the backlog until [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    /// The addresses of `listeners`, in the same order. Port 0 is replaced by the port that the system chose.
    addresses: Vec<SocketAddr>,
}

/// What each connection gets a clone of.
struct Services {
    router: Router,
    tls: Option<TlsHandle>,
    shutdown: CancellationToken,
}

// === impl ServerSettings ===

impl ServerSettings {
    /// The server's part of the configuration section `web`, without TLS. Access is open: both depend on more than this section.
    #[must_use]
    pub fn from_config(web: &WebConfig) -> Self {
        Self {
            telemetry_path: web.telemetry_path.clone(),
            max_connections: web.max_connections,
            shutdown_timeout: web.shutdown_timeout,
            tls: None,
            access: AccessHandle::default(),
            reload: None,
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
        let services = Services {
            router: Router::new(data, &settings),
            tls: settings.tls,
            shutdown: shutdown.clone(),
        };
        let mut connections = Connections::new(settings.max_connections);
        let reserve = self.listeners.first().map(|any| any.as_fd());
        let reserve = reserve.map(DescriptorReserve::new).unwrap_or_default();
        let mut acceptor = Acceptor::new(self.listeners, reserve);
        loop {
            let has_room = !connections.must_wait();
            let accepted = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some(()) = connections.next_end() => continue,
                accepted = acceptor.accept(), if has_room => accepted,
            };
            let Some((stream, peer)) = accepted else {
                connections.make_room();
                continue;
            };
            let admission = connections.admit(peer, acceptor.is_short_of_descriptors());
            services.start(&mut connections, admission, stream, peer);
            // Its task reads the request, if there is one, before the next connection can make it give way.
            yield_now().await;
        }
        drop(acceptor);
        connections.drain(settings.shutdown_timeout).await;
    }
}

// === impl Services ===

impl Services {
    fn start(
        &self,
        connections: &mut Connections,
        admission: Admission,
        stream: TcpStream,
        peer: SocketAddr,
    ) {
        // With Nagle's algorithm, the last small segment of a response can wait for the client's delayed acknowledgement.
        let _ = stream.set_nodelay(true);
        let state = ConnectionState::new();
        let connection = Connection {
            io: stream,
            peer,
            state: state.clone(),
            tls: self.tls.clone(),
            router: self.router.clone(),
            shutdown: self.shutdown.clone(),
        };
        match admission {
            Admission::Serve => connections.spawn(admission, state, connection.serve()),
            Admission::Reject => connections.spawn(admission, state, connection.reject()),
            Admission::Close => {}
        }
    }
}

#[cfg(test)]
mod tests;
