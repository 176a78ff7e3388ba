//! Asks for each of its items on an interval: single configured jobs, or whole lists.
//!
//! One slow or dead item never delays the others: what failed last time goes through a lane of its own, one at a time, and
//! waits longer after each failure, while the healthy ones have the rest of the slots to themselves.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::time::{Instant, sleep_until};

use super::{
    backoff::Backoff,
    decode,
    feed::Feed,
    health::Health,
    kind::{CronJobs, Jobs},
    names::Names,
};
use crate::{
    config::Poll as Settings,
    model::{Activity, Change, FeedId, Resource, Update},
    target::{Api, Error},
};

/// However long an interval, a failed item is tried again after this long at the latest, unless the interval is longer.
const LONGEST_WAIT: Duration = Duration::from_mins(2);

/// Polls a set of items for ever.
pub(super) struct Poll {
    settings: Settings,
    items: Vec<Slot>,
    steady: Lane,
    troubled: Lane,
}

/// Something that is polled.
pub(super) enum Item {
    /// One configured job.
    Job(ConfiguredJob),
    /// All Jobs of some scope.
    Jobs(Feed<Jobs>),
    /// All `CronJobs` of some scope.
    CronJobs(Feed<CronJobs>),
}

/// A job that the configuration names.
pub(super) struct ConfiguredJob {
    pub(super) id: FeedId,
    pub(super) api: Arc<Api>,
    pub(super) health: Arc<Health>,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Shared by all configured jobs. Never held across an await.
    pub(super) names: Arc<Mutex<Names>>,
}

/// An item's place: empty while it is being polled.
struct Slot {
    item: Option<Item>,
    backoff: Backoff,
}

/// Items that wait for their time, the earliest first.
struct Lane {
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    running: usize,
    limit: usize,
}

impl Poll {
    pub(super) fn new(settings: Settings, items: Vec<Item>) -> Self {
        let now = Instant::now();
        let slot = |item| Slot {
            item: Some(item),
            backoff: Backoff::new(settings.interval, LONGEST_WAIT),
        };
        Self {
            steady: Lane {
                due: (0..items.len())
                    .map(|number| Reverse((now, number)))
                    .collect(),
                running: 0,
                limit: settings.concurrency.saturating_sub(1).max(1),
            },
            troubled: Lane {
                due: BinaryHeap::new(),
                running: 0,
                limit: 1,
            },
            items: items.into_iter().map(slot).collect(),
            settings,
        }
    }

    pub(super) async fn run(mut self) {
        let mut running = FuturesUnordered::new();
        let timeout = self.settings.timeout;
        loop {
            let next = self.next_start(running.len());
            tokio::select! {
                Some((number, troubled, item, begun, outcome)) = running.next() => {
                    self.reschedule(number, troubled, item, begun, outcome);
                }
                () = sleep_until(next.unwrap_or_else(far_future)), if next.is_some() => {
                    if let Some((number, troubled, mut item)) = self.start() {
                        running.push(async move {
                            let begun = Instant::now();
                            let outcome = item.poll(timeout).await;
                            (number, troubled, item, begun, outcome)
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
    fn start(&mut self) -> Option<(usize, bool, Item)> {
        let now = Instant::now();
        let steady = self.steady.start(now).map(|number| (number, false));
        let (number, troubled) =
            steady.or_else(|| self.troubled.start(now).map(|number| (number, true)))?;
        Some((number, troubled, self.items[number].item.take()?))
    }

    fn reschedule(
        &mut self,
        number: usize,
        was_troubled: bool,
        item: Item,
        begun: Instant,
        outcome: Result<(), Error>,
    ) {
        let lane = if was_troubled {
            &mut self.troubled
        } else {
            &mut self.steady
        };
        lane.running -= 1;
        let slot = &mut self.items[number];
        let (lane, due) = match outcome {
            Ok(()) => {
                slot.backoff.reset();
                // Earlier than the interval rather than later, so that no fact is older than an interval.
                (
                    &mut self.steady,
                    begun + self.settings.interval.mul_f64(0.9 + fastrand::f64() / 10.0),
                )
            }
            Err(error) => {
                let (id, health) = item.place();
                health.fail(id, &error);
                (
                    &mut self.troubled,
                    begun + slot.backoff.next(error.retry_after()),
                )
            }
        };
        slot.item = Some(item);
        lane.due.push(Reverse((due, number)));
    }
}

/// Never waited for: `select!` evaluates the expression of a branch that is switched off.
fn far_future() -> Instant {
    Instant::now() + Duration::from_hours(1)
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

// === impl Item ===

impl Item {
    async fn poll(&mut self, timeout: Duration) -> Result<(), Error> {
        match self {
            Self::Job(job) => job.poll(timeout).await,
            Self::Jobs(feed) => {
                let (records, _) = feed.list(timeout).await?;
                feed.replace(records);
                Ok(())
            }
            Self::CronJobs(feed) => {
                let (records, _) = feed.list(timeout).await?;
                feed.replace(records);
                Ok(())
            }
        }
    }

    fn place(&self) -> (FeedId, &Health) {
        match self {
            Self::Job(job) => (job.id, &job.health),
            Self::Jobs(feed) => (feed.id, &feed.health),
            Self::CronJobs(feed) => (feed.id, &feed.health),
        }
    }
}

// === impl ConfiguredJob ===

impl ConfiguredJob {
    async fn poll(&self, timeout: Duration) -> Result<(), Error> {
        let Self {
            namespace, name, ..
        } = self;
        tracing::debug!(namespace, job = name, "polling");
        match self.api.job_status(namespace, name, timeout).await {
            Ok(body) => self.take(&body),
            Err(error) if error.is_job_absent() => {
                self.health.push_whole(self.id, Update::JobAbsent);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn take(&self, body: &Bytes) {
        let text = String::from_utf8_lossy(body);
        let decoded = decode::job(
            &text,
            &mut self.names.lock().unwrap_or_else(PoisonError::into_inner),
        );
        match decoded {
            Ok(job) => self
                .health
                .push_whole(self.id, Update::Jobs(Change::Applied(job))),
            Err(error) => {
                self.health.count(Activity::DecodeError(Resource::Jobs));
                let cause = std::error::Error::source(&error);
                tracing::warn!(namespace = self.namespace, job = self.name, %error, cause, "skipped a job");
                self.health.push(self.id, Update::Contact);
            }
        }
    }
}

#[cfg(test)]
mod tests;
