//! Sockets that serve the same pages, and the loop that accepts their connections.
//!
//! The main port and the probe port have nothing in common but the data: each has a connection limit and a reserve of file
//! descriptors of its own, so neither can use up those of the other.

use std::{os::fd::AsFd as _, time::Duration};

use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

use super::{
    accept::Acceptor,
    bind::{self, BindError, SystemdSockets},
    connection::Connection,
    connection_state::ConnectionState,
    connections::{Admission, Connections},
    descriptors::DescriptorReserve,
    listener::{Listener, Peer, Stream},
    router::Router,
    tls::TlsHandle,
};
use crate::config::ListenAddress;

/// Open sockets. Clients can connect and wait in the backlog until [`serve`](Self::serve).
#[derive(Debug)]
pub(super) struct Port {
    listeners: Vec<Listener>,
    /// The addresses of `listeners`, in the same order. Port 0 is replaced by the port that the system chose.
    addresses: Vec<ListenAddress>,
}

/// What a port serves, and how.
pub(super) struct PortSettings {
    pub(super) router: Router,
    /// `None` for plain HTTP.
    pub(super) tls: Option<TlsHandle>,
    pub(super) max_connections: usize,
    pub(super) shutdown_timeout: Duration,
}

impl Port {
    /// Binds all `addresses`. If one fails, none stays bound.
    pub(super) async fn bind(addresses: &[ListenAddress]) -> Result<Self, BindError> {
        let mut bound = Vec::with_capacity(addresses.len());
        for address in addresses {
            bound.extend(bind::bind(address, addresses).await?);
        }
        Ok(Self::new(bound))
    }

    pub(super) fn from_systemd(sockets: SystemdSockets) -> Result<Self, BindError> {
        Ok(Self::new(sockets.listeners()?))
    }

    fn new(bound: Vec<(Listener, ListenAddress)>) -> Self {
        let (listeners, addresses) = bound.into_iter().unzip();
        Self {
            listeners,
            addresses,
        }
    }

    pub(super) fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// Responds until `shutdown`. Then closes the sockets and lets open responses finish in time.
    pub(super) async fn serve(self, settings: PortSettings, shutdown: CancellationToken) {
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
            settings.start(&mut connections, admission, (stream, peer), &shutdown);
            // Its task reads the request, if there is one, before the next connection can make it give way.
            yield_now().await;
        }
        drop(acceptor);
        connections.drain(settings.shutdown_timeout).await;
    }
}

impl PortSettings {
    /// Starts the task of a connection.
    fn start(
        &self,
        connections: &mut Connections,
        admission: Admission,
        (stream, peer): (Stream, Peer),
        shutdown: &CancellationToken,
    ) {
        let state = ConnectionState::new();
        let connection = Connection {
            io: stream,
            peer,
            state: state.clone(),
            tls: self.tls.clone(),
            router: self.router.clone(),
            shutdown: shutdown.clone(),
        };
        match admission {
            Admission::Serve => connections.spawn(admission, state, connection.serve()),
            Admission::Reject => connections.spawn(admission, state, connection.reject()),
            Admission::Close => {}
        }
    }
}
