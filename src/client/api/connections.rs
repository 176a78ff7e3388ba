//! The current connection to an endpoint: built on first use, and rebuilt when its credentials change or are rejected.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    backoff::Policy,
    client::{Connection, ConnectionBudget, Endpoint, Failure},
};

/// Waits between reloads of rejected credentials. They start anew after [`CALM`] without a reload.
const RELOAD: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_secs(10), Duration::from_mins(1))
};

const CALM: Duration = Duration::from_mins(5);

/// Waits after a connection could not be built.
const RETRY: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_secs(2), Duration::from_mins(1))
};

/// Waits after an exec plugin returned credentials that have expired already.
const EXPIRED: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_secs(10), Duration::from_mins(5))
};

/// Never shortens a wait.
const JITTER: Range<f64> = 1.0..1.1;

/// The connection to one endpoint, shared by all requests.
pub(super) struct Connections {
    endpoint: Endpoint,
    budget: ConnectionBudget,
    /// Held while a connection is built, so that concurrent requests share one build.
    state: Mutex<ConnectionState>,
}

/// A connection and its number. Numbers tell whether a rejected connection is still the current one.
pub(super) type Numbered = (Arc<Connection>, u64);

#[derive(Default)]
struct ConnectionState {
    current: Option<Arc<Connection>>,
    /// A build whose caller timed out continues with the next caller, so that an exec plugin that hangs is started only once.
    build: Option<BoxFuture<'static, Result<Connection, Failure>>>,
    number: u64,
    /// The time of the last reload, and how many there were.
    reloaded: Option<Instant>,
    reloads: u32,
    /// The last build, if it failed, and the time of the next. Without it every waiting request would start an exec plugin of its
    /// own.
    failed: Option<(Instant, Failure)>,
    /// Failed builds in a row.
    failures: u32,
    /// Builds in a row with credentials that had expired already.
    expired: u32,
}

impl Connections {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            budget: ConnectionBudget::default(),
            state: Mutex::default(),
        }
    }

    /// New connections count in `budget`.
    pub(super) fn set_budget(&mut self, budget: ConnectionBudget) {
        self.budget = budget;
    }

    /// The current connection. It is rebuilt if its number is `rejected`, unless that happened a moment ago.
    pub(super) async fn get(&self, rejected: Option<u64>) -> Result<Numbered, Failure> {
        let mut state = self.state.lock().await;
        let reload = rejected == Some(state.number) && state.may_reload();
        if let Some(connection) = state
            .current
            .as_ref()
            .filter(|connection| !reload && connection.is_current())
        {
            return Ok((connection.clone(), state.number));
        }
        // While files are being replaced they may not fit together. Then the older connection may still work.
        let fallback = state
            .current
            .clone()
            .filter(|connection| rejected != Some(state.number) && !connection.has_expired())
            .map(|connection| (connection, state.number));
        if let Some((at, failure)) = &state.failed
            && Instant::now() < *at
        {
            return fallback.ok_or_else(|| failure.clone());
        }
        let build = state.build.get_or_insert_with(|| {
            let (endpoint, budget) = (self.endpoint.clone(), self.budget.clone());
            Box::pin(async move { endpoint.connect(&budget).await })
        });
        let outcome = build.await.and_then(|mut connection| {
            check_address(state.current.as_deref(), &connection)?;
            state.delay_useless_plugin(&mut connection);
            Ok(connection)
        });
        state.build = None;
        let before = state.failed.take().map(|(_, failure)| failure.to_string());
        state.record_failure(outcome.as_ref().err());
        let connection = match (outcome, fallback) {
            (Ok(connection), _) => Arc::new(connection),
            (Err(failure), Some(older)) => {
                if before != Some(failure.to_string()) {
                    tracing::warn!(%failure, "the changed credentials cannot be used; the older ones stay in use");
                }
                return Ok(older);
            }
            (Err(failure), None) => return Err(failure),
        };
        state.current = Some(connection.clone());
        state.number += 1;
        if reload {
            state.reloaded = Some(Instant::now());
            state.reloads = state.reloads.saturating_add(1);
        }
        Ok((connection, state.number))
    }
}

impl ConnectionState {
    /// Whether rejected credentials may be read again now.
    fn may_reload(&mut self) -> bool {
        let Some(since) = self.reloaded.map(|at| at.elapsed()) else {
            return true;
        };
        if since >= CALM {
            self.reloads = 0;
        }
        since >= RELOAD.wait(self.reloads.saturating_sub(1))
    }

    /// Records how a build ended.
    fn record_failure(&mut self, failure: Option<&Failure>) {
        self.failed =
            failure.map(|failure| (Instant::now() + RETRY.wait(self.failures), failure.clone()));
        self.failures = failure.map_or(0, |_| self.failures.saturating_add(1));
    }

    /// A plugin that returns expired credentials is run less and less often.
    fn delay_useless_plugin(&mut self, connection: &mut Connection) {
        if connection.has_expired() {
            connection.delay_renewal(EXPIRED.wait(self.expired));
            self.expired = self.expired.saturating_add(1);
        } else {
            self.expired = 0;
        }
    }
}

/// A kubeconfig that was changed to lead to another cluster must not replace one cluster by another in a running target.
fn check_address(before: Option<&Connection>, now: &Connection) -> Result<(), Failure> {
    match before {
        Some(before) if before.address != now.address => Err(Failure::NoClient(format!(
            "the kubeconfig leads to {} by now, and not to {} any more: restart to read the other cluster",
            now.address, before.address
        ))),
        _ => Ok(()),
    }
}
