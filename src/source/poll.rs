//! Asks for each of its items on an interval, whatever they are: single configured jobs, or whole lists.
//!
//! One slow or dead item never delays the others: what failed last time goes through a lane of its own, one at a time, and
//! waits longer after each failure, while the healthy ones have the rest of the slots to themselves.

use std::{cmp::Reverse, collections::BinaryHeap, future::pending, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use crate::backoff::{Backoff, Policy};
use crate::config::PollConfig as Settings;

/// After a failure the next attempt comes within this time, even where polls are hours apart. Further ones wait longer, up
/// to the interval or this, whichever is longer.
const PATIENCE: Duration = Duration::from_mins(2);

/// Something that is polled. It passes on what it learns itself, failures included.
pub(super) trait Item: Send {
    /// Asks once; no request may take longer than `timeout`.
    fn poll(
        &mut self,
        timeout: Duration,
    ) -> impl Future<Output = Result<Done<Self>, Failed>> + Send
    where
        Self: Sized;
}

/// A poll that worked.
#[derive(Debug)]
pub(super) enum Done<I> {
    /// In the usual way.
    Polled,
    /// It turned out that these are to be polled in its place.
    Split(Vec<I>),
}

/// A poll that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    /// How long the server wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// The server is asked too often. That is not the matter of this item more than of any other.
    pub(super) throttled: bool,
}

/// Polls a set of items for ever.
pub(super) struct Poller<I> {
    settings: Settings,
    slots: Vec<Slot<I>>,
    steady: Lane,
    troubled: Lane,
}

/// An item's place: empty while it is being polled, and when others have taken its place.
struct Slot<I> {
    item: Option<I>,
    backoff: Backoff,
}

/// Items that wait for their time, the earliest first.
struct Lane {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    running: usize,
    limit: usize,
}

/// An item that is to be polled, or was.
struct Turn<I> {
    number: usize,
    /// Whether it came through the lane of those that failed.
    troubled: bool,
    item: I,
    begun: Instant,
}

impl<I: Item> Poller<I> {
    pub(super) fn new(settings: Settings, items: impl IntoIterator<Item = I>) -> Self {
        let mut poll = Self {
            steady: Lane {
                due: BinaryHeap::new(),
                running: 0,
                limit: settings.concurrency.saturating_sub(1).max(1),
            },
            troubled: Lane {
                due: BinaryHeap::new(),
                running: 0,
                limit: 1,
            },
            slots: Vec::new(),
            settings,
        };
        poll.add(items);
        poll
    }

    /// Takes items on; they are due now.
    fn add(&mut self, items: impl IntoIterator<Item = I>) {
        let Settings { interval, .. } = self.settings;
        let now = Instant::now();
        for item in items {
            self.steady.due.push(Reverse((now, self.slots.len())));
            self.slots.push(Slot {
                item: Some(item),
                backoff: Backoff::new(Policy::new(interval.min(PATIENCE), interval.max(PATIENCE))),
            });
        }
    }

    pub(super) async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        let timeout = self.settings.timeout;
        loop {
            let next = self.next_start(running.len());
            tokio::select! {
                Some((turn, outcome)) = running.next() => self.reschedule(turn, outcome),
                () = until(next) => {
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

    /// When the next item may start; `None` when all slots are taken.
    fn next_start(&self, running: usize) -> Option<Instant> {
        if running >= self.settings.concurrency {
            return None;
        }
        [&self.steady, &self.troubled]
            .into_iter()
            .filter_map(Lane::next_start)
            .min()
    }

    /// Takes the item whose time has come; a healthy one if there are both.
    fn start(&mut self) -> Option<Turn<I>> {
        let begun = Instant::now();
        let steady = self.steady.start(begun).map(|number| (number, false));
        let (number, troubled) =
            steady.or_else(|| self.troubled.start(begun).map(|number| (number, true)))?;
        Some(Turn {
            number,
            troubled,
            item: self.slots[number].item.take()?,
            begun,
        })
    }

    fn reschedule(&mut self, turn: Turn<I>, outcome: Result<Done<I>, Failed>) {
        let Turn {
            number,
            troubled,
            item,
            begun,
        } = turn;
        let came_through = if troubled {
            &mut self.troubled
        } else {
            &mut self.steady
        };
        came_through.running -= 1;
        let slot = &mut self.slots[number];
        slot.item = Some(item);
        match outcome {
            Ok(Done::Split(items)) => {
                slot.item = None;
                self.add(items);
            }
            Ok(Done::Polled) => {
                slot.backoff.reset();
                // Earlier than the interval rather than later, so that no fact is older than an interval.
                let wait = self.settings.interval.mul_f64(0.9 + fastrand::f64() / 10.0);
                self.steady.due.push(Reverse((begun + wait, number)));
            }
            // Counted from now: a poll may take as long as the wait after it.
            Err(Failed {
                retry_after,
                throttled,
            }) => {
                let due = Instant::now() + slot.backoff.next(retry_after);
                let lane = if throttled {
                    &mut self.steady
                } else {
                    &mut self.troubled
                };
                lane.due.push(Reverse((due, number)));
            }
        }
    }
}

/// Waits for a moment, or for ever where there is none.
async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

// === impl Lane ===

impl Lane {
    fn next_start(&self) -> Option<Instant> {
        let Reverse((due, _)) = self.due.peek()?;
        (self.running < self.limit).then_some(*due)
    }

    fn start(&mut self, now: Instant) -> Option<usize> {
        if self.next_start()? > now {
            return None;
        }
        let Reverse((_, number)) = self.due.pop()?;
        self.running += 1;
        Some(number)
    }
}

#[cfg(test)]
mod tests;
