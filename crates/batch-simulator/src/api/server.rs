//! The HTTP side of the API: its connections, and the response to each request.

use std::{convert::Infallible, future::Future};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use super::{
    SimulatedApi,
    handler::{self, Body},
};
use crate::connections;

/// Serves until `shutdown`, which closes all connections.
pub(super) async fn serve(
    api: SimulatedApi,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    connections::serve(listener, shutdown, |stream| connection(api.clone(), stream)).await;
}

async fn connection(api: SimulatedApi, stream: TcpStream) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(respond(&api, &request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "simulated API: connection ended");
    }
}

/// Responds to one request.
pub(super) async fn respond<B>(
    api: &SimulatedApi,
    request: &hyper::Request<B>,
) -> hyper::Response<Body> {
    let _in_flight = api.faults().admit(request).await;
    handler::respond(api, request)
}
