//! The HTTP server for `/metrics`, `/probe`, `/livez`, `/readyz`, the pages at `/` and the JSON API at `/api/v1`.
//!
//! [`Server::bind`] opens the sockets, so that an address in use is reported before anything else starts. [`Server::serve`]
//! responds until shutdown and then drains. The pages read their data through [`PageData`]. A port that serves probes alone can
//! be beside the main one. On each `port`, a request passes these modules:
//!
//! ```text
//! accept (listener) ──► connections ──► connection (tls and http2, over timeouts) ──► router (asks access) ──► pages or views ──► body
//! ```
//!
//! `pages` are for machines, and made on the task of the connection. `views` are for people and scripts: `html` and `api`, made on
//! blocking threads.
//!
//! Every resource that a client can hold is bounded: connections, handshakes, requests at once, header
//! bytes, scrapes, one chunk of each, and the time for each.

use std::{slice, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::config::{ListenAddress, WebConfig};

mod accept;
mod access;
mod active_request;
pub mod api;
mod bind;
mod body;
mod connection;
mod connection_state;
mod connections;
mod data;
mod descriptors;
mod exporter_facts;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod gzip;
mod html;
mod http2;
mod job_probe;
mod lifecycle;
mod listener;
mod negotiation;
mod pages;
mod port;
mod prefix;
mod query;
pub mod readiness;
mod response;
mod router;
mod scrape_limit;
mod timeouts;
pub mod tls;
mod views;
mod workload_path;

pub use access::{Access, AccessError, AccessHandle, AccessSettings, KubernetesAuthSettings};
pub use bind::{BindError, SystemdError, SystemdSockets};
pub use data::{Chunks, CompressedChunks, ExporterData, PageData};
pub use exporter_facts::{ExporterFacts, ExporterRecord, LoadedConfig, ReloadReport};
pub use job_probe::{ProbeError, ProbeRequest, ProbeTarget, Prober, TargetProber};
pub use lifecycle::{ReloadHandle, ReloadOutcome, ReloadRequest, ReloadRequests};
pub use tls::{PreparedTls, TlsError, TlsHandle};

use port::{Port, PortSettings};
use router::Router;

/// Minimum time between two warnings about the same problem.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Maximum of connections of the probe port that are served at once. Each kubelet has one or two.
const PROBE_CONNECTIONS: usize = 16;

/// Settings of the server.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Path of the metrics. It wins over a page with the same path.
    pub telemetry_path: String,
    /// What precedes all paths but those on the port for probes: empty, or a path with a leading and no trailing slash.
    pub route_prefix: String,
    /// The address at which users see the server, without a trailing slash; `None` if it is not known.
    pub external_url: Option<String>,
    /// Maximum of connections that are served at once, idle ones included. An idle or slow one gives way to a new one; if all
    /// are busy, the new one gets 503.
    pub max_connections: usize,
    /// Maximum time from the start of shutdown until open connections are closed.
    pub shutdown_timeout: Duration,
    /// TLS on all addresses but that of probes. `None` for plain HTTP.
    pub tls: Option<TlsHandle>,
    /// Who may look; at probes on their own port, everybody. It can be replaced while the server runs.
    pub access: AccessHandle,
    /// Where `POST /-/reload` goes. `None` if it is not enabled.
    pub reload: Option<ReloadHandle>,
    /// Polls Jobs for `/probe`. `None` for no such path.
    pub prober: Option<Arc<dyn Prober>>,
}

/// A server whose sockets are open. Clients can connect and wait in the backlog until [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    main: Port,
    /// Serves probes alone.
    probes: Option<Port>,
}

// === impl ServerSettings ===

impl ServerSettings {
    /// The server's part of the configuration section `web`, without TLS. Access is open: both depend on more than this section.
    #[must_use]
    pub fn from_config(web: &WebConfig) -> Self {
        Self {
            telemetry_path: web.telemetry_path.clone(),
            route_prefix: web.route_prefix.clone(),
            external_url: web.external_url.clone(),
            max_connections: web.max_connections,
            shutdown_timeout: web.shutdown_timeout,
            tls: None,
            access: AccessHandle::default(),
            reload: None,
            prober: None,
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
    /// the same port. The file of a unix socket is removed when the server stops listening.
    pub async fn bind(addresses: &[ListenAddress]) -> Result<Self, BindError> {
        Ok(Self {
            main: Port::bind(addresses).await?,
            probes: None,
        })
    }

    /// Listens on sockets that systemd opened. Call it in a tokio runtime.
    pub fn from_systemd(sockets: SystemdSockets) -> Result<Self, BindError> {
        Ok(Self {
            main: Port::from_systemd(sockets)?,
            probes: None,
        })
    }

    /// Binds one more address, which serves `/livez` and `/readyz` alone: in plain HTTP, for everybody, and with a connection limit
    /// of its own.
    pub async fn with_probes(self, address: &ListenAddress) -> Result<Self, BindError> {
        let probes = Port::bind(slice::from_ref(address)).await?;
        Ok(Self {
            probes: Some(probes),
            ..self
        })
    }

    /// The addresses that the server listens on, without that of probes.
    #[must_use]
    pub fn local_addrs(&self) -> &[ListenAddress] {
        self.main.addresses()
    }

    /// The address that serves probes alone, if there is one.
    #[must_use]
    pub fn probe_addr(&self) -> Option<&ListenAddress> {
        self.probes.as_ref()?.addresses().first()
    }

    /// Responds until `shutdown`. Then closes the sockets, lets open responses finish within
    /// [`ServerSettings::shutdown_timeout`], and returns. A panic in a page ends only its own connection.
    pub async fn serve(
        self,
        data: Arc<dyn PageData>,
        settings: ServerSettings,
        shutdown: CancellationToken,
    ) {
        self.log(settings.tls.is_some());
        let probes = PortSettings {
            router: Router::for_probes(data.clone()),
            tls: None,
            max_connections: PROBE_CONNECTIONS,
            shutdown_timeout: settings.shutdown_timeout,
        };
        let main = PortSettings {
            router: Router::new(data, &settings),
            tls: settings.tls,
            max_connections: settings.max_connections,
            shutdown_timeout: settings.shutdown_timeout,
        };
        let serve_probes = async {
            if let Some(port) = self.probes {
                port.serve(probes, shutdown.clone()).await;
            }
        };
        tokio::join!(self.main.serve(main, shutdown.clone()), serve_probes);
    }

    fn log(&self, is_tls: bool) {
        let scheme = if is_tls { "https" } else { "http" };
        for address in self.local_addrs() {
            info!(address = address.with_scheme(scheme), "listening");
        }
        if let Some(address) = self.probe_addr() {
            info!(
                address = address.with_scheme("http"),
                "listening for probes"
            );
        }
    }
}

#[cfg(test)]
mod tests;
