//! The network side of the gateway: connections, TLS, and what every request passes before and after its service.

use std::{convert::Infallible, future::Future, time::Duration};

use http::{HeaderValue, Request, Response, header::DATE, request::Parts};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use super::{
    Gateway, Service, cci,
    error::{ErrorBody, date_header},
    iam,
    identity::Credential,
    signature::ReceivedRequest,
};
use crate::{api::Body, connections};

/// The timeout of a TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The maximum size of a request body, as on the real gateway.
const MAX_BODY: usize = 12 << 20;

/// Serves one service until `shutdown`, which closes its listener and connections.
pub(super) async fn serve(
    gateway: Gateway,
    service: Service,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    let handle = |stream| connection(gateway.clone(), service, stream);
    connections::serve(listener, shutdown, handle).await;
}

async fn connection(gateway: Gateway, service: Service, stream: TcpStream) {
    if !service.uses_tls() {
        return exchange(&gateway, service, stream).await;
    }
    match timeout(HANDSHAKE_TIMEOUT, gateway.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => exchange(&gateway, service, stream).await,
        Ok(Err(error)) => tracing::debug!(%error, "simulated gateway: TLS handshake"),
        Err(_) => tracing::debug!("simulated gateway: TLS handshake timed out"),
    }
}

async fn exchange(
    gateway: &Gateway,
    service: Service,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) {
    let handler = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(respond(gateway, service, request).await)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), handler)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "simulated gateway: connection ended");
    }
}

/// Responds to one request and records it.
async fn respond(
    gateway: &Gateway,
    service: Service,
    request: Request<Incoming>,
) -> Response<Body> {
    let (at, now) = (Instant::now(), gateway.now());
    let id = format!("{:032x}", gateway.rng().u128(..));
    let (parts, body) = request.into_parts();
    let faults = gateway.faults();
    let intercepted = faults.intercept(service, parts.uri.path(), &id, now);
    let (credential, mut response) = if let Some(error) = intercepted {
        (Credential::None, error)
    } else {
        let (credential, result) = receive(gateway, service, &parts, body).await;
        (
            credential,
            result.unwrap_or_else(|error| error.response(&id)),
        )
    };
    faults.record(at, service, &parts, credential, response.status());
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    if let Some(date) = date_header(now) {
        headers.insert(DATE, date);
    }
    response
}

/// Reads the body of a request, and dispatches the request.
async fn receive(
    gateway: &Gateway,
    service: Service,
    parts: &Parts,
    body: Incoming,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        return (Credential::None, Err(too_large()));
    };
    let request = ReceivedRequest {
        method: &parts.method,
        uri: &parts.uri,
        headers: &parts.headers,
        body: &body.to_bytes(),
    };
    dispatch(gateway, service, request).await
}

async fn dispatch(
    gateway: &Gateway,
    service: Service,
    request: ReceivedRequest<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    match service {
        Service::Iam => iam::respond(gateway, request),
        Service::Cci => cci::respond(gateway, request).await,
        #[cfg(feature = "faults")]
        Service::Metadata => super::faults::respond_metadata(gateway, request),
    }
}

fn too_large() -> ErrorBody {
    ErrorBody::gateway(413, "APIGW.0201", "Request entity too large")
}

// === impl Service ===

impl Service {
    fn uses_tls(self) -> bool {
        matches!(self, Self::Iam | Self::Cci)
    }
}
