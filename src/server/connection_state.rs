//! What a connection waits for, and how much it is worth when others wait.
//!
//! The stream, the service and the table of [`connections`](super::connections) share the [`ConnectionState`] of a connection.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

/// A client sends its request right after it connects. One that takes longer than this gives way first.
const SILENCE_GRACE: Duration = Duration::from_secs(1);

/// A response of which the client took no byte for this long is slow.
const STALL_GRACE: Duration = Duration::from_secs(2);

/// A response that takes longer than this is slow, even if the client takes some bytes now and then.
const RESPONSE_GRACE: Duration = Duration::from_secs(30);

/// The state of one connection. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct ConnectionState {
    shared: Arc<Mutex<Shared>>,
    /// Wakes the connection when another task moved a timeout to an earlier time.
    earlier_timeout: Arc<Notify>,
    eviction: CancellationToken,
}

#[derive(Debug)]
struct Shared {
    current: Current,
    /// Whether a connection has many requests at once, as in HTTP/2.
    is_multiplexed: bool,
    /// When each response under way started, the oldest first. HTTP/1 has one at most.
    responses: Vec<Instant>,
    /// The number of these whose latest chunk is not taken yet.
    unsent_chunks: usize,
    /// Whether the client does not take bytes at the moment.
    is_write_pending: bool,
}

/// A copy of what the timeouts depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Current {
    pub(super) phase: Phase,
    /// The start of the phase; in [`Phase::Response`], of the oldest response.
    pub(super) since: Instant,
    /// Since when the client has taken no byte of what is there for it. With HTTP/2 it can refuse the bytes of a response while
    /// it takes others.
    pub(super) stalled_since: Option<Instant>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte.
    New,
    /// The end of the TLS handshake.
    Handshake,
    /// The rest of a request head.
    Head,
    /// The client to take the response, or with HTTP/2 all of them.
    Response,
    /// The next request.
    Idle,
}

/// The order in which connections give way: the smallest first, and of equal ones the oldest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The request does not come.
    Silent,
    /// The client can connect again.
    Idle,
    /// The response may end too late to be of use.
    SlowResponse,
    /// The request may be on its way.
    New,
}

impl ConnectionState {
    /// The state of a connection that was just accepted.
    pub(super) fn new() -> Self {
        let current = Current {
            phase: Phase::New,
            since: Instant::now(),
            stalled_since: None,
        };
        Self {
            shared: Arc::new(Mutex::new(Shared {
                current,
                is_multiplexed: false,
                responses: Vec::new(),
                unsent_chunks: 0,
                is_write_pending: false,
            })),
            earlier_timeout: Arc::default(),
            eviction: CancellationToken::new(),
        }
    }

    pub(super) fn current(&self) -> Current {
        self.shared.lock().current
    }

    /// Bytes arrived. On a new or idle connection they start a request head. With HTTP/2 they can also be about the connection
    /// itself, so an idle one stays idle.
    pub(super) fn receive(&self) {
        let mut shared = self.shared.lock();
        match shared.current.phase {
            Phase::Idle if shared.is_multiplexed => {}
            Phase::New | Phase::Idle => shared.current.enter(Phase::Head),
            Phase::Handshake | Phase::Head | Phase::Response => {}
        }
    }

    /// The first byte of a TLS handshake arrived. Its time counts from when the connection was accepted.
    pub(super) fn start_handshake(&self, accepted: Instant) {
        let current = &mut self.shared.lock().current;
        current.phase = Phase::Handshake;
        current.since = accepted;
    }

    /// The TLS handshake is complete, and a request may come.
    pub(super) fn finish_handshake(&self, is_http2: bool) {
        let mut shared = self.shared.lock();
        shared.is_multiplexed = is_http2;
        shared.current.enter(Phase::New);
    }

    /// A request head is complete. The result identifies the response in [`finish_response`](Self::finish_response).
    pub(super) fn start_response(&self) -> Instant {
        let now = Instant::now();
        let mut shared = self.shared.lock();
        shared.responses.push(now);
        if shared.current.phase != Phase::Response {
            shared.current.enter(Phase::Response);
        }
        now
    }

    /// The whole response that started at `started` is handed to the stream, or abandoned.
    pub(super) fn finish_response(&self, started: Instant) {
        let mut shared = self.shared.lock();
        let place = shared.responses.iter().position(|at| *at == started);
        if let Some(place) = place {
            shared.responses.remove(place);
        }
        match shared.responses.first() {
            Some(oldest) => shared.current.since = *oldest,
            None => shared.current.enter(Phase::Idle),
        }
    }

    /// A chunk of a response was made.
    pub(super) fn start_chunk(&self) {
        let mut shared = self.shared.lock();
        shared.unsent_chunks += 1;
        if shared.current.stalled_since.is_none() {
            shared.current.stalled_since = Some(Instant::now());
            // With HTTP/1, the task of the connection itself is here.
            if shared.is_multiplexed {
                self.earlier_timeout.notify_one();
            }
        }
    }

    /// Waits until the stall timeout starts because of a response that has a task of its own.
    pub(super) async fn timeout_moved(&self) {
        self.earlier_timeout.notified().await;
    }

    /// The stream asked for another chunk of a response, or the response is abandoned.
    pub(super) fn finish_chunk(&self) {
        let mut shared = self.shared.lock();
        shared.unsent_chunks -= 1;
        if shared.unsent_chunks == 0 && !shared.is_write_pending {
            shared.current.stalled_since = None;
        }
    }

    /// The client took bytes, or did not.
    pub(super) fn set_write_pending(&self, is_pending: bool) {
        let mut shared = self.shared.lock();
        shared.is_write_pending = is_pending;
        let now = Instant::now();
        if is_pending {
            shared.current.stalled_since.get_or_insert(now);
        } else {
            shared.current.stalled_since = (shared.unsent_chunks > 0).then_some(now);
        }
    }

    /// The rank and age of a connection that may give way now. `None` if it must not.
    pub(super) fn rank(&self, now: Instant) -> Option<(Rank, Instant)> {
        let current = self.current();
        let waited = now.saturating_duration_since(current.since);
        let rank = match current.phase {
            Phase::New | Phase::Handshake | Phase::Head if waited >= SILENCE_GRACE => Rank::Silent,
            Phase::New | Phase::Handshake | Phase::Head => Rank::New,
            Phase::Idle | Phase::Response if current.is_slow(now) => Rank::SlowResponse,
            Phase::Idle => Rank::Idle,
            Phase::Response => return None,
        };
        Some((rank, current.since))
    }

    /// Asks the connection to close at once.
    pub(super) fn evict(&self) {
        self.eviction.cancel();
    }

    pub(super) async fn evicted(&self) {
        self.eviction.cancelled().await;
    }

    pub(super) fn is_evicted(&self) -> bool {
        self.eviction.is_cancelled()
    }
}

impl Current {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }

    /// Whether the client is slow to take the response. The last part of it can be under way on an idle connection.
    fn is_slow(&self, now: Instant) -> bool {
        let passed = |since| now.saturating_duration_since(since);
        let stalled = |since| passed(since) >= STALL_GRACE;
        self.stalled_since.is_some_and(stalled)
            || (self.phase == Phase::Response && passed(self.since) >= RESPONSE_GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silent_connections_give_way_before_idle_ones_and_those_before_slow_responses() {
        let wait = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        let rank = |state: &ConnectionState| Some(state.rank(Instant::now())?.0);

        let silent = ConnectionState::new();
        assert_eq!(rank(&silent), Some(Rank::New));
        let head = ConnectionState::new();
        wait(1).await;
        head.receive();
        assert_eq!(rank(&silent), Some(Rank::Silent));
        assert_eq!(rank(&head), Some(Rank::New));
        wait(1).await;
        assert_eq!(rank(&head), Some(Rank::Silent));

        let started = head.start_response();
        assert_eq!(rank(&head), None);
        head.set_write_pending(true);
        wait(1).await;
        head.set_write_pending(true);
        assert_eq!(rank(&head), None);
        wait(1).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));
        head.set_write_pending(false);
        assert_eq!(rank(&head), None);
        wait(28).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));

        head.finish_response(started);
        assert_eq!(rank(&head), Some(Rank::Idle));
        head.set_write_pending(true);
        wait(2).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));
        assert!(Rank::Silent < Rank::Idle && Rank::Idle < Rank::SlowResponse);
        assert!(Rank::SlowResponse < Rank::New);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stalled_handshake_gives_way_as_a_silent_connection_does() {
        let state = ConnectionState::new();
        let accepted = state.current().since;
        tokio::time::advance(Duration::from_millis(900)).await;
        state.receive();
        state.start_handshake(accepted);
        assert_eq!(state.rank(Instant::now()).unwrap().0, Rank::New);
        tokio::time::advance(Duration::from_millis(100)).await;
        state.receive();
        assert_eq!(state.rank(Instant::now()), Some((Rank::Silent, accepted)));
        state.finish_handshake(false);
        assert_eq!(state.rank(Instant::now()).unwrap().0, Rank::New);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_with_many_responses_is_as_old_as_the_oldest_and_idle_after_the_last() {
        let second = Duration::from_secs(1);
        let state = ConnectionState::new();
        state.finish_handshake(true);
        let first = state.start_response();
        tokio::time::advance(second).await;
        let other = state.start_response();
        let same_time = state.start_response();
        assert_eq!(state.current().since, first);
        state.finish_response(first);
        assert_eq!(state.current().since, other);
        state.finish_response(same_time);
        assert_eq!(state.rank(Instant::now()), None);
        state.finish_response(other);
        state.receive();
        assert_eq!(state.current().phase, Phase::Idle);
        assert_eq!(state.rank(Instant::now()).unwrap().0, Rank::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_refuses_a_chunk_is_slow_although_it_takes_other_bytes() {
        let state = ConnectionState::new();
        state.finish_handshake(true);
        let started = state.start_response();
        state.start_chunk();
        state.set_write_pending(false);
        tokio::time::advance(STALL_GRACE).await;
        assert_eq!(
            state.rank(Instant::now()),
            Some((Rank::SlowResponse, started))
        );
        state.set_write_pending(false);
        assert_eq!(state.rank(Instant::now()), None, "it took some bytes");
        tokio::time::advance(STALL_GRACE).await;
        state.finish_chunk();
        assert_eq!(state.rank(Instant::now()), None, "it took the chunk");
    }
}
