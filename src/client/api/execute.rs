//! Executes a request: waits for the rate limit, counts the outcome, and retries once with new credentials.

use std::{future::ready, time::Duration};

use bytes::Bytes;
use kube::client::Body;
use tokio::time::{Instant, timeout_at};

use super::{
    Answer, Api,
    send::{collect, send},
};
use crate::{
    client::{
        BodyFormat, Connection, Error, Failure, Request, Status, endpoint::OnUnauthorized, headers,
    },
    model::{ClientEvent, Code, Verb},
};

impl Api {
    /// The body of the response to a paced and counted request. Fails if it is larger than `limit`.
    pub(super) async fn read(
        &self,
        request: &Request,
        path: &str,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, Error> {
        self.paced(request, timeout, self.body(path, limit)).await
    }

    /// The same as [`read`](Self::read), but `total` includes the wait for the rate limit.
    pub(super) async fn read_within(
        &self,
        request: &Request,
        path: &str,
        limit: usize,
        total: Duration,
    ) -> Result<Bytes, Error> {
        let run = self.body(path, limit);
        let outcome = self.paced_within(request.verb, total, run).await;
        outcome.map_err(|failure| Error {
            request: Box::new(request.clone()),
            failure,
        })
    }

    /// Runs a request when the rate limit allows it, counts its outcome, and adapts the rate limit to it.
    pub(super) async fn paced<T>(
        &self,
        request: &Request,
        timeout: Duration,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Error> {
        let outcome = self.paced_as(request.verb, timeout, run).await;
        outcome.map_err(|failure| Error {
            request: Box::new(request.clone()),
            failure,
        })
    }

    /// Creates `object` at `path` and returns the object in the response. Fails if that is larger than `limit`.
    pub(in crate::client) async fn create(
        &self,
        path: &str,
        object: &serde_json::Value,
        limit: usize,
        timeout: Duration,
    ) -> Result<Bytes, Failure> {
        let object = Bytes::from(object.to_string());
        let run = async {
            let answer = self.exchange(path, Some(&object), BodyFormat::Json);
            collect(answer.await?.body, limit).await
        };
        self.paced_as(Verb::Create, timeout, run).await
    }

    /// Runs a request with `verb` as [`paced`](Self::paced) does.
    async fn paced_as<T>(
        &self,
        verb: Verb,
        timeout: Duration,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // Connects before the rate limit, so that requests that waited for a connection do not start all at once.
        let connected = with_timeout(timeout, self.connections.get(None)).await;
        match connected {
            Ok(_) => {
                self.limit.acquire().await;
                self.measured(verb, with_timeout(timeout, run)).await
            }
            Err(failure) => self.counted(verb, ready(Err(failure))).await,
        }
    }

    /// Runs a request with `verb` as [`paced`](Self::paced) does, but `total` includes the wait for the rate limit.
    async fn paced_within<T>(
        &self,
        verb: Verb,
        total: Duration,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + total;
        let connected = timeout_at(deadline, self.connections.get(None)).await;
        if let Err(failure) = connected.unwrap_or(Err(Failure::Timeout(total))) {
            return self.counted(verb, ready(Err(failure))).await;
        }
        // Without a turn nothing is sent, so there is no request to count.
        let turn = timeout_at(deadline, self.limit.acquire()).await;
        turn.map_err(|_| Failure::RateLimit(total))?;
        let run = async {
            let outcome = timeout_at(deadline, run).await;
            outcome.unwrap_or(Err(Failure::Timeout(total)))
        };
        self.measured(verb, run).await
    }

    /// Runs a request, counts its outcome, and adapts the rate limit to it.
    async fn measured<T>(
        &self,
        verb: Verb,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let outcome = self.counted(verb, run).await;
        self.adapt_rate(start, outcome.as_ref().err());
        outcome
    }

    /// Slows down after a 429, pauses after a `Retry-After`, and speeds up after a success.
    fn adapt_rate(&self, start: Instant, failure: Option<&Failure>) {
        let Some(Failure::Status(status)) = failure else {
            if failure.is_none() {
                self.limit.speed_up(start);
            }
            return;
        };
        if status.code == 429 {
            self.limit.slow_down(start);
        }
        if let Some(pause) = status.retry_after {
            self.limit.pause(pause);
        }
    }

    /// Runs a request and counts its outcome.
    async fn counted<T>(
        &self,
        verb: Verb,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let outcome = run.await;
        let code = match &outcome {
            Ok(_) if verb == Verb::Create => Code::Created,
            Ok(_) => Code::Ok,
            // Nothing was sent, so there is no request to count.
            Err(Failure::Suppressed(_)) => return outcome,
            Err(failure) => failure.code(),
        };
        self.events.count(ClientEvent::Request {
            verb,
            code,
            duration: start.elapsed(),
        });
        outcome
    }

    /// The whole body of a successful response. Fails if it is larger than `limit`.
    pub(super) async fn body(&self, path: &str, limit: usize) -> Result<Bytes, Failure> {
        let answer = self.authenticated(path, BodyFormat::Json).await?;
        collect(answer.body, limit).await
    }

    /// The body of a successful response to GET as a stream, in the format `wanted` or as JSON.
    pub(super) async fn authenticated(
        &self,
        path: &str,
        wanted: BodyFormat,
    ) -> Result<Answer<Body>, Failure> {
        self.exchange(path, None, wanted).await
    }

    /// The body of a successful response as a stream: to POST with `object`, else to GET. When the server refuses the
    /// credentials, they are renewed and the request is sent once more.
    async fn exchange(
        &self,
        path: &str,
        object: Option<&Bytes>,
        wanted: BodyFormat,
    ) -> Result<Answer<Body>, Failure> {
        let (connection, number) = self.connections.get(None).await?;
        let refused = match self.send(&connection, path, object, wanted).await {
            Err(failure) if failure.is_unauthorized() => failure,
            outcome => return outcome,
        };
        let renewed = match connection.on_unauthorized(&refused) {
            OnUnauthorized::GiveUp => None,
            OnUnauthorized::Retry => Some(connection),
            OnUnauthorized::Reconnect => {
                let (connection, newer) = self.connections.get(Some(number)).await?;
                (newer != number).then_some(connection)
            }
        };
        let Some(connection) = renewed else {
            return Err(refused);
        };
        self.limit.acquire().await;
        match (self.send(&connection, path, object, wanted).await, refused) {
            (Err(Failure::Suppressed(suppressed)), Failure::Status(status)) => {
                Err(Failure::Status(Box::new(Status {
                    no_retry_reason: Some(suppressed.to_string()),
                    ..*status
                })))
            }
            (outcome, _) => outcome,
        }
    }

    /// Sends one request. Records when the credentials expire, and what time it is for the server.
    async fn send(
        &self,
        connection: &Connection,
        path: &str,
        object: Option<&Bytes>,
        wanted: BodyFormat,
    ) -> Result<Answer<Body>, Failure> {
        let outcome = send(&connection.client, path, object, wanted).await;
        let expiries = connection.expiries();
        self.events.count(ClientEvent::CredentialExpiry(expiries));
        let response = outcome?;
        if let Some(date) = headers::date(response.headers()) {
            self.events.count(ClientEvent::ServerDate(date));
        }
        Ok(Answer {
            format: BodyFormat::of_response(response.headers()),
            body: response.into_body(),
        })
    }
}

/// Runs `run` for at most `timeout`.
pub(super) async fn with_timeout<T>(
    timeout: Duration,
    run: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::time::timeout(timeout, run)
        .await
        .unwrap_or(Err(Failure::Timeout(timeout)))
}
