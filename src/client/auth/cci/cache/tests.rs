//! Days of polling in paused time, with a count of the requests to the issuer.

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
    Reject,
    Pause(Duration),
}

/// Issues numbers. Follows the plan, and repeats its last step.
struct Counter {
    plan: Mutex<VecDeque<Act>>,
    takes: Duration,
    requests: Mutex<Vec<Instant>>,
    new_secret: Mutex<bool>,
}

impl Counter {
    fn new(plan: impl IntoIterator<Item = Act>, takes: Duration) -> Arc<Self> {
        Arc::new(Self {
            plan: Mutex::new(plan.into_iter().collect()),
            takes,
            requests: Mutex::default(),
            new_secret: Mutex::new(false),
        })
    }

    fn plan(&self, act: Act) {
        *self.plan.lock() = VecDeque::from([act]);
    }

    fn requests(&self) -> Vec<Instant> {
        self.requests.lock().clone()
    }
}

impl Issuer for Counter {
    type Item = usize;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<usize>, IssueError>> {
        Box::pin(async {
            *self.new_secret.lock() = false;
            let item = {
                let mut requests = self.requests.lock();
                requests.push(Instant::now());
                requests.len()
            };
            let act = {
                let mut plan = self.plan.lock();
                if plan.len() > 1 {
                    plan.pop_front()
                } else {
                    plan.front().copied()
                }
            };
            sleep(self.takes).await;
            match act.unwrap() {
                Act::Give(lifetime) => Ok(Issued {
                    item,
                    lifetime,
                    expires_at: model::now(),
                }),
                Act::Fail => Err(IssueError::temporary("it is down")),
                Act::Reject => Err(IssueError {
                    rejected: Some(StatusCode::UNAUTHORIZED),
                    ..IssueError::temporary("wrong password")
                }),
                Act::Pause(retry_after) => Err(IssueError {
                    retry_after: Some(retry_after),
                    ..IssueError::temporary("throttled")
                }),
            }
        })
    }

    fn has_new_secret(&self) -> bool {
        *self.new_secret.lock()
    }
}

/// Polls for `time`. Returns the items that were used, and how often there was none.
async fn poll(cache: &CredentialCache<usize>, time: Duration) -> (Vec<usize>, usize) {
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
    let cache = CredentialCache::new(issuer.clone());
    let start = Instant::now();
    let (used, failures) = poll(&cache, 2 * DAY).await;
    assert_eq!((used, failures), (vec![1, 2, 3], 0));
    let requests = issuer.requests();
    for (renewal, days) in [(requests[1] - start, 1.0), (requests[2] - start, 2.0)] {
        let share = renewal.as_secs_f64() / DAY.as_secs_f64() / days;
        assert!((0.75..0.81).contains(&share), "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn short_lifetimes_are_renewed_at_half_time_or_ten_minutes_before_expiry() {
    for (minutes, latest) in [(60, 48.0), (30, 20.0), (12, 6.0), (2, 1.0)] {
        let lifetime = Duration::from_mins(minutes);
        let issuer = Counter::new([Act::Give(lifetime)], Duration::ZERO);
        let cache = CredentialCache::new(issuer.clone());
        let first = cache.get(None).await.unwrap();
        let renewal = (first.renew_at - issuer.requests()[0]).as_secs_f64() / 60.0;
        assert!(
            renewal <= latest && renewal >= latest * 0.9,
            "{minutes}: {renewal}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn concurrent_callers_share_one_request() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(1));
    let cache = CredentialCache::new(issuer.clone());
    let ten = || futures_util::future::join_all((0..10).map(|_| cache.get(None)));
    for credential in ten().await {
        assert_eq!(credential.unwrap().number, 1);
    }
    let ten = futures_util::future::join_all((0..10).map(|_| cache.get(Some(1))));
    for credential in ten.await {
        assert_eq!(credential.unwrap().number, 2);
    }
    assert_eq!(issuer.requests().len(), 2);
    // The second one is rejected for one target, and used by others.
    assert_eq!(cache.get(None).await.unwrap().number, 2);
    assert_eq!(cache.get(Some(2)).await.unwrap().number, 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_times_out_does_not_restart_the_request() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(10));
    let cache = CredentialCache::new(issuer.clone());
    for _ in 0..3 {
        assert!(
            timeout(Duration::from_secs(3), cache.get(None))
                .await
                .is_err()
        );
    }
    assert_eq!(cache.get(None).await.unwrap().item, 1);
    assert_eq!(issuer.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_during_a_renewal_fails_no_poll() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::from_secs(15));
    let cache = CredentialCache::new(issuer.clone());
    cache.get(None).await.unwrap();
    issuer.plan(Act::Fail);
    sleep(DAY.mul_f64(0.8)).await;
    let (used, failures) = poll(&cache, Duration::from_mins(10)).await;
    assert_eq!((used, failures), (vec![1], 0));
    let requests = issuer.requests().len();
    assert!((5..=20).contains(&requests), "{requests}");
    issuer.plan(Act::Give(DAY));
    let (used, _) = poll(&cache, Duration::from_mins(3)).await;
    assert_eq!(used.last(), Some(&issuer.requests().len()));
}

#[tokio::test(start_paused = true)]
async fn without_any_credential_requests_fail_at_once_and_the_issuer_gets_few_requests() {
    let issuer = Counter::new([Act::Fail], Duration::from_secs(1));
    let cache = CredentialCache::new(issuer.clone());
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
    assert!(issuer.requests().len() < 20, "{}", issuer.requests().len());
    issuer.plan(Act::Give(DAY));
    let (used, failures) = poll(&cache, Duration::from_mins(5)).await;
    assert!(!used.is_empty() && failures <= 3, "{failures}");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_a_few_times_a_day_and_a_new_one_at_once() {
    let issuer = Counter::new([Act::Reject], Duration::ZERO);
    let cache = CredentialCache::new(issuer.clone());
    let (used, _) = poll(&cache, DAY).await;
    assert!(used.is_empty());
    let requests = issuer.requests();
    assert!((20..=28).contains(&requests.len()), "{}", requests.len());
    assert!(
        requests
            .windows(2)
            .all(|two| two[1] - two[0] >= Duration::from_mins(5))
    );

    assert!(cache.get(None).await.is_err());
    *issuer.new_secret.lock() = true;
    issuer.plan(Act::Give(DAY));
    assert!(cache.get(None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_pause_that_an_issuer_asks_for_is_kept() {
    let issuer = Counter::new([Act::Pause(Duration::from_mins(20))], Duration::ZERO);
    let cache = CredentialCache::new(issuer.clone());
    poll(&cache, Duration::from_mins(59)).await;
    assert_eq!(issuer.requests().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_expires_at_once_is_rejected() {
    for lifetime in [Duration::ZERO, Duration::from_secs(5)] {
        let issuer = Counter::new([Act::Give(lifetime)], Duration::ZERO);
        let cache = CredentialCache::new(issuer.clone());
        let error = cache.get(None).await.err().unwrap().to_string();
        assert!(error.contains("valid for"), "{error}");
        poll(&cache, Duration::from_hours(1)).await;
        assert!(issuer.requests().len() <= 65, "{}", issuer.requests().len());
    }
    let endless = Counter::new([Act::Give(Duration::MAX)], Duration::ZERO);
    assert!(CredentialCache::new(endless).get(None).await.is_ok());
}

/// Panics once, then works.
struct PanicsOnce(Arc<Counter>);

impl Issuer for PanicsOnce {
    type Item = usize;

    fn issue(&self) -> BoxFuture<'_, Result<Issued<usize>, IssueError>> {
        if self.0.requests().is_empty() {
            self.0.requests.lock().push(Instant::now());
            return Box::pin(future::poll_fn(|_| panic!("expected")));
        }
        self.0.issue()
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_issuer_blocks_no_caller() {
    let issuer = Counter::new([Act::Give(DAY)], Duration::ZERO);
    let cache = CredentialCache::new(Arc::new(PanicsOnce(issuer)));
    assert!(cache.get(None).await.is_ok());
}
