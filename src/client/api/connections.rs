//! The current connection to an endpoint: built on first use, and rebuilt when its credentials change or are rejected.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::{sync::Mutex, time::Instant};

use crate::client::{Connection, Endpoint, Failure};

/// Rejected credentials are reloaded at most this often.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// A connection that could not be built is retried at most this often.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The connection to one endpoint, shared by all requests.
pub(super) struct Connections {
    endpoint: Endpoint,
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
    reloaded: Option<Instant>,
    /// The last build, if it failed. Without it every waiting request would start an exec plugin of its own.
    failed: Option<(Instant, Failure)>,
}

impl Connections {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            state: Mutex::default(),
        }
    }

    /// The current connection. It is rebuilt if its number is `rejected`, unless that happened within [`RELOAD_INTERVAL`].
    pub(super) async fn get(&self, rejected: Option<u64>) -> Result<Numbered, Failure> {
        let mut state = self.state.lock().await;
        let recently = state
            .reloaded
            .is_some_and(|at| at.elapsed() < RELOAD_INTERVAL);
        let reload = rejected == Some(state.number) && !recently;
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
            && at.elapsed() < RETRY_INTERVAL
        {
            return fallback.ok_or_else(|| failure.clone());
        }
        let build = state.build.get_or_insert_with(|| {
            let endpoint = self.endpoint.clone();
            Box::pin(async move { endpoint.connect().await })
        });
        let outcome = build.await.and_then(|connection| {
            check_address(state.current.as_deref(), &connection)?;
            Ok(connection)
        });
        state.build = None;
        let before = state.failed.take().map(|(_, failure)| failure.to_string());
        state.failed = outcome
            .as_ref()
            .err()
            .map(|failure| (Instant::now(), failure.clone()));
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
        }
        Ok((connection, state.number))
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
