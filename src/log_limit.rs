//! The limit on log lines that others cause: whoever may write objects could fill a disk with them.

use std::time::Duration;

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

impl LogLimit {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            allowed: BURST,
            refilled: now,
            left_out: 0,
        }
    }

    /// Asks to write a line. Returns the number of lines that were left out since the last one; `None` to leave out this one.
    pub(crate) fn admit(&mut self, now: Instant) -> Option<u64> {
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
        Some(std::mem::take(&mut self.left_out))
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
            written.extend(limit.admit(now).map(|left_out| (line, left_out)));
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
}
