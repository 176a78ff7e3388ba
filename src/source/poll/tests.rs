//! When items are polled, under paused time: every figure is exact but for the jitter.

use std::{collections::BTreeMap, sync::Arc, sync::Mutex, time::Duration};

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::client::RateLimit;

/// When each item was polled, since the beginning.
type Starts = Arc<Mutex<BTreeMap<usize, Vec<Duration>>>>;

/// What an item does when polled.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers after this long.
    Answers(Duration),
    /// Takes all the time it is given, and then fails.
    Hangs,
    /// Fails at once, perhaps with a wish.
    Fails(Option<Duration>),
    /// Fails at once for so long, and works then.
    FailsUntil(Duration),
    /// Is refused as one too many for so long, and works then.
    ThrottledUntil(Duration),
    /// Is polled once, and replaced by so many that answer at once.
    Splits(usize),
}

struct Fake {
    number: usize,
    manner: Manner,
    began: Instant,
    starts: Starts,
}

impl PollItem for Fake {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        let now = self.began.elapsed();
        self.note(now);
        let failed = |retry_after| {
            Err(PollFailure {
                retry_after,
                throttled: false,
            })
        };
        match self.manner {
            Manner::Answers(after) => {
                sleep(after).await;
                Ok(PollSuccess::Polled)
            }
            Manner::Hangs => {
                sleep(timeout).await;
                failed(None)
            }
            Manner::Fails(retry_after) => failed(retry_after),
            Manner::FailsUntil(end) if now < end => failed(None),
            Manner::ThrottledUntil(end) if now < end => Err(PollFailure {
                retry_after: None,
                throttled: true,
            }),
            Manner::FailsUntil(_) | Manner::ThrottledUntil(_) => Ok(PollSuccess::Polled),
            Manner::Splits(count) => {
                let part = |part| Fake {
                    number: self.number + 1 + part,
                    manner: Manner::Answers(Duration::ZERO),
                    began: self.began,
                    starts: self.starts.clone(),
                };
                Ok(PollSuccess::Split((0..count).map(part).collect()))
            }
        }
    }
}

impl Fake {
    fn note(&self, start: Duration) {
        let mut starts = self.starts.lock().unwrap();
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

/// Polls items of these manners for so long.
async fn poll(settings: PollConfig, manners: &[Manner], length: Duration) -> Vec<Vec<Duration>> {
    let starts = Starts::default();
    let began = Instant::now();
    let item = |(number, &manner)| Fake {
        number,
        manner,
        began,
        starts: starts.clone(),
    };
    let items: Vec<_> = manners.iter().enumerate().map(item).collect();
    let run = Poller::new(settings, items).run();
    timeout(length, run).await.expect_err("polling never ends");
    let starts = starts.lock().unwrap();
    (0..manners.len())
        .map(|number| starts.get(&number).cloned().unwrap_or_default())
        .collect()
}

/// The seconds between one start and the next.
fn gaps(starts: &[Duration]) -> Vec<f64> {
    let pairs = starts.windows(2);
    pairs
        .map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_item_is_polled_a_little_more_often_than_the_interval_says() {
    let settings = settings(30 * SECOND, 4);
    let manners = [Manner::Answers(2 * SECOND)];
    let starts = poll(settings, &manners, 3600 * SECOND).await;
    assert_eq!(starts[0][0], Duration::ZERO);
    let gaps = gaps(&starts[0]);
    assert!(gaps.len() >= 119, "{}", gaps.len());
    // tokio's timer is precise to a millisecond.
    for gap in gaps {
        assert!((27.0..=30.002).contains(&gap), "{gap}");
    }
}

#[tokio::test(start_paused = true)]
async fn dead_items_do_not_delay_the_others() {
    let mut manners = vec![Manner::Answers(SECOND / 100); 50];
    manners[7] = Manner::Hangs;
    manners[31] = Manner::Hangs;
    let starts = poll(settings(SECOND, 4), &manners, 60 * SECOND).await;
    for (number, starts) in starts.iter().enumerate() {
        if matches!(manners[number], Manner::Hangs) {
            continue;
        }
        // At first all are due together, and the dead ones are not yet known to be.
        for gap in gaps(&starts[1..]) {
            assert!(gap < 1.2, "{gap} for {number}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_items_are_polled_at_once_than_allowed() {
    for concurrency in [1, 2, 4] {
        let manners = vec![Manner::Answers(SECOND); 12];
        let starts = poll(settings(60 * SECOND, concurrency), &manners, 30 * SECOND).await;
        let mut starts: Vec<_> = starts.concat();
        starts.sort();
        assert_eq!(starts.len(), 12);
        // One slot is kept for those that failed; there are none.
        let slots = concurrency.saturating_sub(1).max(1);
        for (position, start) in starts.iter().enumerate() {
            let round = u64::try_from(position / slots).unwrap();
            assert_eq!(start.as_secs(), round, "{concurrency} at once: {starts:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_while_an_item_fails() {
    let manners = [Manner::Fails(None)];
    let starts = poll(settings(30 * SECOND, 4), &manners, 1200 * SECOND).await;
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
async fn a_poll_that_hangs_is_waited_for_from_its_end() {
    let starts = poll(settings(4 * SECOND, 4), &[Manner::Hangs], 60 * SECOND).await;
    // 4 s for the time-out, and half of the interval at least.
    assert!(gaps(&starts[0])[0] >= 6.0, "{starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_between_rare_polls_is_made_good_soon() {
    let faltering = Manner::FailsUntil(SECOND);
    let manners = [faltering, Manner::Fails(None)];
    let starts = poll(settings(3600 * SECOND, 4), &manners, 86_400 * SECOND).await;
    let after = gaps(&starts[0]);
    assert!(after[0] <= 120.1, "{after:?}");
    assert!(after[1] >= 3240.0, "{after:?}");
    let failing = gaps(&starts[1]);
    assert!(failing.iter().all(|gap| *gap <= 3600.1), "{failing:?}");
    assert!(failing[8..].iter().all(|gap| *gap >= 1799.9), "{failing:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_asks_for_is_waited_for() {
    let manners = [Manner::Fails(Some(500 * SECOND))];
    let starts = poll(settings(30 * SECOND, 4), &manners, 1200 * SECOND).await;
    for gap in gaps(&starts[0]) {
        assert!((500.0..=550.1).contains(&gap), "{gap}");
    }
}

/// What the server refuses as one too many says nothing about the item: it does not have to queue up with those that fail.
#[tokio::test(start_paused = true)]
async fn after_a_throttle_storm_all_items_are_polled_as_before() {
    let mut manners = vec![Manner::ThrottledUntil(600 * SECOND); 200];
    manners[3] = Manner::Hangs;
    let starts = poll(settings(30 * SECOND, 4), &manners, 900 * SECOND).await;
    for (number, starts) in starts.iter().enumerate() {
        if number == 3 {
            continue;
        }
        let since: Vec<_> = starts
            .iter()
            .filter(|start| **start >= 600 * SECOND)
            .map(Duration::as_secs_f64)
            .collect();
        // At the latest after the longest wait, and on the interval from then on.
        assert!(since[0] <= 720.1, "{number}: {since:?}");
        for pair in since.windows(2) {
            let gap = pair[1] - pair[0];
            assert!((27.0..=30.1).contains(&gap), "{number}: {since:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn items_that_take_the_place_of_another_are_polled_in_its_stead() {
    let starts = Starts::default();
    let item = Fake {
        number: 0,
        manner: Manner::Splits(3),
        began: Instant::now(),
        starts: starts.clone(),
    };
    let run = Poller::new(settings(30 * SECOND, 4), [item]).run();
    timeout(300 * SECOND, run).await.expect_err("never ends");
    let starts = starts.lock().unwrap();
    let counts: Vec<_> = starts.values().map(Vec::len).collect();
    assert_eq!(counts[0], 1);
    assert_eq!(counts.len(), 4);
    assert!(
        counts[1..].iter().all(|count| (10..=12).contains(count)),
        "{counts:?}"
    );
}

/// An item whose polls are requests: each waits for its turn.
struct Limited {
    item: Fake,
    limit: Arc<RateLimit>,
}

impl PollItem for Limited {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        self.limit.acquire().await;
        match self.item.poll(timeout).await? {
            PollSuccess::Polled => Ok(PollSuccess::Polled),
            PollSuccess::Split(_) => unreachable!("not among these"),
        }
    }
}

/// More than the cap lets through in an interval: then all have their turn, one after the other.
#[tokio::test(start_paused = true)]
async fn two_hundred_items_share_five_requests_a_second() {
    let starts = Starts::default();
    let began = Instant::now();
    let limit = Arc::new(RateLimit::new(5.0));
    let bad = [3, 50, 51, 199];
    let item = |number| Limited {
        item: Fake {
            number,
            manner: match number {
                3 | 199 => Manner::Hangs,
                50 | 51 => Manner::Fails(None),
                _ => Manner::Answers(SECOND / 20),
            },
            began,
            starts: starts.clone(),
        },
        limit: limit.clone(),
    };
    let run = Poller::new(settings(30 * SECOND, 4), (0..200).map(item)).run();
    timeout(600 * SECOND, run).await.expect_err("never ends");
    let starts = starts.lock().unwrap();
    let mut all: Vec<_> = starts.values().flatten().copied().collect();
    all.sort_unstable();
    for window in all.windows(6) {
        assert!(window[5] >= window[0] + SECOND, "{window:?}");
    }
    assert!(all.len() > 2_700, "the cap is made use of: {}", all.len());
    assert_eq!(starts.len(), 200);
    for (number, starts) in starts.iter().filter(|(number, _)| !bad.contains(*number)) {
        // 200 requests at 210 ms each, and those of the bad ones.
        for gap in gaps(starts) {
            assert!(gap < 46.0, "{gap} for {number}");
        }
        assert!(starts.len() >= 13, "{} for {number}", starts.len());
    }
}
