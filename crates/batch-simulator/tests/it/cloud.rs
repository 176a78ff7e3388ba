//! The simulated cloud for tests: its users, and its services on loopback.
//!
//! The tests of the exporter include this file, too.

use std::net::SocketAddr;

use batch_simulator::gateway::{Agency, Gateway, GatewayOptions, Service, User};
use tokio::{net::TcpListener, task::JoinSet};

/// A gateway with the user `exporter` of `acme`, whose password is `correct`, and the agency `readers` of `partner`.
pub(crate) fn gateway(options: GatewayOptions) -> Gateway {
    let gateway = Gateway::new(options).unwrap();
    gateway.add_user(User {
        domain: "acme".to_owned(),
        name: "exporter".to_owned(),
        password: "correct".to_owned(),
        agent_operator: true,
    });
    gateway.add_agency(Agency {
        domain: "partner".to_owned(),
        name: "readers".to_owned(),
    });
    gateway
}

/// Starts a service, which runs until `served` is dropped.
pub(crate) async fn serve(
    gateway: &Gateway,
    service: Service,
    served: &mut JoinSet<()>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = gateway
        .clone()
        .serve(service, listener, std::future::pending());
    served.spawn(serving);
    address
}
