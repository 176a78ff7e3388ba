//! Limits on log lines that others cause. Without them, a tenant or a client could fill a disk.

use std::{mem, time::Duration};

use tokio::time::Instant;

/// This many lines may be written at once.
const BURST: u32 = 20;

/// After a burst, one line may be written per this time.
const INTERVAL: Duration = Duration::from_secs(3);

/// Limits the log lines of one kind about one target.
#[derive(Debug)]
pub(crate) struct LogLimit {
    /// How many lines may be written now.
    allowed: u32,
    /// When `allowed` was last increased.
    refilled: Instant,
    left_out: u64,
}

/// The permission to write a line.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// How many lines were left out since the last one, if any.
    pub(crate) left_out: Option<u64>,
}

/// Keeps one repeated log line rare.
#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    /// When the line was last written.
    last: Option<Instant>,
}

impl LogLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            allowed: BURST,
            refilled: now,
            left_out: 0,
        }
    }

    /// Asks to write a line. `None` to leave it out.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<Admitted> {
        let intervals = now.duration_since(self.refilled).as_millis() / INTERVAL.as_millis();
        let refill = u32::try_from(intervals).unwrap_or(BURST).min(BURST);
        if refill > 0 {
            self.allowed = (self.allowed + refill).min(BURST);
            self.refilled = now;
        }
        if self.allowed == 0 {
            self.left_out += 1;
            return None;
        }
        self.allowed -= 1;
        let left_out = mem::take(&mut self.left_out);
        Some(Admitted {
            left_out: (left_out > 0).then_some(left_out),
        })
    }
}

impl Throttle {
    /// One line per `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: None,
        }
    }

    /// Whether to write the line now.
    pub(crate) fn permits(&mut self) -> bool {
        let now = Instant::now();
        let is_recent = self
            .last
            .is_some_and(|at| now.duration_since(at) < self.interval);
        if !is_recent {
            self.last = Some(now);
        }
        !is_recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_leaves_one_line_per_interval_with_the_number_left_out() {
        let start = Instant::now();
        let mut limit = LogLimit::new(start);
        let mut written = Vec::new();
        for line in 0..100_000u64 {
            let now = start + Duration::from_millis(line);
            let admitted = limit.admit(now);
            written.extend(admitted.map(|it| (line, it.left_out.unwrap_or(0))));
        }
        assert_eq!(written.len(), 20 + 99_999 / 3_000);
        assert_eq!(written[19], (19, 0));
        assert_eq!(written[20], (3_000, 2_980));
        assert_eq!(written[21], (6_000, 2_999));
        // Every line was either written or counted.
        let left_out: u64 = written.iter().map(|(_, left_out)| left_out).sum();
        assert_eq!(left_out + written.len() as u64 + limit.left_out, 100_000);
        // After a pause a burst is possible again, and no more than that.
        let later = start + Duration::from_hours(1);
        let burst = (0..100).filter(|_| limit.admit(later).is_some()).count();
        assert_eq!(burst, 20);
    }

    #[tokio::test(start_paused = true)]
    async fn one_line_per_interval() {
        let mut throttle = Throttle::new(Duration::from_secs(10));
        let mut permitted = 0;
        for _ in 0..25 {
            permitted += u32::from(throttle.permits());
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(permitted, 3);
    }
}
