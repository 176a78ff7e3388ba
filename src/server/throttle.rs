//! Keeps repeated warnings rare.

use std::time::Duration;

use tokio::time::Instant;

/// Minimum time between two warnings.
const INTERVAL: Duration = Duration::from_secs(10);

/// When a warning was last logged.
#[derive(Debug, Default)]
pub(super) struct Throttle(Option<Instant>);

impl Throttle {
    /// Whether to log the warning now.
    pub(super) fn permits(&mut self) -> bool {
        let now = Instant::now();
        let is_recent = self.0.is_some_and(|at| now.duration_since(at) < INTERVAL);
        if !is_recent {
            self.0 = Some(now);
        }
        !is_recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_warning_per_interval() {
        let mut throttle = Throttle::default();
        let mut permitted = 0;
        for _ in 0..25 {
            permitted += u32::from(throttle.permits());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(permitted, 3);
    }
}
