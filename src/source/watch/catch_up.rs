//! Tells when a watch has delivered everything that happened.
//!
//! Events arrive in order, but not always at once: after an interruption those of the whole time arrive in one burst, on a new
//! connection or on the old one. So a single event or bookmark does not say that nothing is missing. The pause after a burst
//! does.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A burst is over when nothing arrives for this long, and a stream that lasts this long is no burst.
pub(super) const SETTLE_TIME: Duration = Duration::from_secs(3);

/// After a pause of this length, a burst may follow.
const PAUSE: Duration = Duration::from_secs(10);

/// A busy stream is confirmed this often.
const CONFIRM_INTERVAL: Duration = Duration::from_secs(1);

/// What arrived on one watch, and until when it is confirmed to be complete.
#[derive(Default)]
pub(super) struct CatchUp {
    /// When data began to flow after a pause, and when the last of it arrived.
    flow: Option<(Instant, Instant)>,
    /// The wall clock at the last line that is not confirmed.
    pending: Option<Timestamp>,
    confirmed: Option<Instant>,
}

impl CatchUp {
    /// A line arrived. Returns the time until which everything was received, if that is known now.
    pub(super) fn line(&mut self, now: Instant, date: Timestamp) -> Option<Timestamp> {
        let began = match self.flow {
            Some((began, last)) if now.duration_since(last) < PAUSE => began,
            _ => now,
        };
        self.flow = Some((began, now));
        self.pending = Some(date);
        let settled = now.duration_since(began) >= SETTLE_TIME;
        let due = |at: Instant| now.duration_since(at) >= CONFIRM_INTERVAL;
        if settled && self.confirmed.is_none_or(due) {
            self.confirmed = Some(now);
            return self.pending.take();
        }
        None
    }

    /// Whether the last line is not confirmed yet.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Nothing arrived for [`SETTLE_TIME`]. Returns the time until which everything was received.
    pub(super) fn settle(&mut self) -> Option<Timestamp> {
        self.pending.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds at which lines arrive, and the confirmed time after each.
    fn confirmed(arrivals: &[u64]) -> Vec<Option<i64>> {
        let start = Instant::now();
        let mut catch_up = CatchUp::default();
        let confirmed = arrivals.iter().map(|second| {
            let now = start + Duration::from_secs(*second);
            let date = Timestamp::from_second((*second).try_into().unwrap()).unwrap();
            catch_up.line(now, date).map(Timestamp::as_second)
        });
        confirmed.collect()
    }

    #[test]
    fn a_line_after_a_pause_confirms_nothing_before_the_burst_is_over() {
        assert_eq!(confirmed(&[0, 60, 61, 62, 180]), [None; 5]);
        let mut catch_up = CatchUp::default();
        assert!(!catch_up.is_pending());
        assert_eq!(catch_up.line(Instant::now(), Timestamp::UNIX_EPOCH), None);
        assert!(catch_up.is_pending());
        assert_eq!(catch_up.settle(), Some(Timestamp::UNIX_EPOCH));
        assert!(!catch_up.is_pending());
    }

    #[test]
    fn a_steady_stream_is_confirmed_as_it_flows() {
        let expected = [None, None, Some(4), None, Some(5), Some(12), None];
        assert_eq!(confirmed(&[0, 2, 4, 4, 5, 12, 22]), expected);
    }
}
