//! Hours with an API that rejects requests, in paused time: which requests are sent, and what the errors say.

use std::{collections::HashSet, convert::Infallible, fs, path::Path, time::Duration};

use futures_util::future::{join_all, ready};
use http::{HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use proptest::prelude::*;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{
    super::{
        cache::{CredentialCache, IssueError, Issued, Issuer},
        key_guard::KeyGuards,
        keys::{KeyFiles, KeySource},
        signature::{CanonicalUri, EMPTY_PAYLOAD, SigningInput, sign},
    },
    *,
};
use crate::{
    client::Suppressed,
    config::{AccessKey, KeyAuth},
};

mod signatures;

type Respond = dyn Fn(&Request<Body>) -> StatusCode + Send + Sync;

/// An API in this process.
struct Server {
    /// The status for a request.
    respond: Box<Respond>,
    /// How far its clock is ahead.
    ahead: SignedDuration,
    /// The time until the response.
    latency: Duration,
    requests: Mutex<Requests>,
}

#[derive(Default)]
struct Requests {
    times: Vec<Instant>,
    in_flight: usize,
    max_in_flight: usize,
}

impl Server {
    fn new(respond: impl Fn(&Request<Body>) -> StatusCode + Send + Sync + 'static) -> Self {
        Self {
            respond: Box::new(respond),
            ahead: SignedDuration::ZERO,
            latency: Duration::from_millis(50),
            requests: Mutex::default(),
        }
    }

    /// How many requests arrived.
    fn count(&self) -> usize {
        self.requests.lock().times.len()
    }

    async fn serve(self: Arc<Self>, request: Request<Body>) -> Result<Response<()>, Infallible> {
        {
            let mut requests = self.requests.lock();
            requests.times.push(Instant::now());
            requests.in_flight += 1;
            requests.max_in_flight = requests.max_in_flight.max(requests.in_flight);
        }
        sleep(self.latency).await;
        self.requests.lock().in_flight -= 1;
        let date = (model::now() + self.ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let response = Response::builder()
            .status((self.respond)(&request))
            .header(header::DATE, date.to_string());
        Ok(response.body(()).unwrap())
    }
}

/// Sends one request to `server`, and retries it if that is allowed, as the caller of the layer does.
async fn call(
    authentication: &Arc<Authentication>,
    server: &Arc<Server>,
) -> Result<Response<()>, BoxError> {
    let mut first = send(authentication, server).await?;
    if first.status() != StatusCode::UNAUTHORIZED || !reason(&first).is_empty() {
        return Ok(first);
    }
    match send(authentication, server).await {
        Err(error) => {
            first.extensions_mut().insert(NoRetry(error.to_string()));
            Ok(first)
        }
        second => second,
    }
}

/// Sends one request through the layer to `server`.
async fn send(
    authentication: &Arc<Authentication>,
    server: &Arc<Server>,
) -> Result<Response<()>, BoxError> {
    let server = server.clone();
    let client = tower::service_fn(move |request| server.clone().serve(request));
    let authenticated = AuthenticatedClient {
        authentication: authentication.clone(),
        client,
    };
    let request = Request::get("https://cci.example/apis/batch/v1/namespaces/n/jobs?limit=500");
    authenticated
        .oneshot(request.body(Body::empty()).unwrap())
        .await
}

fn reason(response: &Response<()>) -> String {
    response
        .extensions()
        .get::<NoRetry>()
        .map(|NoRetry(reason)| reason.clone())
        .unwrap_or_default()
}

fn suppressed(outcome: Result<Response<()>, BoxError>) -> String {
    let error = outcome.err().unwrap();
    error.downcast::<Suppressed>().unwrap().to_string()
}

/// Issues `token-1`, `token-2` and so on.
#[derive(Default)]
struct Iam {
    issued: Mutex<usize>,
    down: Mutex<bool>,
}

impl Iam {
    fn issued(&self) -> usize {
        *self.issued.lock()
    }
}

impl Issuer for Iam {
    type Item = SecretString;

    fn issue(
        &self,
    ) -> futures_util::future::BoxFuture<'_, Result<Issued<SecretString>, IssueError>> {
        *self.issued.lock() += 1;
        let outcome = if *self.down.lock() {
            Err(IssueError::temporary("IAM is down"))
        } else {
            Ok(Issued {
                item: format!("token-{}", self.issued()).into(),
                lifetime: Duration::from_hours(24),
                expires_at: model::now(),
            })
        };
        Box::pin(ready(outcome))
    }
}

fn tokens(cache: &Arc<CredentialCache<SecretString>>) -> Arc<Authentication> {
    let header = HeaderName::from_static("x-auth-token");
    Arc::new(Authentication::Token(TokenAuthentication::new(
        header,
        cache.clone(),
    )))
}

/// Accepts every token except the revoked ones.
fn rejects(revoked: &Arc<Mutex<HashSet<String>>>) -> Arc<Server> {
    let revoked = revoked.clone();
    Arc::new(Server::new(move |request| {
        let token = request.headers()["x-auth-token"].to_str().unwrap();
        if revoked.lock().contains(token) {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::OK
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn a_day_of_polling_survives_expiry_and_revocation_with_a_handful_of_tokens() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(CredentialCache::new(iam.clone() as _));
    // Two targets share one credential.
    let targets = [tokens(&cache), tokens(&cache)];
    let revoked = Arc::new(Mutex::new(HashSet::new()));
    let server = rejects(&revoked);
    let start = Instant::now();
    let (mut polls, mut revocations) = (0, 0);
    while start.elapsed() < Duration::from_hours(24) {
        if revocations < 3 && start.elapsed() >= Duration::from_hours(6 * (revocations + 1)) {
            revocations += 1;
            revoked.lock().insert(format!("token-{revocations}"));
        }
        // Eight concurrent requests share one token.
        let calls = (0..8).map(|n| call(&targets[n % 2], &server));
        for response in join_all(calls).await {
            assert_eq!(response.unwrap().status(), StatusCode::OK);
            polls += 1;
        }
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(iam.issued(), 4);
    assert_eq!(server.count(), polls + 3 * 8);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_rejects_new_tokens_gets_few_requests_and_so_does_iam() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(CredentialCache::new(iam.clone() as _));
    let wrong_region = tokens(&cache);
    let right_region = tokens(&cache);
    let rejecting = Arc::new(Server::new(|_| StatusCode::UNAUTHORIZED));
    let accepting = Arc::new(Server::new(|_| StatusCode::OK));

    let first = call(&wrong_region, &rejecting).await.unwrap();
    assert_eq!(first.status(), StatusCode::UNAUTHORIZED);
    assert!(
        reason(&first).contains("a new token was rejected too"),
        "{}",
        reason(&first)
    );
    let second = suppressed(call(&wrong_region, &rejecting).await);
    assert!(second.contains("rejects new tokens from IAM"), "{second}");
    assert!(
        second.contains("the next attempt is made after 2"),
        "{second}"
    );

    let start = Instant::now();
    while start.elapsed() < Duration::from_hours(24) {
        let calls = (0..4).map(|_| call(&wrong_region, &rejecting));
        join_all(calls).await;
        assert_eq!(
            call(&right_region, &accepting).await.unwrap().status(),
            StatusCode::OK
        );
        sleep(Duration::from_secs(30)).await;
    }
    assert!(iam.issued() <= 32, "{}", iam.issued());
    assert!(rejecting.count() <= 4 * 30, "{}", rejecting.count());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_rejects_tokens_now_and_then_gets_few_new_ones() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(CredentialCache::new(iam.clone() as _));
    let target = tokens(&cache);
    let requests = Mutex::new(0);
    let server = Arc::new(Server::new(move |_| {
        *requests.lock() += 1;
        match *requests.lock() % 2 {
            0 => StatusCode::UNAUTHORIZED,
            _ => StatusCode::OK,
        }
    }));
    let start = Instant::now();
    while start.elapsed() < Duration::from_hours(1) {
        let response = call(&target, &server).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        sleep(Duration::from_secs(1)).await;
    }
    assert!((6..=7).contains(&iam.issued()), "{}", iam.issued());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_while_iam_is_down_gives_the_401_and_the_reason() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(CredentialCache::new(iam.clone() as _));
    let target = tokens(&cache);
    let revoked = Arc::new(Mutex::new(HashSet::new()));
    let server = rejects(&revoked);
    assert!(call(&target, &server).await.is_ok());
    revoked.lock().insert("token-1".to_owned());
    *iam.down.lock() = true;
    let response = call(&target, &server).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(reason(&response).contains("no new token to replace the rejected one: IAM is down"));
    let requests = server.count();
    assert!(suppressed(call(&target, &server).await).contains("IAM is down"));
    assert_eq!(
        server.count(),
        requests,
        "the rejected token is not sent again"
    );
    *iam.down.lock() = false;
    sleep(Duration::from_mins(2)).await;
    assert_eq!(
        call(&target, &server).await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_authorization_header_is_a_bearer_token_and_redacted() {
    let cache = Arc::new(CredentialCache::new(Arc::new(Iam::default()) as _));
    let tokens = TokenAuthentication::new(header::AUTHORIZATION, cache);
    let authentication = Arc::new(Authentication::Token(tokens));
    let server = Arc::new(Server::new(|request| {
        let value = &request.headers()[header::AUTHORIZATION];
        assert_eq!(value, "Bearer token-1");
        assert!(!format!("{request:?}").contains("token-1"));
        StatusCode::OK
    }));
    assert!(call(&authentication, &server).await.is_ok());
}
