//! Polls a set of items on an interval, whatever they are: configured Jobs or whole lists.
//!
//! A slow or dead item never delays the others: items whose last poll failed go through a lane of their own, one at a time,
//! and wait longer after each failure. The healthy items share the remaining slots.

use std::{cmp::Reverse, collections::BinaryHeap, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{feed_reporter::FeedReporter, wait_until};
use crate::{
    backoff::{Backoff, Policy},
    client::Error,
    config::PollConfig,
};

mod jobs;
mod lists;

pub(super) use jobs::{JobPoll, JobPolls};
pub(super) use lists::ListPoll;

/// After a failure the next attempt follows within this time, even where polls are hours apart. Later attempts wait longer,
/// up to the interval or this, whichever is longer.
const FIRST_RETRY: Duration = Duration::from_mins(2);

/// Something that is polled. It reports results and failures to its feeds itself.
pub(super) trait PollItem: Send {
    /// Polls once. No request may take longer than `timeout`.
    fn poll(
        &mut self,
        timeout: Duration,
    ) -> impl Future<Output = Result<PollSuccess<Self>, PollFailure>> + Send
    where
        Self: Sized;
}

/// A poll that worked.
#[derive(Debug)]
pub(super) enum PollSuccess<I> {
    /// The item is polled again after the interval.
    Polled,
    /// These items are polled from now on in place of this one.
    Split(Vec<I>),
}

/// A poll that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct PollFailure {
    /// `Retry-After` of the server.
    pub(super) retry_after: Option<Duration>,
    /// The server throttles the whole target, so the failure says nothing about this item.
    pub(super) throttled: bool,
}

/// Polls a set of items for ever.
pub(super) struct Poller<I> {
    config: PollConfig,
    slots: Vec<Slot<I>>,
    healthy: Lane,
    failing: Lane,
}

/// The place of an item: empty while the item is polled, and after it was split.
struct Slot<I> {
    item: Option<I>,
    backoff: Backoff,
}

/// Items that wait for their next poll, the earliest first.
struct Lane {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    running: usize,
    limit: usize,
}

/// One poll of an item.
struct Turn<I> {
    slot: usize,
    /// Whether the item came through the lane of failing items.
    failing: bool,
    item: I,
    started: Instant,
}

/// Reports the outcome of a poll of one feed.
fn finish<I>(
    feed: &FeedReporter,
    outcome: Result<(), Error>,
) -> Result<PollSuccess<I>, PollFailure> {
    match outcome {
        Ok(()) => {
            feed.contact();
            Ok(PollSuccess::Polled)
        }
        Err(error) => {
            feed.fail(&error);
            Err(PollFailure::from(&error))
        }
    }
}

// === impl PollFailure ===

impl From<&Error> for PollFailure {
    fn from(error: &Error) -> Self {
        Self {
            retry_after: error.retry_after(),
            throttled: error.is_throttled(),
        }
    }
}

// === impl Poller ===

impl<I: PollItem> Poller<I> {
    pub(super) fn new(config: PollConfig, items: impl IntoIterator<Item = I>) -> Self {
        let mut poller = Self {
            healthy: Lane::new(config.concurrency.saturating_sub(1).max(1)),
            failing: Lane::new(1),
            slots: Vec::new(),
            config,
        };
        poller.add(items);
        poller
    }

    /// Adds items that are due now.
    fn add(&mut self, items: impl IntoIterator<Item = I>) {
        let interval = self.config.interval;
        let now = Instant::now();
        for item in items {
            self.healthy.push(now, self.slots.len());
            let policy = Policy::new(interval.min(FIRST_RETRY), interval.max(FIRST_RETRY));
            self.slots.push(Slot {
                item: Some(item),
                backoff: Backoff::new(policy),
            });
        }
    }

    pub(super) async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        let timeout = self.config.timeout;
        loop {
            let next = self.next_start(running.len());
            tokio::select! {
                Some((turn, outcome)) = running.next() => self.reschedule(turn, outcome),
                () = wait_until(next) => {
                    if let Some(mut turn) = self.start() {
                        running.push(async move {
                            let outcome = turn.item.poll(timeout).await;
                            (turn, outcome)
                        });
                    }
                }
            }
        }
    }

    /// When the next item may start; `None` while all slots are taken.
    fn next_start(&self, running: usize) -> Option<Instant> {
        if running >= self.config.concurrency {
            return None;
        }
        [&self.healthy, &self.failing]
            .into_iter()
            .filter_map(Lane::next_start)
            .min()
    }

    /// Takes an item that is due, a healthy one first.
    fn start(&mut self) -> Option<Turn<I>> {
        let started = Instant::now();
        let healthy = self.healthy.start(started).map(|slot| (slot, false));
        let (slot, failing) =
            healthy.or_else(|| self.failing.start(started).map(|slot| (slot, true)))?;
        Some(Turn {
            slot,
            failing,
            item: self.slots[slot].item.take()?,
            started,
        })
    }

    fn reschedule(&mut self, turn: Turn<I>, outcome: Result<PollSuccess<I>, PollFailure>) {
        let lane = if turn.failing {
            &mut self.failing
        } else {
            &mut self.healthy
        };
        lane.running -= 1;
        let slot = &mut self.slots[turn.slot];
        slot.item = Some(turn.item);
        match outcome {
            Ok(PollSuccess::Split(items)) => {
                slot.item = None;
                self.add(items);
            }
            Ok(PollSuccess::Polled) => {
                slot.backoff.reset();
                // Earlier than the interval rather than later, so that no object is older than an interval.
                let wait = self.config.interval.mul_f64(0.9 + fastrand::f64() / 10.0);
                self.healthy.push(turn.started + wait, turn.slot);
            }
            Err(failure) => {
                // Counted from now: a poll may take as long as the wait after it.
                let due = Instant::now() + slot.backoff.next(failure.retry_after);
                let lane = if failure.throttled {
                    &mut self.healthy
                } else {
                    &mut self.failing
                };
                lane.push(due, turn.slot);
            }
        }
    }
}

// === impl Lane ===

impl Lane {
    /// A lane in which at most `limit` items are polled at once.
    fn new(limit: usize) -> Self {
        Self {
            due: BinaryHeap::new(),
            running: 0,
            limit,
        }
    }

    fn push(&mut self, due: Instant, slot: usize) {
        self.due.push(Reverse((due, slot)));
    }

    fn next_start(&self) -> Option<Instant> {
        let Reverse((due, _)) = self.due.peek()?;
        (self.running < self.limit).then_some(*due)
    }

    fn start(&mut self, now: Instant) -> Option<usize> {
        if self.next_start()? > now {
            return None;
        }
        let Reverse((_, slot)) = self.due.pop()?;
        self.running += 1;
        Some(slot)
    }
}

#[cfg(test)]
mod tests;
