//! Hours against an API that refuses, in paused time: what is sent, what is not, and what is said of it.

use std::{collections::HashSet, convert::Infallible, fs, path::Path, time::Duration};

use parking_lot::Mutex;

use futures_util::future::{join_all, ready};
use http::{HeaderName, header};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use secrecy::SecretString;
use tokio::time::{Instant, sleep};

use super::{
    super::{
        cache::{Cache, Issued, Issuer, NotIssued},
        keys::{KeyFiles, Keys},
        signature::{EMPTY_PAYLOAD, Request as ToSign, Target, sign},
        suppressed::Suppressed,
    },
    *,
};
use crate::config::{AccessKey, KeyAuth};

mod signatures;

type Answer = dyn Fn(&Request<Body>) -> StatusCode + Send + Sync;

/// An API in this process.
struct Server {
    /// What it makes of a request.
    answer: Box<Answer>,
    /// By how much its clock is ahead.
    ahead: SignedDuration,
    /// How long it takes.
    takes: Duration,
    state: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    at: Vec<Instant>,
    under_way: usize,
    most: usize,
}

impl Server {
    fn new(answer: impl Fn(&Request<Body>) -> StatusCode + Send + Sync + 'static) -> Self {
        Self {
            answer: Box::new(answer),
            ahead: SignedDuration::ZERO,
            takes: Duration::from_millis(50),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> parking_lot::MutexGuard<'_, Counts> {
        self.state.lock()
    }

    fn requests(&self) -> usize {
        self.state().at.len()
    }

    async fn serve(self: Arc<Self>, request: Request<Body>) -> Result<Response<()>, Infallible> {
        {
            let mut state = self.state();
            state.at.push(Instant::now());
            state.under_way += 1;
            state.most = state.most.max(state.under_way);
        }
        sleep(self.takes).await;
        self.state().under_way -= 1;
        let date = (model::now() + self.ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let response = Response::builder()
            .status((self.answer)(&request))
            .header(header::DATE, date.to_string());
        Ok(response.body(()).unwrap())
    }
}

/// Sends one request to `server`, and again if it is worth another try, as the caller of the layer does.
async fn call(
    authentication: &Arc<Authentication>,
    server: &Arc<Server>,
) -> Result<Response<()>, BoxError> {
    let mut first = send(authentication, server).await?;
    if first.status() != StatusCode::UNAUTHORIZED || !note(&first).is_empty() {
        return Ok(first);
    }
    match send(authentication, server).await {
        Err(error) => {
            first
                .extensions_mut()
                .insert(RefusalNote(error.to_string()));
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
    let authenticated = Authenticated {
        authentication: authentication.clone(),
        client,
    };
    let request = Request::get("https://cci.example/apis/batch/v1/namespaces/n/jobs?limit=500");
    authenticated
        .oneshot(request.body(Body::empty()).unwrap())
        .await
}

fn note(response: &Response<()>) -> String {
    response
        .extensions()
        .get::<RefusalNote>()
        .map(|note| note.0.clone())
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
    ) -> futures_util::future::BoxFuture<'_, Result<Issued<SecretString>, NotIssued>> {
        *self.issued.lock() += 1;
        let outcome = if *self.down.lock() {
            Err(NotIssued {
                why: "IAM is down".to_owned(),
                refused: false,
            })
        } else {
            Ok(Issued {
                item: format!("token-{}", self.issued()).into(),
                life: Duration::from_hours(24),
                expires_at: model::now(),
            })
        };
        Box::pin(ready(outcome))
    }

    fn has_new_secret(&self) -> bool {
        false
    }
}

fn tokens(cache: &Arc<Cache<SecretString>>) -> Arc<Authentication> {
    let header = HeaderName::from_static("x-auth-token");
    Arc::new(Authentication::Token(Tokens::new(header, cache.clone())))
}

/// Takes every token but these.
fn refuses(revoked: &Arc<Mutex<HashSet<String>>>) -> Arc<Server> {
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
    let cache = Arc::new(Cache::new(iam.clone() as _));
    // Two targets of one credential.
    let targets = [tokens(&cache), tokens(&cache)];
    let revoked = Arc::new(Mutex::new(HashSet::new()));
    let server = refuses(&revoked);
    let start = Instant::now();
    let (mut polls, mut revocations) = (0, 0);
    while start.elapsed() < Duration::from_hours(24) {
        if revocations < 3 && start.elapsed() >= Duration::from_hours(6 * (revocations + 1)) {
            revocations += 1;
            revoked.lock().insert(format!("token-{revocations}"));
        }
        // Eight at once: one token for all of them.
        let calls = (0..8).map(|n| call(&targets[n % 2], &server));
        for response in join_all(calls).await {
            assert_eq!(response.unwrap().status(), StatusCode::OK);
            polls += 1;
        }
        sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(iam.issued(), 4);
    assert_eq!(server.requests(), polls + 3 * 8);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_refuses_new_tokens_too_is_left_alone_and_so_is_iam() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(Cache::new(iam.clone() as _));
    let wrong_region = tokens(&cache);
    let right_region = tokens(&cache);
    let refusing = Arc::new(Server::new(|_| StatusCode::UNAUTHORIZED));
    let accepting = Arc::new(Server::new(|_| StatusCode::OK));

    let first = call(&wrong_region, &refusing).await.unwrap();
    assert_eq!(first.status(), StatusCode::UNAUTHORIZED);
    assert!(
        note(&first).contains("a new token was refused too"),
        "{}",
        note(&first)
    );
    let second = suppressed(call(&wrong_region, &refusing).await);
    assert!(
        second.contains("refuses tokens that IAM has just given"),
        "{second}"
    );
    assert!(
        second.contains("the next attempt is made after 2"),
        "{second}"
    );

    let start = Instant::now();
    while start.elapsed() < Duration::from_hours(24) {
        let calls = (0..4).map(|_| call(&wrong_region, &refusing));
        join_all(calls).await;
        assert_eq!(
            call(&right_region, &accepting).await.unwrap().status(),
            StatusCode::OK
        );
        sleep(Duration::from_secs(30)).await;
    }
    assert!(iam.issued() <= 32, "{}", iam.issued());
    assert!(refusing.requests() <= 4 * 30, "{}", refusing.requests());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_while_iam_is_down_is_the_answer_of_the_api_with_the_reason() {
    let iam = Arc::new(Iam::default());
    let cache = Arc::new(Cache::new(iam.clone() as _));
    let target = tokens(&cache);
    let revoked = Arc::new(Mutex::new(HashSet::new()));
    let server = refuses(&revoked);
    assert!(call(&target, &server).await.is_ok());
    revoked.lock().insert("token-1".to_owned());
    *iam.down.lock() = true;
    let response = call(&target, &server).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(
        note(&response).contains("no new token in place of the one that was refused: IAM is down")
    );
    let requests = server.requests();
    assert!(suppressed(call(&target, &server).await).contains("IAM is down"));
    assert_eq!(
        server.requests(),
        requests,
        "the refused token is not sent again"
    );
    *iam.down.lock() = false;
    sleep(Duration::from_mins(2)).await;
    assert_eq!(
        call(&target, &server).await.unwrap().status(),
        StatusCode::OK
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_in_the_authorization_header_is_a_bearer_token_and_never_shown() {
    let cache = Arc::new(Cache::new(Arc::new(Iam::default()) as _));
    let tokens = Tokens::new(header::AUTHORIZATION, cache);
    let authentication = Arc::new(Authentication::Token(tokens));
    let server = Arc::new(Server::new(|request| {
        let value = &request.headers()[header::AUTHORIZATION];
        assert_eq!(value, "Bearer token-1");
        assert!(!format!("{request:?}").contains("token-1"));
        StatusCode::OK
    }));
    assert!(call(&authentication, &server).await.is_ok());
}
