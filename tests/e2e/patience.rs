//! Waiting for something to become true, with a limit, and with the last state in the message when it does not.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// How soon a change in the API has to be on `/metrics` of a watched target.
pub(crate) const SOON: Duration = Duration::from_secs(2);

/// For what the control plane does in its own time: reaching it means that something hangs.
pub(crate) const EVENTUALLY: Duration = Duration::from_mins(1);

const STEP: Duration = Duration::from_millis(50);

/// Tries until `attempt` gives `Ok`. The last try begins when the time is over, however long the one before took.
pub(crate) async fn eventually<T, E: Debug>(
    what: &str,
    limit: Duration,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let begin = Instant::now();
    loop {
        let last = begin.elapsed() >= limit;
        match attempt().await {
            Ok(value) => return value,
            Err(state) => assert!(!last, "not within {limit:?}: {what}; last seen: {state:#?}"),
        }
        tokio::time::sleep(STEP).await;
    }
}

/// Waits until `value` gives what is expected.
pub(crate) async fn becomes<T: Debug + PartialEq>(
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
