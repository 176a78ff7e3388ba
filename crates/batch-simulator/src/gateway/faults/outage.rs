//! Outages: a service that responds with 503, or whose listener is closed.

use std::{future::Future, net::SocketAddr, pin::Pin, time::Duration};

use tokio::{net::TcpListener, time::sleep};

use crate::gateway::{Gateway, Service, server};

/// The pause after a failed bind.
const BIND_PAUSE: Duration = Duration::from_millis(100);

/// The availability of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// The service works.
    #[default]
    Up,
    /// Every request gets 503.
    Unavailable,
    /// The listener and all connections are closed. New connections are refused.
    Refusing,
}

/// Serves until `shutdown`. Closes the listener while the service refuses connections.
pub(in crate::gateway) async fn serve(
    gateway: Gateway,
    service: Service,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let mut listener = Some(listener);
    while let Some(bound) = listener.take() {
        let mut stopped = false;
        let mut availability = gateway.faults().availability(service).subscribe();
        let end = async {
            tokio::select! {
                () = &mut shutdown => stopped = true,
                _ = availability.wait_for(|now| *now == Availability::Refusing) => {}
            }
        };
        server::serve(gateway.clone(), service, bound, end).await;
        if !stopped {
            listener = reopen(&gateway, service, address, shutdown.as_mut()).await;
        }
    }
}

/// Binds the address again at the end of the outage. `None` after `shutdown`.
async fn reopen(
    gateway: &Gateway,
    service: Service,
    address: SocketAddr,
    shutdown: Pin<&mut impl Future<Output = ()>>,
) -> Option<TcpListener> {
    let mut availability = gateway.faults().availability(service).subscribe();
    let bound = async {
        let _ = availability
            .wait_for(|now| *now != Availability::Refusing)
            .await;
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(error) => {
                    tracing::warn!(%error, %address, "simulated gateway: listen again");
                    sleep(BIND_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = shutdown => None,
        listener = bound => Some(listener),
    }
}
