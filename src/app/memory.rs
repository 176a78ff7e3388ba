//! Gives memory back that was freed.

use std::time::Duration;

use tokio::{task::spawn_blocking, time::sleep};

/// How often. After a burst of Jobs it takes some of these intervals until the last of their traces is dropped.
const INTERVAL: Duration = Duration::from_mins(10);

/// Gives back what was freed, again and again. Never ends.
pub(super) async fn give_back() {
    loop {
        sleep(INTERVAL).await;
        // It takes long if there is much.
        let trimmed = spawn_blocking(heap_trim::trim).await;
        tracing::debug!(?trimmed, "gave free memory back");
    }
}
