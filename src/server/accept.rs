//! Accepts connections from several listeners, with a back-off after errors.
//!
//! When the process is out of file descriptors, `accept` fails immediately every time. A reserve of descriptors keeps
//! connections possible, and the back-off keeps the loop from using a whole core once the reserve is used up.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::{WARNING_INTERVAL, descriptors::DescriptorReserve, listener::Peer};
use crate::{
    backoff::{Backoff, Policy},
    log_limit::Throttle,
};

/// Long enough for a connection to end, and short enough not to delay a scrape.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const RETRY: Policy = Policy {
    first: FIRST_PAUSE,
    longest: Duration::from_secs(1),
    jitter: 1.0..1.0,
};

/// A listener. The trait lets tests simulate errors.
pub(super) trait Listen {
    /// An accepted connection.
    type Stream;

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Self::Stream, Peer)>>;
}

/// Accepts from all listeners in turn.
#[derive(Debug)]
pub(super) struct Acceptor<L> {
    listeners: Vec<L>,
    /// The listener to poll first. It rotates, so that a busy listener does not starve the others.
    next: usize,
    reserve: DescriptorReserve,
    backoff: Backoff,
    warnings: Throttle,
    /// End of the current back-off. It outlives the future of `accept`, which is cancelled whenever a connection ends.
    resume_at: Option<Instant>,
}

impl<L: Listen> Acceptor<L> {
    pub(super) fn new(listeners: Vec<L>, reserve: DescriptorReserve) -> Self {
        Self {
            listeners,
            next: 0,
            reserve,
            backoff: Backoff::new(RETRY),
            warnings: Throttle::new(WARNING_INTERVAL),
            resume_at: None,
        }
    }

    /// Whether file descriptors are used up, so that the next connection takes one of the reserve.
    pub(super) fn is_short_of_descriptors(&self) -> bool {
        self.reserve.is_in_use()
    }

    /// The next connection. `None` after an error, from which on the next call waits: then an open connection that ends helps.
    /// Cancelling the future loses no connection.
    pub(super) async fn accept(&mut self) -> Option<(L::Stream, Peer)> {
        self.reserve.refill();
        loop {
            if let Some(resume_at) = self.resume_at {
                sleep_until(resume_at).await;
                self.resume_at = None;
            }
            match poll_fn(|cx| self.poll_any(cx)).await {
                Ok(accepted) => {
                    self.backoff.reset();
                    return Some(accepted);
                }
                Err(error) if is_connection_error(&error) => {
                    debug!(%error, "a client closed its connection before it was accepted");
                }
                Err(error) if is_out_of_descriptors(&error) && self.reserve.release() => {
                    debug!(%error, "using a reserved file descriptor");
                }
                Err(error) => {
                    if self.warnings.permits() {
                        warn!(%error, "cannot accept connections, retrying");
                    }
                    self.resume_at = Some(Instant::now() + self.backoff.next(None));
                    return None;
                }
            }
        }
    }

    fn poll_any(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(L::Stream, Peer)>> {
        let count = self.listeners.len();
        for turn in 0..count {
            let at = (self.next + turn) % count;
            if let Poll::Ready(accepted) = self.listeners[at].poll_accept(cx) {
                self.next = (at + 1) % count;
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    }
}

/// Whether the error concerns one connection and not the listener.
fn is_connection_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// Whether the process or the system has no file descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    // The matching `io::ErrorKind`s are not stable yet.
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque, os::fd::AsFd as _};

    use super::*;

    /// Returns these results immediately, then stays pending.
    struct Script(RefCell<VecDeque<io::Result<&'static str>>>);

    impl Script {
        fn new(results: impl IntoIterator<Item = io::Result<&'static str>>) -> Self {
            Self(RefCell::new(results.into_iter().collect()))
        }
    }

    impl Listen for Script {
        type Stream = &'static str;

        fn poll_accept(&self, _: &mut Context<'_>) -> Poll<io::Result<(&'static str, Peer)>> {
            match self.0.borrow_mut().pop_front() {
                Some(result) => Poll::Ready(result.map(|stream| (stream, Peer::Unix))),
                None => Poll::Pending,
            }
        }
    }

    fn acceptor(listeners: Vec<Script>) -> Acceptor<Script> {
        Acceptor::new(listeners, DescriptorReserve::default())
    }

    /// The next connection, after all errors.
    async fn accepted(acceptor: &mut Acceptor<Script>) -> &'static str {
        loop {
            if let Some((stream, _)) = acceptor.accept().await {
                return stream;
            }
        }
    }

    fn out_of_file_descriptors() -> io::Error {
        const EMFILE: i32 = 24;
        io::Error::from_raw_os_error(EMFILE)
    }

    #[tokio::test(start_paused = true)]
    async fn back_off_grows_while_accepting_fails_and_restarts_after_success() {
        let mut results: Vec<_> = (0..9).map(|_| Err(out_of_file_descriptors())).collect();
        results.push(Ok("first"));
        results.push(Err(out_of_file_descriptors()));
        results.push(Ok("second"));
        let mut acceptor = acceptor(vec![Script::new(results)]);

        let start = Instant::now();
        assert_eq!(accepted(&mut acceptor).await, "first");
        // 10 + 20 + … + 640 ms, then twice the maximum.
        assert_eq!(start.elapsed(), Duration::from_millis(1270 + 2 * 1000));
        let start = Instant::now();
        assert_eq!(accepted(&mut acceptor).await, "second");
        assert_eq!(start.elapsed(), FIRST_PAUSE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_reserve_is_used_before_the_back_off_starts() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let reserve = DescriptorReserve::new(socket.as_fd());
        let results = [Err(out_of_file_descriptors()), Ok("next")];
        let mut acceptor = Acceptor::new(vec![Script::new(results)], reserve);
        assert!(!acceptor.is_short_of_descriptors());
        let start = Instant::now();
        assert_eq!(accepted(&mut acceptor).await, "next");
        assert_eq!(start.elapsed(), Duration::ZERO);
        assert!(acceptor.is_short_of_descriptors());
        let _ = tokio::time::timeout(Duration::ZERO, acceptor.accept()).await;
        assert!(!acceptor.is_short_of_descriptors(), "not refilled");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_closed_by_its_client_delays_no_other() {
        let gone = Err(io::ErrorKind::ConnectionAborted.into());
        let mut acceptor = acceptor(vec![Script::new([gone, Ok("next")])]);
        let start = Instant::now();
        assert_eq!(accepted(&mut acceptor).await, "next");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn back_off_continues_after_a_cancelled_accept() {
        let script = Script::new([Err(out_of_file_descriptors()), Ok("after")]);
        let mut acceptor = acceptor(vec![script]);
        let start = Instant::now();
        let half = FIRST_PAUSE / 2;
        let cancelled = tokio::time::timeout(half, accepted(&mut acceptor)).await;
        assert!(cancelled.is_err());
        assert_eq!(accepted(&mut acceptor).await, "after");
        assert_eq!(start.elapsed(), FIRST_PAUSE);
    }

    #[tokio::test]
    async fn listeners_are_polled_in_turn() {
        let busy = Script::new([Ok("a1"), Ok("a2")]);
        let quiet = Script::new([Ok("b1")]);
        let mut acceptor = acceptor(vec![busy, quiet]);
        let mut order = Vec::new();
        for _ in 0..3 {
            order.push(accepted(&mut acceptor).await);
        }
        assert_eq!(order, ["a1", "b1", "a2"]);
    }
}
