//! Serves one connection with hyper.
//!
//! A request that was read gets its complete response, also when shutdown begins in between, unless its client is too slow.

use std::{convert::Infallible, net::SocketAddr, pin::pin, time::Duration};

use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    active_request::ActiveRequest, body::Body, connection_state::ConnectionState, router::Router,
    timeouts::TimedStream,
};

/// Maximum size of a request head; a larger one gets 431. hyper also buffers this much of a response before it writes, so it
/// writes a chunk of a scrape before it asks for the next one.
const BUFFER_BYTES: usize = 16 * 1024;

/// Maximum time to reject a connection. It is short because few connections can be rejected at once.
const REJECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection before it is served.
pub(super) struct Connection<Io> {
    pub(super) io: Io,
    pub(super) peer: SocketAddr,
    pub(super) state: ConnectionState,
    pub(super) router: Router,
    pub(super) shutdown: CancellationToken,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Connection<Io> {
    /// Responds to requests until the client closes the connection or is too slow, until the connection is evicted, or until
    /// `shutdown` begins and the current response is sent.
    pub(super) async fn serve(self) {
        self.run(false).await;
    }

    /// Responds that the server is full, and closes the connection.
    pub(super) async fn reject(self) {
        let peer = self.peer;
        if timeout(REJECT_TIMEOUT, self.run(true)).await.is_err() {
            debug!(%peer, "closed a rejected connection that sent no request in time");
        }
    }

    async fn run(self, full: bool) {
        let (peer, state) = (self.peer, self.state.clone());
        let stream = TimedStream::new(self.io, peer, state.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            // hyper closes the connection when a body is dropped unread, unless the body is short.
            let request = request.map(drop);
            let (router, state) = (self.router.clone(), self.state.clone());
            async move {
                let active = ActiveRequest::start(state.clone(), &request);
                let response = if full {
                    router.respond_when_full(&request).await
                } else {
                    router.respond(&request, &state).await
                };
                Ok::<_, Infallible>(Body::wrap(active, response))
            }
        });
        let connection = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            // `TimedStream` has the timeouts.
            .header_read_timeout(None)
            // A client may close its side after its request, as `printf 'GET /metrics …' | nc` does.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        // Biased, so that a request that arrived before shutdown is read before the connection counts as idle.
        let served = async {
            tokio::select! {
                biased;
                result = connection.as_mut() => result,
                () = self.shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        };
        tokio::select! {
            biased;
            result = served => {
                if let Err(error) = result {
                    debug!(%peer, error = %with_source(&error), "connection failed");
                }
            }
            () = state.evicted() => debug!(%peer, "closed a connection in favour of another one"),
        }
    }
}

/// The message of a hyper error does not contain its cause.
fn with_source(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
