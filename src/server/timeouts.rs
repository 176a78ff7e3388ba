//! A connection's stream, cut when its client takes too long.
//!
//! hyper's own header timeout also runs while a connection is idle between two requests, and nothing in hyper notices a
//! client that stops reading. So the clock is here, below hyper: [`Watched`] is the stream that hyper reads and writes,
//! [`Phase`] is what `connection` knows of the request. Invariant: a read or write that is pending has its alarm set.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tracing::{debug, warn};

/// For a whole request head, from its first byte, and for the first one from the start of the connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two requests. Prometheus closes idle connections itself after 5 minutes; were we first, a scrape could meet a
/// connection that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_mins(6);

/// Without a single byte taken by the client. An unfinished scrape keeps its snapshot in memory.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// For a whole answer, however steadily it trickles.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);

/// Where a connection stands, shared between its stream and its service.
#[derive(Clone, Debug)]
pub(super) struct Phase(Arc<Mutex<(Stage, Instant)>>);

/// What a connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The rest of a request head.
    Head,
    /// The client, to take the answer.
    Answer,
    /// Another request.
    Idle,
}

/// A stream with deadlines.
#[derive(Debug)]
pub(super) struct Watched<Io> {
    io: Io,
    peer: SocketAddr,
    phase: Phase,
    /// Since when the client has taken nothing of what there is to write.
    stalled_since: Option<Instant>,
    alarm: Pin<Box<Sleep>>,
}

// === impl Phase ===

impl Phase {
    /// A request is in; its answer begins.
    pub(super) fn answer(&self) {
        self.enter(Stage::Answer);
    }

    /// The answer was handed to the stream.
    pub(super) fn idle(&self) {
        self.enter(Stage::Idle);
    }

    fn received(&self) {
        if self.lock().0 == Stage::Idle {
            self.enter(Stage::Head);
        }
    }

    fn enter(&self, stage: Stage) {
        *self.lock() = (stage, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, (Stage, Instant)> {
        self.0.lock()
    }
}

// === impl Stage ===

impl Stage {
    fn timeout(self) -> Duration {
        match self {
            Self::Head => HEAD_TIMEOUT,
            Self::Answer => ANSWER_TIMEOUT,
            Self::Idle => IDLE_TIMEOUT,
        }
    }
}

// === impl Watched ===

impl<Io> Watched<Io> {
    /// Watches a connection that was just accepted.
    pub(super) fn new(io: Io, peer: SocketAddr) -> Self {
        let now = Instant::now();
        Self {
            io,
            peer,
            phase: Phase(Arc::new(Mutex::new((Stage::Head, now)))),
            stalled_since: None,
            alarm: Box::pin(sleep_until(now + HEAD_TIMEOUT)),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.clone()
    }

    /// Ready with the error to end on once the client is overdue; else wakes the task when it is.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let (stage, since) = *self.phase.lock();
        let mut deadline = since + stage.timeout();
        if let Some(stalled_since) = self.stalled_since {
            deadline = deadline.min(stalled_since + STALL_TIMEOUT);
        }
        if self.alarm.deadline() != deadline {
            self.alarm.as_mut().reset(deadline);
        }
        ready!(self.alarm.as_mut().poll(cx));
        let peer = self.peer;
        if self.stalled_since.is_some() || stage == Stage::Answer {
            warn!(%peer, "cut a client that does not read its answer in time");
        } else {
            debug!(%peer, waiting_for = ?stage, "cut a client that takes too long");
        }
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled_since = None;
            return written;
        }
        self.stalled_since.get_or_insert_with(Instant::now);
        self.poll_overdue(cx).map(Err)
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Watched<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_pending() {
            return self.poll_overdue(cx).map(Err);
        }
        if buf.filled().len() > before {
            self.phase.received();
        }
        read
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Watched<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, bufs);
        self.written(cx, written)
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
