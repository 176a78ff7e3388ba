//! The cluster of the `demo` command: the simulated API on a loopback port of the system's choice, and the life on it.

use std::{io, net::Ipv4Addr};

use tokio::net::TcpListener;

use crate::demo::api::{ApiOptions, SimulatedApi};

/// A simulated cluster that is reachable, but not yet alive.
pub(super) struct Simulation {
    listener: TcpListener,
    address: http::Uri,
    api: SimulatedApi,
}

impl Simulation {
    pub(super) async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = http::Uri::builder()
            .scheme("http")
            .authority(listener.local_addr()?.to_string())
            .path_and_query("/")
            .build()
            .map_err(io::Error::other)?;
        Ok(Self {
            listener,
            address,
            api: SimulatedApi::new(ApiOptions::default()),
        })
    }

    /// Where the API is.
    pub(super) fn address(&self) -> http::Uri {
        self.address.clone()
    }

    pub(super) async fn run(self) {
        self.api.serve(self.listener, std::future::pending()).await;
    }
}
