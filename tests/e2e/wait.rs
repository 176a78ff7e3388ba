//! Retries a check until it succeeds or times out. The panic message has the last state.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// The longest time from a change in the API to `/metrics`, for a watched target.
pub(crate) const WATCH_LATENCY: Duration = Duration::from_secs(2);

/// The timeout for work of the control plane. A test that reaches it has found a hang.
pub(crate) const TIMEOUT: Duration = Duration::from_mins(1);

/// The pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Retries until `attempt` returns `Ok`. The last attempt starts after `limit`, however long the one before took.
pub(crate) async fn eventually<T, E: Debug>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        let last = start.elapsed() >= limit;
        match attempt().await {
            Ok(value) => return value,
            Err(state) => assert!(!last, "not within {limit:?}: {what}; last seen: {state:#?}"),
        }
        tokio::time::sleep(RETRY_INTERVAL).await;
    }
}

/// Retries until `value` returns `expected`.
pub(crate) async fn eventually_equals<T: Debug + PartialEq>(
    what: &str,
    limit: Duration,
    expected: T,
    mut value: impl AsyncFnMut() -> T,
) {
    eventually(what, limit, async || {
        let value = value().await;
        if value == expected {
            Ok(())
        } else {
            Err(value)
        }
    })
    .await;
}
