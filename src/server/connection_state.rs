//! What a connection waits for, and how much it is worth when others wait.
//!
//! The stream, the service and the table of [`connections`](super::connections) share the [`ConnectionState`] of a connection.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::Instant;
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
    current: Arc<Mutex<Current>>,
    eviction: CancellationToken,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Current {
    pub(super) phase: Phase,
    /// The start of the phase.
    pub(super) since: Instant,
    /// The start of the first write that the client has not taken yet.
    pub(super) stalled_since: Option<Instant>,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte.
    New,
    /// The rest of a request head.
    Head,
    /// The client to take the response.
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
        Self {
            current: Arc::new(Mutex::new(Current {
                phase: Phase::New,
                since: Instant::now(),
                stalled_since: None,
            })),
            eviction: CancellationToken::new(),
        }
    }

    pub(super) fn current(&self) -> Current {
        *self.current.lock()
    }

    /// Bytes arrived. On a new or idle connection they start a request head.
    pub(super) fn receive(&self) {
        let mut current = self.current.lock();
        if matches!(current.phase, Phase::New | Phase::Idle) {
            current.enter(Phase::Head);
        }
    }

    /// The request head is complete.
    pub(super) fn start_response(&self) {
        self.current.lock().enter(Phase::Response);
    }

    /// The whole response is handed to the stream.
    pub(super) fn finish_response(&self) {
        self.current.lock().enter(Phase::Idle);
    }

    /// The client took bytes, or did not.
    pub(super) fn set_stalled(&self, stalled: bool) {
        let mut current = self.current.lock();
        if stalled {
            current.stalled_since.get_or_insert_with(Instant::now);
        } else {
            current.stalled_since = None;
        }
    }

    /// The rank and age of a connection that may give way now. `None` if it must not.
    pub(super) fn rank(&self, now: Instant) -> Option<(Rank, Instant)> {
        let current = self.current();
        let waited = now.saturating_duration_since(current.since);
        let rank = match current.phase {
            Phase::New | Phase::Head if waited >= SILENCE_GRACE => Rank::Silent,
            Phase::New | Phase::Head => Rank::New,
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

        head.start_response();
        assert_eq!(rank(&head), None);
        head.set_stalled(true);
        wait(1).await;
        head.set_stalled(true);
        assert_eq!(rank(&head), None);
        wait(1).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));
        head.set_stalled(false);
        assert_eq!(rank(&head), None);
        wait(28).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));

        head.finish_response();
        assert_eq!(rank(&head), Some(Rank::Idle));
        head.set_stalled(true);
        wait(2).await;
        assert_eq!(rank(&head), Some(Rank::SlowResponse));
        assert!(Rank::Silent < Rank::Idle && Rank::Idle < Rank::SlowResponse);
        assert!(Rank::SlowResponse < Rank::New);
    }
}
