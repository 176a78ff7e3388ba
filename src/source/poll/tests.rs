//! The times at which items are polled, under paused time. They are exact except for jitter.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::client::RateLimit;

/// The start times of the polls of each item, since the start of the test.
type Starts = Arc<Mutex<BTreeMap<usize, Vec<Duration>>>>;

/// The behaviour of an item when it is polled.
#[derive(Clone, Copy)]
enum Behaviour {
    /// Succeeds after this time.
    Succeeds(Duration),
    /// Fails when the timeout ends.
    TimesOut,
    /// Fails at once, optionally with `Retry-After`.
    Fails(Option<Duration>),
    /// Fails at once until this time, and then succeeds.
    FailsUntil(Duration),
    /// Is throttled until this time, and then succeeds.
    ThrottledUntil(Duration),
    /// Is polled once, and then replaced by this many items that succeed at once.
    SplitsInto(usize),
}

struct FakeItem {
    number: usize,
    behaviour: Behaviour,
    test_start: Instant,
    starts: Starts,
}

impl PollItem for FakeItem {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        let now = self.test_start.elapsed();
        self.record(now);
        let failed = |retry_after| {
            Err(PollFailure {
                retry_after,
                throttled: false,
            })
        };
        match self.behaviour {
            Behaviour::Succeeds(after) => {
                sleep(after).await;
                Ok(PollSuccess::Polled)
            }
            Behaviour::TimesOut => {
                sleep(timeout).await;
                failed(None)
            }
            Behaviour::Fails(retry_after) => failed(retry_after),
            Behaviour::FailsUntil(end) if now < end => failed(None),
            Behaviour::ThrottledUntil(end) if now < end => Err(PollFailure {
                retry_after: None,
                throttled: true,
            }),
            Behaviour::FailsUntil(_) | Behaviour::ThrottledUntil(_) => Ok(PollSuccess::Polled),
            Behaviour::SplitsInto(count) => {
                let part = |part| FakeItem {
                    number: self.number + 1 + part,
                    behaviour: Behaviour::Succeeds(Duration::ZERO),
                    test_start: self.test_start,
                    starts: self.starts.clone(),
                };
                Ok(PollSuccess::Split((0..count).map(part).collect()))
            }
        }
    }
}

impl FakeItem {
    fn record(&self, start: Duration) {
        let mut starts = self.starts.lock();
        starts.entry(self.number).or_default().push(start);
    }
}

const SECOND: Duration = Duration::from_secs(1);

fn settings(interval: Duration, concurrency: usize) -> PollConfig {
    PollConfig {
        interval,
        timeout: interval.min(10 * SECOND),
        concurrency,
        requests_per_second: 5.0,
        by_list: false,
    }
}

/// Polls items with these behaviours for `length`, and returns their start times.
async fn poll(
    settings: PollConfig,
    behaviours: &[Behaviour],
    length: Duration,
) -> Vec<Vec<Duration>> {
    let starts = Starts::default();
    let test_start = Instant::now();
    let item = |(number, &behaviour)| FakeItem {
        number,
        behaviour,
        test_start,
        starts: starts.clone(),
    };
    let items: Vec<_> = behaviours.iter().enumerate().map(item).collect();
    let run = Poller::new(settings, items).run();
    timeout(length, run).await.expect_err("polling never ends");
    let starts = starts.lock();
    (0..behaviours.len())
        .map(|number| starts.get(&number).cloned().unwrap_or_default())
        .collect()
}

/// The seconds between consecutive starts.
fn gaps(starts: &[Duration]) -> Vec<f64> {
    let pairs = starts.windows(2);
    pairs
        .map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_item_is_polled_slightly_more_often_than_the_interval() {
    let settings = settings(30 * SECOND, 4);
    let behaviours = [Behaviour::Succeeds(2 * SECOND)];
    let starts = poll(settings, &behaviours, 3600 * SECOND).await;
    assert_eq!(starts[0][0], Duration::ZERO);
    let gaps = gaps(&starts[0]);
    assert!(gaps.len() >= 119, "{}", gaps.len());
    // tokio's timer is precise to a millisecond.
    for gap in gaps {
        assert!((27.0..=30.002).contains(&gap), "{gap}");
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_time_out_do_not_delay_the_others() {
    let mut behaviours = vec![Behaviour::Succeeds(SECOND / 100); 50];
    behaviours[7] = Behaviour::TimesOut;
    behaviours[31] = Behaviour::TimesOut;
    let starts = poll(settings(SECOND, 4), &behaviours, 60 * SECOND).await;
    for (number, starts) in starts.iter().enumerate() {
        if matches!(behaviours[number], Behaviour::TimesOut) {
            continue;
        }
        // At first all items are due together, and the poller does not yet know which ones time out.
        for gap in gaps(&starts[1..]) {
            assert!(gap < 1.2, "{gap} for {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn polls_at_the_same_time_are_limited_by_the_concurrency() {
    for concurrency in [1, 2, 4] {
        let behaviours = vec![Behaviour::Succeeds(SECOND); 12];
        let starts = poll(settings(60 * SECOND, concurrency), &behaviours, 30 * SECOND).await;
        let mut starts: Vec<_> = starts.concat();
        starts.sort();
        assert_eq!(starts.len(), 12);
        // The poller reserves one slot for failing items, and there are none.
        let slots = concurrency.saturating_sub(1).max(1);
        for (position, start) in starts.iter().enumerate() {
            let round = u64::try_from(position / slots).unwrap();
            assert_eq!(start.as_secs(), round, "{concurrency} at once: {starts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_backoff_of_a_failing_item_grows() {
    let behaviours = [Behaviour::Fails(None)];
    let starts = poll(settings(30 * SECOND, 4), &behaviours, 1200 * SECOND).await;
    for (gap, longest) in gaps(&starts[0])
        .iter()
        .zip([30.0, 60.0, 120.0, 120.0, 120.0])
    {
        assert!(
            (longest / 2.0..=longest + 0.002).contains(gap),
            "{gap} instead of {longest}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_backoff_after_a_timeout_starts_at_its_end() {
    let starts = poll(settings(4 * SECOND, 4), &[Behaviour::TimesOut], 60 * SECOND).await;
    // The timeout of 4 s, and at least half of the interval.
    assert!(gaps(&starts[0])[0] >= 6.0, "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_poll_is_retried_soon_despite_a_long_interval() {
    let recovering = Behaviour::FailsUntil(SECOND);
    let behaviours = [recovering, Behaviour::Fails(None)];
    let starts = poll(settings(3600 * SECOND, 4), &behaviours, 86_400 * SECOND).await;
    let after = gaps(&starts[0]);
    assert!(after[0] <= 120.1, "{after:?}");
    assert!(after[1] >= 3240.0, "{after:?}");
    let failing = gaps(&starts[1]);
    assert!(failing.iter().all(|gap| *gap <= 3600.1), "{failing:?}");
    assert!(failing[8..].iter().all(|gap| *gap >= 1799.9), "{failing:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured() {
    let behaviours = [Behaviour::Fails(Some(500 * SECOND))];
    let starts = poll(settings(30 * SECOND, 4), &behaviours, 1200 * SECOND).await;
    for gap in gaps(&starts[0]) {
        assert!((500.0..=550.1).contains(&gap), "{gap}");
    }
}

/// Throttling says nothing about the item, so the item does not share the lane of failing items.
#[tokio::test(start_paused = true)]
async fn after_throttling_ends_all_items_are_polled_on_the_interval() {
    let mut behaviours = vec![Behaviour::ThrottledUntil(600 * SECOND); 200];
    behaviours[3] = Behaviour::TimesOut;
    let starts = poll(settings(30 * SECOND, 4), &behaviours, 900 * SECOND).await;
    for (number, starts) in starts.iter().enumerate() {
        if number == 3 {
            continue;
        }
        let since: Vec<_> = starts
            .iter()
            .filter(|start| **start >= 600 * SECOND)
            .map(Duration::as_secs_f64)
            .collect();
        // The first poll follows within the longest backoff. Later ones follow on the interval.
        assert!(since[0] <= 720.1, "{number}: {since:?}");
        for pair in since.windows(2) {
            let gap = pair[1] - pair[0];
            assert!((27.0..=30.1).contains(&gap), "{number}: {since:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_items_of_a_split_are_polled_instead_of_the_original() {
    let starts = Starts::default();
    let item = FakeItem {
        number: 0,
        behaviour: Behaviour::SplitsInto(3),
        test_start: Instant::now(),
        starts: starts.clone(),
    };
    let run = Poller::new(settings(30 * SECOND, 4), [item]).run();
    timeout(300 * SECOND, run)
        .await
        .expect_err("polling never ends");
    let starts = starts.lock();
    let counts: Vec<_> = starts.values().map(Vec::len).collect();
    assert_eq!(counts[0], 1);
    assert_eq!(counts.len(), 4);
    assert!(
        counts[1..].iter().all(|count| (10..=12).contains(count)),
        "{counts:?}"
    );
}

/// An item whose polls wait for a shared rate limit.
struct RateLimited {
    item: FakeItem,
    limit: Arc<RateLimit>,
}

impl PollItem for RateLimited {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        self.limit.acquire().await;
        match self.item.poll(timeout).await? {
            PollSuccess::Polled => Ok(PollSuccess::Polled),
            PollSuccess::Split(_) => unreachable!("no item splits"),
        }
    }
}

/// The rate limit does not admit all items within an interval, so each waits for its turn.
#[tokio::test(start_paused = true)]
async fn two_hundred_items_share_five_requests_a_second() {
    let starts = Starts::default();
    let test_start = Instant::now();
    let limit = Arc::new(RateLimit::new(5.0));
    let failing = [3, 50, 51, 199];
    let item = |number| RateLimited {
        item: FakeItem {
            number,
            behaviour: match number {
                3 | 199 => Behaviour::TimesOut,
                50 | 51 => Behaviour::Fails(None),
                _ => Behaviour::Succeeds(SECOND / 20),
            },
            test_start,
            starts: starts.clone(),
        },
        limit: limit.clone(),
    };
    let run = Poller::new(settings(30 * SECOND, 4), (0..200).map(item)).run();
    timeout(600 * SECOND, run)
        .await
        .expect_err("polling never ends");
    let starts = starts.lock();
    let mut all: Vec<_> = starts.values().flatten().copied().collect();
    all.sort_unstable();
    for window in all.windows(6) {
        assert!(window[5] >= window[0] + SECOND, "{window:?}");
    }
    assert!(
        all.len() > 2_700,
        "the rate limit is not used up: {}",
        all.len()
    );
    assert_eq!(starts.len(), 200);
    for (number, starts) in starts
        .iter()
        .filter(|(number, _)| !failing.contains(*number))
    {
        // 200 requests at 210 ms each, and the retries of the failing items.
        for gap in gaps(starts) {
            assert!(gap < 46.0, "{gap} for {number}");
        }
        assert!(starts.len() >= 13, "{} for {number}", starts.len());
    }
}
