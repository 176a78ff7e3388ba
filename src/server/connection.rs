//! Serves one connection: hyper with its limits, between a watched stream and the router.
//!
//! Invariant: a request that was read is answered in whole, also when shutdown begins meanwhile, unless its client is too slow.

use std::{convert::Infallible, future::ready, net::SocketAddr, pin::pin, time::Duration};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    body::{Content, Exchange},
    router::Router,
    timeouts::Watched,
};

/// For a request head; more is answered 431. It is also what hyper gathers of an answer before it writes, so a chunk of a scrape is
/// written before the next one is made.
const BUFFER_BYTES: usize = 16 * 1024;

/// A connection that is only told that there is no place must be quick: places for this are few.
const DECLINE_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers requests until the client closes, is too slow, or `shutdown` begins and the answer in flight is out.
pub(super) async fn serve<Io>(io: Io, peer: SocketAddr, router: Router, shutdown: CancellationToken)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    answer(io, peer, shutdown, |request| router.respond(request)).await;
}

/// Tells the client that there is no place for it, and closes.
pub(super) async fn decline<Io>(
    io: Io,
    peer: SocketAddr,
    router: Router,
    shutdown: CancellationToken,
) where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let declining = answer(io, peer, shutdown, |request| router.decline(request));
    if timeout(DECLINE_TIMEOUT, declining).await.is_err() {
        debug!(%peer, "cut a client that there was no place for");
    }
}

async fn answer<Io>(
    io: Io,
    peer: SocketAddr,
    shutdown: CancellationToken,
    respond: impl Fn(&Request<Incoming>) -> Response<Content>,
) where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    let stream = Watched::new(io, peer);
    let phase = stream.phase();
    // The body of a request is dropped unread, which makes hyper close the connection unless it is short.
    let service = service_fn(move |request: Request<Incoming>| {
        let exchange = Exchange::begin(phase.clone(), &request);
        ready(Ok::<_, Infallible>(exchange.answer(respond(&request))))
    });
    let connection = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        // `Watched` has the timeouts.
        .header_read_timeout(None)
        // A client may close its side when it has asked: `printf 'GET /metrics …' | nc` does.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Biased, so that a request which has arrived before shutdown is read before the connection counts as idle.
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        debug!(%peer, error = %describe(&error), "connection");
    }
}

/// hyper's errors say nothing without their sources.
fn describe(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
