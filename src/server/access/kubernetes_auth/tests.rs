//! Answers over time, with a scripted reviewer and paused time.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures_util::future::BoxFuture;
use tokio::{sync::Semaphore, task::JoinSet, time::advance};

use super::*;

const GRACE: Duration = Duration::from_hours(1);

/// A reviewer with one answer for all tokens. It counts reviews.
struct FakeReviewer {
    /// `None` for a failure.
    answer: Mutex<Option<Review>>,
    /// How long an answer takes.
    delay: Mutex<Duration>,
    reviews: AtomicUsize,
    asked: Mutex<VecDeque<String>>,
    /// Each review takes a permit.
    permits: Semaphore,
}

impl FakeReviewer {
    fn new(answer: Option<Review>) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(answer),
            delay: Mutex::default(),
            reviews: AtomicUsize::new(0),
            asked: Mutex::default(),
            permits: Semaphore::new(1_000_000),
        })
    }

    fn set(&self, answer: Option<Review>) {
        *self.answer.lock() = answer;
    }

    fn count(&self) -> usize {
        self.reviews.load(Ordering::Relaxed)
    }
}

impl AccessReviewer for FakeReviewer {
    fn review<'a>(
        &'a self,
        token: &'a SecretString,
        verb: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Review, ReviewError>> {
        Box::pin(async move {
            self.reviews.fetch_add(1, Ordering::Relaxed);
            let asked = format!("{} {verb} {path}", token.expose_secret());
            self.asked.lock().push_back(asked);
            self.permits.acquire().await.unwrap().forget();
            let delay = *self.delay.lock();
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            let answer = self.answer.lock().clone();
            answer.ok_or_else(|| ReviewError::timeout(Duration::ZERO))
        })
    }
}

fn auth(reviewer: &Arc<FakeReviewer>) -> Arc<KubernetesAuth> {
    Arc::new(KubernetesAuth::new(reviewer.clone()).unwrap())
}

async fn check(auth: &Arc<KubernetesAuth>, token: &str) -> Decision {
    let token = SecretString::from(token);
    auth.check(&token, &Method::GET, "/metrics", GRACE).await
}

fn denied() -> Review {
    let user = "somebody".to_owned();
    Review::Denied { user }
}

fn is_no_answer(decision: Decision) -> bool {
    matches!(decision, Decision::NoAnswer(_))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_allowed_is_used_for_a_minute() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    for (after, reviews) in [(0, 1), (59, 1), (1, 2), (59, 2), (2, 3)] {
        advance(Duration::from_secs(after)).await;
        assert_eq!(check(&auth, "token").await, Decision::Allowed);
        assert_eq!(reviewer.count(), reviews);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_denied_is_used_for_ten_seconds() {
    for (answer, decision) in [
        (Some(denied()), Decision::Forbidden),
        (Some(Review::Unauthenticated), Decision::Unauthenticated),
    ] {
        let reviewer = FakeReviewer::new(answer);
        let auth = auth(&reviewer);
        for (after, reviews) in [(0, 1), (9, 1), (1, 2)] {
            advance(Duration::from_secs(after)).await;
            assert_eq!(check(&auth, "token").await, decision);
            assert_eq!(reviewer.count(), reviews);
        }
        reviewer.set(Some(Review::Allowed));
        advance(Duration::from_secs(10)).await;
        assert_eq!(check(&auth, "token").await, Decision::Allowed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_revoked_is_refused_within_a_minute() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "token").await, Decision::Allowed);
    reviewer.set(Some(Review::Unauthenticated));
    advance(ALLOWED_FOR).await;
    assert_eq!(check(&auth, "token").await, Decision::Unauthenticated);
    // From then on it is a token that was never allowed, also in an outage.
    reviewer.set(None);
    advance(DENIED_FOR).await;
    assert!(is_no_answer(check(&auth, "token").await));
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_a_token_that_was_allowed_stays_allowed_and_others_have_no_answer() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    reviewer.set(None);
    let start = Instant::now();
    while start.elapsed() < GRACE {
        assert_eq!(check(&auth, "known").await, Decision::Allowed);
        assert!(is_no_answer(check(&auth, "unknown").await));
        advance(Duration::from_secs(15)).await;
    }
    assert!(is_no_answer(check(&auth, "known").await));
    reviewer.set(Some(Review::Allowed));
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    assert_eq!(check(&auth, "unknown").await, Decision::Allowed);
}

#[tokio::test(start_paused = true)]
async fn the_grace_begins_with_the_last_answer_and_not_with_the_last_request() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "token").await, Decision::Allowed);
    reviewer.set(None);
    advance(Duration::from_mins(59)).await;
    assert_eq!(check(&auth, "token").await, Decision::Allowed);
    advance(Duration::from_mins(1)).await;
    assert!(is_no_answer(check(&auth, "token").await));
}

#[tokio::test(start_paused = true)]
async fn without_a_grace_an_answer_ends_after_a_minute() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    let token = SecretString::from("token");
    let check = || auth.check(&token, &Method::GET, "/metrics", Duration::ZERO);
    assert_eq!(check().await, Decision::Allowed);
    reviewer.set(None);
    advance(Duration::from_secs(59)).await;
    assert_eq!(check().await, Decision::Allowed);
    advance(Duration::from_secs(1)).await;
    assert!(is_no_answer(check().await));
}

#[tokio::test(start_paused = true)]
async fn in_an_outage_a_scrape_waits_for_a_second_and_only_now_and_then() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "token").await, Decision::Allowed);
    *reviewer.delay.lock() = GRACE;
    advance(ALLOWED_FOR).await;
    let (mut waits, start) = (Duration::ZERO, Instant::now());
    while start.elapsed() < Duration::from_mins(5) {
        let before = Instant::now();
        assert_eq!(check(&auth, "token").await, Decision::Allowed);
        waits = waits.max(before.elapsed());
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(waits, RENEWAL_WAIT);
    let cycle = (REVIEW_TIMEOUT + RETRY).as_secs();
    let reviews = reviewer.count() as u64;
    assert!((10..=300 / cycle + 2).contains(&reviews), "{reviews}");
    // A token without an earlier answer waits for its own.
    let before = Instant::now();
    assert!(is_no_answer(check(&auth, "unknown").await));
    assert_eq!(before.elapsed(), REVIEW_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_review() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    *reviewer.delay.lock() = Duration::from_secs(1);
    let auth = auth(&reviewer);
    for reviews in 1..=2 {
        let mut tasks = JoinSet::new();
        for _ in 0..100 {
            let auth = auth.clone();
            tasks.spawn(async move { check(&auth, "token").await });
        }
        assert_eq!(tasks.join_all().await, [Decision::Allowed; 100]);
        assert_eq!(reviewer.count(), reviews);
        advance(Duration::from_mins(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_are_for_one_token_one_path_and_one_verb() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    for (token, method, path) in [
        ("a", Method::GET, "/metrics"),
        ("a", Method::HEAD, "/metrics"),
        ("b", Method::GET, "/metrics"),
        ("a", Method::GET, "/"),
        ("a", Method::POST, "/metrics"),
    ] {
        let token = SecretString::from(token);
        auth.check(&token, &method, path, GRACE).await;
    }
    let asked = reviewer.asked.lock().clone();
    assert_eq!(
        asked,
        [
            "a get /metrics",
            "b get /metrics",
            "a get /",
            "a post /metrics"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_unknown_tokens_does_not_delay_those_that_were_allowed() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    advance(ALLOWED_FOR).await;
    // Reviews do not end until they get a permit.
    reviewer.permits.forget_permits(1_000_000);
    let mut flood = JoinSet::new();
    for number in 0..200 {
        let auth = auth.clone();
        flood.spawn(async move { check(&auth, &number.to_string()).await });
    }
    for _ in RUNNING_FIRST + WAITING_FIRST..200 {
        assert!(is_no_answer(flood.join_next().await.unwrap().unwrap()));
    }
    assert_eq!(reviewer.count(), 1 + RUNNING_FIRST);
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    assert_eq!(reviewer.count(), 1 + RUNNING_FIRST + 1);
}

#[tokio::test(start_paused = true)]
async fn refused_tokens_never_displace_allowed_ones() {
    let reviewer = FakeReviewer::new(Some(Review::Allowed));
    let auth = auth(&reviewer);
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    reviewer.set(Some(Review::Unauthenticated));
    for number in 0..=CACHED {
        check(&auth, &number.to_string()).await;
    }
    let before = reviewer.count();
    assert_eq!(check(&auth, "known").await, Decision::Allowed);
    assert_eq!(reviewer.count(), before);
    // The first refused token has left the cache.
    assert_eq!(check(&auth, "0").await, Decision::Unauthenticated);
    assert_eq!(reviewer.count(), before + 1);
}
