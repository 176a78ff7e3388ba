//! Days of polling in paused time, and every request to the issuer counted.

use std::{collections::VecDeque, future, time::Duration};

use tokio::time::{sleep, timeout};

use super::*;
use crate::model;

const DAY: Duration = Duration::from_hours(24);
const POLL: Duration = Duration::from_secs(30);

/// What the issuer does next.
#[derive(Clone, Copy)]
enum Act {
    Give(Duration),
    Fail,
    Refuse,
}

/// Issues numbers. Does what is planned, then the last of it again and again.
struct Counter {
    plan: Mutex<VecDeque<Act>>,
    takes: Duration,
    asked: Mutex<Vec<Instant>>,
    new_secret: Mutex<bool>,
}

impl Counter {
    fn new(plan: impl IntoIterator<Item = Act>, takes: Duration) -> Arc<Self> {
        Arc::new(Self {
            plan: Mutex::new(plan.into_iter().collect()),
            takes,
            asked: Mutex::default(),
            new_secret: Mutex::new(false),
        })
    }

    fn plan(&self, act: Act) {
        *lock(&self.plan) = VecDeque::from([act]);
    }

    fn asked(&self) -> Vec<Instant> {
        lock(&self.asked).clone()
    }
}

impl Issuer for Counter {
    type Item = usize;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<usize>, NotIssued>> {
        Box::pin(async {
            *lock(&self.new_secret) = false;
            let item = {
                let mut asked = lock(&self.asked);
                asked.push(Instant::now());
                asked.len()
            };
            let act = {
                let mut plan = lock(&self.plan);
                if plan.len() > 1 {
                    plan.pop_front()
                } else {
                    plan.front().copied()
                }
            };
            sleep(self.takes).await;
            match act.unwrap() {
                Act::Give(life) => Ok(Issued {
                    item,
                    life,
                    expires_at: model::now(),
                }),
                Act::Fail => Err(NotIssued {
                    why: "it is down".to_owned(),
                    refused: false,
                }),
                Act::Refuse => Err(NotIssued {
                    why: "wrong password".to_owned(),
                    refused: true,
                }),
            }
        })
    }

    fn has_new_secret(&self) -> bool {
        *lock(&self.new_secret)
    }
}

/// Polls for `time`; the items that were used, and how often there was none.
async fn poll(cache: &Cache<usize>, time: Duration) -> (Vec<usize>, usize) {
    let (mut used, mut failures) = (Vec::new(), 0);
    let end = Instant::now() + time;
    while Instant::now() < end {
        match cache.get(None).await {
            Ok(credential) => {
                assert!(Instant::now() < credential.expires);
                used.push(credential.item);
            }
            Err(_) => failures += 1,
        }
        sleep(POLL).await;
    }
    used.dedup();
    (used, failures)
}

#[tokio::test(start_paused = true)]
async fn two_days_take_three_requests_and_no_poll_waits_for_a_renewal() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(2));
    let cache = Cache::new(issuer.clone());
    let start = Instant::now();
    let (used, failures) = poll(&cache, 2 * DAY).await;
    assert_eq!((used, failures), (vec![1, 2, 3], 0));
    let asked = issuer.asked();
    for (renewal, spent) in [(asked[1] - start, 1.0), (asked[2] - start, 2.0)] {
        let share = renewal.as_secs_f64() / DAY.as_secs_f64() / spent;
        assert!((0.75..0.81).contains(&share), "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn short_lives_are_renewed_at_half_time_or_with_ten_minutes_left() {
    for (minutes, latest) in [(60, 48.0), (30, 20.0), (12, 6.0), (2, 1.0)] {
        let life = Duration::from_mins(minutes);
        let issuer = Counter::new([Act::Give(life)], Duration::ZERO);
        let cache = Cache::new(issuer.clone());
        let first = cache.get(None).await.unwrap();
        let due = (first.due - issuer.asked()[0]).as_secs_f64() / 60.0;
        assert!(due <= latest && due >= latest * 0.9, "{minutes}: {due}");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_race_share_one_request() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(1));
    let cache = Cache::new(issuer.clone());
    let ten = || futures_util::future::join_all((0..10).map(|_| cache.get(None)));
    for credential in ten().await {
        assert_eq!(credential.unwrap().number, 1);
    }
    let ten = futures_util::future::join_all((0..10).map(|_| cache.get(Some(1))));
    for credential in ten.await {
        assert_eq!(credential.unwrap().number, 2);
    }
    assert_eq!(issuer.asked().len(), 2);
    // To some the second one is refused, others go on with it.
    assert_eq!(cache.get(None).await.unwrap().number, 2);
    assert_eq!(cache.get(Some(2)).await.unwrap().number, 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_loses_patience_does_not_make_it_begin_again() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(10));
    let cache = Cache::new(issuer.clone());
    for _ in 0..3 {
        assert!(
            timeout(Duration::from_secs(3), cache.get(None))
                .await
                .is_err()
        );
    }
    assert_eq!(cache.get(None).await.unwrap().item, 1);
    assert_eq!(issuer.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_the_issuer_go_unnoticed_when_a_renewal_falls_into_them() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(15));
    let cache = Cache::new(issuer.clone());
    cache.get(None).await.unwrap();
    issuer.plan(Act::Fail);
    sleep(DAY.mul_f64(0.8)).await;
    let (used, failures) = poll(&cache, Duration::from_mins(10)).await;
    assert_eq!((used, failures), (vec![1], 0));
    let asked = issuer.asked().len();
    assert!((5..=20).contains(&asked), "{asked}");
    issuer.plan(Act::Give(DAY));
    let (used, _) = poll(&cache, Duration::from_mins(3)).await;
    assert_eq!(used.last(), Some(&issuer.asked().len()));
}

#[tokio::test(start_paused = true)]
async fn without_any_credential_requests_fail_at_once_and_the_issuer_is_not_stormed() {
    let issuer = Counter::new([Act::Fail], Duration::from_secs(1));
    let cache = Cache::new(issuer.clone());
    let (mut failures, start) = (0, Instant::now());
    while start.elapsed() < Duration::from_mins(10) {
        let error = cache.get(None).await.err().unwrap().to_string();
        assert!(
            error.starts_with("it is down; the next attempt is made after 2"),
            "{error}"
        );
        failures += 1;
        sleep(Duration::from_millis(200)).await;
    }
    assert!(failures > 2_500, "{failures}");
    assert!(issuer.asked().len() < 20, "{}", issuer.asked().len());
    issuer.plan(Act::Give(DAY));
    let (used, failures) = poll(&cache, Duration::from_mins(5)).await;
    assert!(!used.is_empty() && failures <= 3, "{failures}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_a_few_times_a_day_and_a_new_one_at_once() {
    let issuer = Counter::new([Act::Refuse], Duration::ZERO);
    let cache = Cache::new(issuer.clone());
    let (used, _) = poll(&cache, DAY).await;
    assert!(used.is_empty());
    let asked = issuer.asked();
    assert!((20..=28).contains(&asked.len()), "{}", asked.len());
    assert!(
        asked
            .windows(2)
            .all(|two| two[1] - two[0] >= Duration::from_mins(5))
    );

    assert!(cache.get(None).await.is_err());
    *lock(&issuer.new_secret) = true;
    issuer.plan(Act::Give(DAY));
    assert!(cache.get(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_is_over_when_it_comes_is_none() {
    for life in [Duration::ZERO, Duration::from_secs(5)] {
        let issuer = Counter::new([Act::Give(life)], Duration::ZERO);
        let cache = Cache::new(issuer.clone());
        let error = cache.get(None).await.err().unwrap().to_string();
        assert!(error.contains("good for"), "{error}");
        poll(&cache, Duration::from_hours(1)).await;
        assert!(issuer.asked().len() <= 65, "{}", issuer.asked().len());
    }
    let endless = Counter::new([Act::Give(Duration::MAX)], Duration::ZERO);
    assert!(Cache::new(endless).get(None).await.is_ok());
}

/// Panics once, then works.
struct Clumsy(Arc<Counter>);

impl Issuer for Clumsy {
    type Item = usize;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<usize>, NotIssued>> {
        if self.0.asked().is_empty() {
            lock(&self.0.asked).push(Instant::now());
            return Box::pin(future::poll_fn(|_| panic!("clumsy")));
        }
        self.0.issue()
    }

    fn has_new_secret(&self) -> bool {
        false
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_asking_hangs_nobody() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::ZERO);
    let cache = Cache::new(Arc::new(Clumsy(issuer)));
    assert!(cache.get(None).await.is_ok());
}
