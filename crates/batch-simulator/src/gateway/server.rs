//! The network side: connections, TLS, and what happens to every request before and after its service.
//!
//! One [`serve`] per service. Connections live in its `JoinSet`: none outlives it, nor a time in which the service refuses them.

use std::{convert::Infallible, future::Future, net::SocketAddr, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode, header::DATE};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{
    Availability, Gateway, Service, cci,
    error::{ErrorBody, date_header},
    iam,
    journal::{Credential, Visit},
    metadata,
    signature::Received,
};
use crate::api::Body;

/// How long to wait after a failed accept or bind, so that it does not spin.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The longest body that the real gateway takes.
const LONGEST_BODY: usize = 12 << 20;

pub(super) async fn serve(
    gateway: Gateway,
    service: Service,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    let Ok(address) = listener.local_addr() else {
        return;
    };
    let mut availability = gateway.availability(service).subscribe();
    let mut connections = JoinSet::new();
    let mut listener = Some(listener);
    tokio::pin!(shutdown);
    loop {
        let refusing = *availability.borrow_and_update() == Availability::Refusing;
        if refusing && listener.take().is_some() {
            connections.shutdown().await;
        }
        if !refusing && listener.is_none() {
            listener = bind(address).await;
        }
        tokio::select! {
            () = &mut shutdown => break,
            _ = availability.changed() => {}
            Some(_) = connections.join_next() => {}
            Some(stream) = accept(listener.as_ref()) => {
                connections.spawn(connection(gateway.clone(), service, stream));
            }
        }
    }
    connections.shutdown().await;
}

/// The same address again, as soon as it can be had.
async fn bind(address: SocketAddr) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%error, %address, "simulated gateway: listen again");
            sleep(PAUSE).await;
            None
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener?.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::warn!(%error, "simulated gateway: accept connection");
            sleep(PAUSE).await;
            None
        }
    }
}

async fn connection(gateway: Gateway, service: Service, stream: TcpStream) {
    if service == Service::Metadata {
        return exchange(&gateway, service, stream).await;
    }
    match timeout(HANDSHAKE, gateway.acceptor().accept(stream)).await {
        Ok(Ok(stream)) => exchange(&gateway, service, stream).await,
        Ok(Err(error)) => tracing::debug!(%error, "simulated gateway: TLS handshake"),
        Err(_) => tracing::debug!("simulated gateway: TLS handshake took too long"),
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

/// Answers one request and notes it.
async fn respond(
    gateway: &Gateway,
    service: Service,
    request: Request<Incoming>,
) -> Response<Body> {
    let at = Instant::now();
    let id = format!("{:032x}", gateway.rng().u128(..));
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let (credential, answer) = match intercept(gateway, service, path) {
        Some(error) => (Credential::None, Err(error)),
        None => match Limited::new(body, LONGEST_BODY).collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                let received = Received {
                    method: &parts.method,
                    uri: &parts.uri,
                    headers: &parts.headers,
                    body: &body,
                };
                dispatch(gateway, service, received).await
            }
            Err(_) => (Credential::None, Err(too_large())),
        },
    };
    let now = gateway.now();
    let mut response = answer.unwrap_or_else(|error| error.response(&id, now));
    gateway.journal().note(Visit {
        at,
        service,
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        credential,
        status: response.status().as_u16(),
    });
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert("x-request-id", id);
    }
    if let Some(date) = date_header(now) {
        headers.insert(DATE, date);
    }
    response
}

/// What stands before the service: it is away, or a test wants it to fail.
fn intercept(gateway: &Gateway, service: Service, path: &str) -> Option<ErrorBody> {
    if *gateway.availability(service).borrow() == Availability::Unavailable {
        let status = StatusCode::SERVICE_UNAVAILABLE.as_u16();
        let title = "Service Unavailable";
        return Some(match service {
            Service::Iam => ErrorBody::iam(status, title, "The service is unavailable."),
            Service::Cci | Service::Metadata => {
                let message = "the server is currently unable to handle the request";
                ErrorBody::kubernetes(status, "ServiceUnavailable", message)
            }
        });
    }
    gateway.faults().strike(service, path)
}

async fn dispatch(
    gateway: &Gateway,
    service: Service,
    request: Received<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    match service {
        Service::Iam => iam::answer(gateway, request),
        Service::Cci => cci::answer(gateway, request).await,
        Service::Metadata => metadata::answer(gateway, request),
    }
}

fn too_large() -> ErrorBody {
    ErrorBody::gateway(413, "APIGW.0201", "Request entity too large")
}
