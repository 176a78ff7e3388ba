//! Closes a connection when its client is too slow.
//!
//! hyper's own header timeout also runs while a connection is idle between two requests, and hyper has no timeout for a client
//! that stops reading. So the timeouts are below hyper: hyper reads and writes a [`TimedStream`], and `connection` updates its
//! [`ConnectionState`]. A pending read or write always has the timer set.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep_until},
};
use tracing::{debug, warn};

use super::{
    connection_state::{ConnectionState, Phase},
    listener::Peer,
};

/// Maximum time until the first byte of a new connection.
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum time of a TLS handshake, from when the connection was accepted.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum time to receive a request head, from its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Maximum time between two requests. Prometheus closes idle connections after 5 minutes. A shorter timeout here could close a
/// connection just when a scrape arrives.
const IDLE_TIMEOUT: Duration = Duration::from_mins(6);

/// Maximum time in which the client takes no byte. An unfinished scrape keeps its snapshot in memory.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum time to send a whole response, even if the client takes some bytes now and then.
const RESPONSE_TIMEOUT: Duration = Duration::from_mins(5);

/// A stream with timeouts.
#[derive(Debug)]
pub(super) struct TimedStream<Io> {
    io: Io,
    peer: Peer,
    state: ConnectionState,
    timer: Pin<Box<Sleep>>,
}

// === impl Phase ===

impl Phase {
    fn timeout(self) -> Duration {
        match self {
            Self::New => FIRST_BYTE_TIMEOUT,
            Self::Handshake => HANDSHAKE_TIMEOUT,
            Self::Head => HEAD_TIMEOUT,
            Self::Response => RESPONSE_TIMEOUT,
            Self::Idle => IDLE_TIMEOUT,
        }
    }
}

// === impl TimedStream ===

impl<Io> TimedStream<Io> {
    /// Starts the timeouts of a connection that was just accepted.
    pub(super) fn new(io: Io, peer: Peer, state: ConnectionState) -> Self {
        let deadline = state.current().since + FIRST_BYTE_TIMEOUT;
        Self {
            io,
            peer,
            state,
            timer: Box::pin(sleep_until(deadline)),
        }
    }

    /// Ready with an error once a timeout has passed. Until then, the task wakes at the next timeout.
    fn poll_timeout(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let current = self.state.current();
        let mut deadline = current.since + current.phase.timeout();
        if let Some(stalled_since) = current.stalled_since {
            deadline = deadline.min(stalled_since + STALL_TIMEOUT);
        }
        if self.timer.deadline() != deadline {
            self.timer.as_mut().reset(deadline);
        }
        ready!(self.timer.as_mut().poll(cx));
        let (peer, phase) = (self.peer, current.phase);
        if current.stalled_since.is_some() || phase == Phase::Response {
            warn!(%peer, "closed a connection: the client did not read the response in time");
        } else {
            debug!(%peer, ?phase, "closed a connection: no request in time");
        }
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// Applies the stall timeout to the result of a write.
    fn check_write(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.state.set_write_pending(written.is_pending());
        if written.is_ready() {
            return written;
        }
        self.poll_timeout(cx).map(Err)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for TimedStream<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_pending() {
            return self.poll_timeout(cx).map(Err);
        }
        if buf.filled().len() > before {
            self.state.receive();
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for TimedStream<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.check_write(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.check_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
