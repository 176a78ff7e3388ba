//! Serves one connection with hyper.
//!
//! A request that was read gets its complete response, also when shutdown begins in between, unless its client is too slow.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    time::Duration,
};

use http::{Method, Request, Response};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    active_request::ActiveRequest,
    body::Body,
    connection_state::{ConnectionState, Phase},
    http2::{self, StreamTasks},
    listener::Peer,
    response::without_body,
    router::Router,
    timeouts::TimedStream,
    tls::{TlsHandle, handshake::Handshaken},
};

/// Maximum size of a request head; a larger one gets 431. hyper also buffers this much of a response before it writes, so it
/// writes a chunk of a scrape before it asks for the next one.
pub(super) const BUFFER_BYTES: usize = 16 * 1024;

/// Maximum time to reject a connection. It is short because few connections can be rejected at once.
const REJECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Maximum time that a client of HTTP/2 without open requests has to confirm a shutdown.
const GOAWAY_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection before it is served.
pub(super) struct Connection<Io> {
    pub(super) io: Io,
    pub(super) peer: Peer,
    pub(super) state: ConnectionState,
    /// `None` for plain HTTP.
    pub(super) tls: Option<TlsHandle>,
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
        tokio::select! {
            biased;
            () = self.run_to_end(full) => {}
            () = state.evicted() => debug!(%peer, "closed a connection in favour of another one"),
        }
    }

    async fn run_to_end(self, full: bool) {
        let stream = TimedStream::new(self.io, self.peer, self.state.clone());
        let server = HttpServer {
            peer: self.peer,
            state: self.state,
            router: self.router,
            full,
            shutdown: self.shutdown,
        };
        let Some(tls) = self.tls else {
            return server.serve_http1(stream).await;
        };
        let handshake = tls.accept(stream, server.peer, &server.state);
        // Biased, so that a handshake that is complete before shutdown leads to its request.
        let handshaken = tokio::select! {
            biased;
            handshaken = handshake => handshaken,
            () = server.shutdown.cancelled() => None,
        };
        match handshaken {
            Some(Handshaken { stream, is_http2 }) if is_http2 => server.serve_http2(stream).await,
            Some(Handshaken { stream, .. }) => server.serve_http1(stream).await,
            None => {}
        }
    }
}

/// A connection that speaks HTTP from now on.
struct HttpServer {
    peer: Peer,
    state: ConnectionState,
    router: Router,
    /// Whether the connection is beyond the limit.
    full: bool,
    shutdown: CancellationToken,
}

impl HttpServer {
    async fn serve_http1(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let connection = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES)
            // `TimedStream` has the timeouts.
            .header_read_timeout(None)
            // A client may close its side after its request, as `printf 'GET /metrics …' | nc` does.
            .half_close(true)
            .serve_connection(
                TokioIo::new(stream),
                service(
                    self.router.clone(),
                    self.state.clone(),
                    self.full,
                    CancellationToken::new(),
                ),
            );
        let mut connection = pin!(connection);
        // Biased, so that a request that arrived before shutdown is read before the connection counts as idle.
        let result = tokio::select! {
            biased;
            result = connection.as_mut() => result,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        self.log(result);
    }

    /// As HTTP/1, and one difference: a client learns by a message that no further request is read. One that does not confirm it
    /// is disconnected after a while.
    async fn serve_http2(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let tasks = StreamTasks::default();
        // Instead of the header `Connection: close`.
        let answered = CancellationToken::new();
        let connection = http2::builder(tasks.executor()).serve_connection(
            TokioIo::new(stream),
            service(
                self.router.clone(),
                self.state.clone(),
                self.full,
                answered.clone(),
            ),
        );
        let mut connection = pin!(connection);
        let result = tokio::select! {
            biased;
            result = until_end(connection.as_mut(), &self.state) => result,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    result = until_end(connection, &self.state) => result,
                    () = self.idle_for(GOAWAY_TIMEOUT) => Ok(()),
                }
            }
            () = answered.cancelled(), if self.full => {
                connection.as_mut().graceful_shutdown();
                until_end(connection, &self.state).await
            }
        };
        self.log(result);
    }

    /// Waits until there was no request for this time, from now on.
    async fn idle_for(&self, time: Duration) {
        let start = Instant::now();
        loop {
            let current = self.state.current();
            let idle_since = match current.phase {
                Phase::Response => Instant::now(),
                _ => current.since.max(start),
            };
            if idle_since.elapsed() >= time {
                return;
            }
            sleep_until(idle_since + time).await;
        }
    }

    fn log(&self, result: hyper::Result<()>) {
        if let Err(error) = result {
            debug!(peer = %self.peer, error = %with_source(&error), "connection failed");
        }
    }
}

/// Polls `connection` also when a timeout of `state` moved, so that the stream below sets its timer again.
async fn until_end<C: Future>(mut connection: Pin<&mut C>, state: &ConnectionState) -> C::Output {
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => return result,
            () = state.timeout_moved() => {}
        }
    }
}

/// Responds to each request. A connection beyond the limit cancels `answered` with its first response.
fn service(
    router: Router,
    state: ConnectionState,
    full: bool,
    answered: CancellationToken,
) -> impl Service<
    Request<Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
> {
    service_fn(move |request: Request<Incoming>| {
        // hyper closes the connection when a body is dropped unread, unless the body is short.
        let request = request.map(drop);
        let (router, state) = (router.clone(), state.clone());
        let answered = answered.clone();
        async move {
            let active = ActiveRequest::start(state.clone(), &request);
            let response = if full {
                answered.cancel();
                router.respond_when_full(&request).await
            } else {
                router.respond(&request, &state).await
            };
            let response = match *request.method() {
                Method::HEAD => without_body(response),
                _ => response,
            };
            Ok::<_, Infallible>(Body::wrap(active, response))
        }
    })
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
