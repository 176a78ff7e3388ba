//! The HTTP side: accepts connections on a listener that is given, and ends them all on shutdown.
//!
//! Connections live in a `JoinSet` of [`serve`]: none outlives it.

use std::{
    convert::Infallible,
    future::Future,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use super::{
    SimulatedApi,
    answer::{self, Body},
};

/// How long to wait after a failed accept, so that a lack of file handles does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Counts a request as running while it is in scope.
struct Running<'a>(&'a AtomicUsize);

pub(super) async fn serve(
    api: SimulatedApi,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) {
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(api.clone(), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "simulated API: accept connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    connections.shutdown().await;
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

/// Answers one request after the latency of this API.
pub(super) async fn respond<B>(
    api: &SimulatedApi,
    request: &hyper::Request<B>,
) -> hyper::Response<Body> {
    api.note(request);
    if answer::is_watch(request) {
        return answer::answer(api, request);
    }
    let _running = Running::begin(api);
    if let Some(latency) = api.options().latency {
        tokio::time::sleep(latency).await;
    }
    answer::answer(api, request)
}

// === impl Running ===

impl<'a> Running<'a> {
    fn begin(api: &'a SimulatedApi) -> Self {
        let running = &api.shared.running;
        let now = running.fetch_add(1, Ordering::Relaxed) + 1;
        api.shared.most_running.fetch_max(now, Ordering::Relaxed);
        Self(running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
