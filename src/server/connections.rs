//! The open connections and their limit.
//!
//! When all `max_connections` are taken, the one that is worth the least gives way to a new one: see
//! [`Rank`](super::connection_state::Rank). If all of them are busy, the new one is *rejected*: it gets 503, or its page if it
//! is a probe. That is better than waiting in the backlog until the scrape times out. Rejected connections have slots of their
//! own, so probes always find one.

use std::{collections::HashMap, time::Duration};

use tokio::{
    task::{Id, JoinError, JoinSet},
    time::{Instant, timeout},
};
use tracing::{error, warn};

use super::{WARNING_INTERVAL, connection_state::ConnectionState, listener::Peer};
use crate::log_limit::Throttle;

/// Maximum of rejected connections that are open at once. Each takes at most `connection::REJECT_TIMEOUT`.
const MAX_REJECTIONS: usize = 32;

/// Maximum of connections that were evicted and have not ended. They end when their task runs, so this is reached only while
/// many clients connect at the same moment.
const MAX_EVICTED: usize = 32;

/// What to do with a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Serve it.
    Serve,
    /// Respond 503, or to a probe, and close it.
    Reject,
    /// Close it without a response.
    Close,
}

/// Runs the tasks of all open connections.
#[derive(Debug)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    /// One entry for each task.
    open: HashMap<Id, OpenConnection>,
    limit: usize,
    /// Connections that gave way or were not served since the last warning.
    evicted: u64,
    rejected: u64,
    warnings: Throttle,
}

#[derive(Debug)]
struct OpenConnection {
    admission: Admission,
    state: ConnectionState,
}

impl Connections {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
            limit: max_connections,
            evicted: 0,
            rejected: 0,
            warnings: Throttle::new(WARNING_INTERVAL),
        }
    }

    /// Decides what to do with a connection that was just accepted. `scarce` says that file descriptors are used up: then the
    /// connection replaces another one even below the limit.
    pub(super) fn admit(&mut self, peer: Peer, scarce: bool) -> Admission {
        let has_slot = self.count(Admission::Serve) < self.limit;
        if has_slot && !scarce {
            return Admission::Serve;
        }
        if self.evict(Admission::Serve) {
            self.evicted += 1;
            self.warn(peer);
            return Admission::Serve;
        }
        if has_slot {
            return Admission::Serve;
        }
        self.rejected += 1;
        self.warn(peer);
        let has_slot = self.count(Admission::Reject) < MAX_REJECTIONS;
        if has_slot || self.evict(Admission::Reject) {
            Admission::Reject
        } else {
            Admission::Close
        }
    }

    /// Ends the connection that is worth the least, since none can be accepted.
    pub(super) fn make_room(&mut self) {
        self.evicted += u64::from(self.evict(Admission::Serve));
    }

    /// Starts the task of a connection.
    pub(super) fn spawn(
        &mut self,
        admission: Admission,
        state: ConnectionState,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let id = self.tasks.spawn(task).id();
        self.open.insert(id, OpenConnection { admission, state });
    }

    /// Waits until a connection ends. `None` if there is none.
    pub(super) async fn next_end(&mut self) -> Option<()> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.open.remove(&id);
        log_panic(ended);
        Some(())
    }

    /// Whether so many connections are about to end that further ones have to wait.
    pub(super) fn must_wait(&self) -> bool {
        let evicted = self.open.values().filter(|open| open.state.is_evicted());
        evicted.count() >= MAX_EVICTED
    }

    /// Waits until all connections end, and aborts those that are left after `deadline`.
    pub(super) async fn drain(mut self, deadline: Duration) {
        let all = async { while self.next_end().await.is_some() {} };
        if timeout(deadline, all).await.is_err() {
            warn!(
                connections = self.tasks.len(),
                seconds = deadline.as_secs_f64(),
                "closed connections that did not finish within the shutdown timeout"
            );
            self.tasks.shutdown().await;
        }
    }

    fn count(&self, admission: Admission) -> usize {
        self.staying(admission).count()
    }

    /// The connections with this admission that are not about to end.
    fn staying(&self, admission: Admission) -> impl Iterator<Item = &ConnectionState> {
        let stays =
            move |open: &&OpenConnection| open.admission == admission && !open.state.is_evicted();
        self.open.values().filter(stays).map(|open| &open.state)
    }

    /// Evicts the connection with this admission that is worth the least. False if all of them are busy.
    fn evict(&self, admission: Admission) -> bool {
        let now = Instant::now();
        let ranked = self
            .staying(admission)
            .filter_map(|state| Some((state.rank(now)?, state)));
        let first = ranked.min_by_key(|(rank, _)| *rank);
        if let Some((_, state)) = first {
            state.evict();
        }
        first.is_some()
    }

    fn warn(&mut self, peer: Peer) {
        if !self.warnings.permits() {
            return;
        }
        warn!(
            evicted = self.evicted,
            rejected = self.rejected,
            max_connections = self.limit,
            last = %peer,
            "connection limit reached: idle and slow connections give way, others are rejected"
        );
        (self.evicted, self.rejected) = (0, 0);
    }
}

fn log_panic(ended: Result<(Id, ()), JoinError>) {
    if let Err(error) = ended {
        error!(%error, "a connection panicked");
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    /// Admits a connection whose task ends when it is evicted.
    fn connect(connections: &mut Connections, scarce: bool) -> (Admission, ConnectionState) {
        let admission = connections.admit(Peer::Unix, scarce);
        let state = ConnectionState::new();
        let evicted = state.clone();
        if admission != Admission::Close {
            let task = async move { evicted.evicted().await };
            connections.spawn(admission, state.clone(), task);
        }
        (admission, state)
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_idle_connection_gives_way_to_a_new_one() {
        let mut connections = Connections::new(3);
        let [busy, newer, older] = [0; 3].map(|_| connect(&mut connections, false).1);
        busy.start_response();
        older.finish_response(older.start_response());
        tokio::time::advance(Duration::from_millis(1)).await;
        newer.finish_response(newer.start_response());
        for expected in [&older, &newer] {
            assert!(!expected.is_evicted());
            let (admission, state) = connect(&mut connections, false);
            assert_eq!(admission, Admission::Serve);
            assert!(expected.is_evicted());
            state.start_response();
        }
        assert!(!busy.is_evicted());
    }

    #[tokio::test(start_paused = true)]
    async fn connections_beyond_busy_ones_are_rejected_and_the_oldest_of_these_gives_way() {
        let mut connections = Connections::new(1);
        let (_, served) = connect(&mut connections, false);
        let started = served.start_response();
        let mut rejected = Vec::new();
        for _ in 0..MAX_REJECTIONS {
            let (admission, state) = connect(&mut connections, false);
            assert_eq!(admission, Admission::Reject);
            rejected.push(state);
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        let (admission, state) = connect(&mut connections, false);
        assert_eq!(admission, Admission::Reject);
        assert!(rejected[0].is_evicted() && !rejected[1].is_evicted());
        for state in rejected.iter().chain([&state]) {
            state.start_response();
        }
        assert_eq!(connect(&mut connections, false).0, Admission::Close);
        served.finish_response(started);
        assert_eq!(connect(&mut connections, false).0, Admission::Serve);
        assert!(served.is_evicted());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_connections_waits_for_those_that_were_evicted() {
        let mut connections = Connections::new(1);
        for _ in 0..=MAX_EVICTED {
            assert!(!connections.must_wait());
            connect(&mut connections, false);
        }
        assert!(connections.must_wait());
        connections.next_end().await.expect("an evicted one");
        assert!(!connections.must_wait());
    }

    #[tokio::test(start_paused = true)]
    async fn while_descriptors_are_scarce_a_new_connection_replaces_another_one() {
        let mut connections = Connections::new(10);
        let (admission, first) = connect(&mut connections, true);
        assert_eq!(admission, Admission::Serve);
        let (admission, second) = connect(&mut connections, true);
        assert_eq!(admission, Admission::Serve);
        assert!(first.is_evicted());
        second.start_response();
        assert_eq!(connect(&mut connections, true).0, Admission::Serve);
        assert!(!second.is_evicted());
    }

    #[tokio::test(start_paused = true)]
    async fn draining_aborts_what_does_not_end_in_time() {
        let mut connections = Connections::new(1);
        connections.spawn(Admission::Serve, ConnectionState::new(), pending());
        let start = Instant::now();
        connections.drain(Duration::from_secs(3)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(3));
    }
}
