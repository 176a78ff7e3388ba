//! Requests to one target: the client that is used, the pace, and the count of how it went.

use std::{future::ready, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kube::client::Body;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Lines, Listing, RateLimit, Request, Scope, Start,
    dispatch::{collect, dispatch},
    endpoint::{Connection, Endpoint, Refusal},
    error::{Error, Failure, Status},
    request::encode,
    version::{Verdict, Version, Versions},
};
use crate::model::{self, ClientEvent, EventCounter, Resource, Verb};

mod cronjobs;

/// Objects per page. More make fewer requests; fewer keep the memory for a page, here and in the server, low.
const PAGE: usize = 500;

/// A page of 500 Jobs is some 3 MB. Ten times that and more is not an API answer, or not one to hold in memory.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Credentials that were refused are renewed at most this often.
const RENEWAL: Duration = Duration::from_secs(10);

/// A client that could not be built is tried again at most this often.
const REBUILD: Duration = Duration::from_secs(2);

/// The API of one target, for all of its sources.
pub struct Api {
    endpoint: Endpoint,
    events: Arc<dyn EventCounter>,
    limit: RateLimit,
    cronjobs: Versions,
    /// Held while the server is asked what it has, so that one question serves all who wonder.
    discovery: Mutex<()>,
    /// Held while a client is built, so that one build serves all who wait.
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    connection: Option<Arc<Connection>>,
    /// A build that somebody lost patience with goes on for the next who asks: an exec plugin that hangs is not started
    /// again and again.
    building: Option<BoxFuture<'static, Result<Connection, Failure>>>,
    /// Counts connections, so that a refusal is blamed on the one that it concerns.
    generation: u64,
    renewed: Option<Instant>,
    /// The last build, if it failed: everybody who waits for a client would else start a plugin of their own.
    failed: Option<(Instant, Failure)>,
}

impl Api {
    /// The API at `endpoint`. Counts requests through `events`. Without a limit, requests only wait when the server wants it.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        events: Arc<dyn EventCounter>,
        limit: Option<RateLimit>,
    ) -> Self {
        Self {
            endpoint,
            events,
            limit: limit.unwrap_or_else(RateLimit::without_cap),
            cronjobs: Versions::default(),
            discovery: Mutex::default(),
            held: Mutex::default(),
        }
    }

    /// `GET .../jobs/{name}/status`: the whole Job as JSON.
    pub async fn job_status(
        &self,
        namespace: &str,
        name: &str,
        patience: Duration,
    ) -> Result<Bytes, Error> {
        let request = Request {
            verb: Verb::Get,
            resource: Resource::Jobs,
            scope: Scope::Namespace(namespace.to_owned()),
            name: Some(name.to_owned()),
        };
        let path = format!(
            "{}/{}/status",
            request.scope.path(Version::V1, Resource::Jobs),
            encode(name)
        );
        self.read(request, &path, patience).await
    }

    /// One page of a list as JSON.
    pub async fn page(
        &self,
        listing: &Listing,
        token: Option<&str>,
        patience: Duration,
    ) -> Result<Bytes, Error> {
        let mut query = format!("?limit={PAGE}");
        listing.select(&mut query);
        if let Some(token) = token {
            query.push_str("&continue=");
            query.push_str(&encode(token));
        }
        let request = listing.request(Verb::List);
        let mut version = self.first_version(&request)?;
        loop {
            let path = listing.scope.path(version, listing.resource) + &query;
            let outcome = self.read(request.clone(), &path, patience).await;
            let error = outcome.as_ref().err();
            match self.judge(version, &request, error, patience).await {
                Verdict::Ask(other) => version = other,
                Verdict::NotServed => return Err(Error::not_served(request)),
                Verdict::Stands | Verdict::Discover => return outcome,
            }
        }
    }

    /// A watch that the server is asked to end after `duration`.
    pub async fn watch(
        &self,
        listing: &Listing,
        start: Start<'_>,
        duration: Duration,
        patience: Duration,
    ) -> Result<Lines, Error> {
        let seconds = duration.as_secs().max(1);
        let mut query = format!("?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}");
        match start {
            Start::InitialList => {
                query.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
            }
            Start::After(version) => {
                query.push_str("&resourceVersion=");
                query.push_str(&encode(version));
            }
        }
        listing.select(&mut query);
        let request = listing.request(Verb::Watch);
        let mut version = self.first_version(&request)?;
        loop {
            let path = listing.scope.path(version, listing.resource) + &query;
            let outcome = self
                .paced(&request, patience, self.accepted(&path))
                .await
                .map(Lines::new);
            let error = outcome.as_ref().err();
            match self.judge(version, &request, error, patience).await {
                Verdict::Ask(other) => version = other,
                Verdict::NotServed => return Err(Error::not_served(request)),
                Verdict::Stands | Verdict::Discover => return outcome,
            }
        }
    }

    /// The server's version as major and minor; `None` where it does not tell, as some gateways do not.
    pub async fn version(&self, patience: Duration) -> Option<(u32, u32)> {
        #[derive(serde::Deserialize)]
        struct Version {
            major: String,
            minor: String,
        }
        let body = timeout_or(patience, self.answer("/version")).await.ok()?;
        let Version { major, minor } = serde_json::from_slice(&body).ok()?;
        // Some providers write "34+".
        let minor = minor.trim_end_matches('+');
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    async fn read(&self, request: Request, path: &str, patience: Duration) -> Result<Bytes, Error> {
        self.paced(&request, patience, self.answer(path)).await
    }

    /// Runs a request in its turn, counts how it ended, and goes by what that says about the pace.
    async fn paced<T>(
        &self,
        request: &Request,
        patience: Duration,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Error> {
        // First, so that requests which waited for a client do not start all at once then.
        let connected = timeout_or(patience, self.connection(None)).await;
        let outcome = match connected {
            Ok(_) => {
                self.limit.turn().await;
                let begun = Instant::now();
                let outcome = self.counted(request.verb, timeout_or(patience, run)).await;
                self.pace(begun, outcome.as_ref().err());
                outcome
            }
            Err(failure) => self.counted(request.verb, ready(Err(failure))).await,
        };
        outcome.map_err(|failure| Error {
            request: Box::new(request.clone()),
            failure,
        })
    }

    /// Goes slower, faster, or not at all for a while.
    fn pace(&self, begun: Instant, failure: Option<&Failure>) {
        let Some(Failure::Status(status)) = failure else {
            if failure.is_none() {
                self.limit.speed_up(begun);
            }
            return;
        };
        if status.code == 429 {
            self.limit.slow_down(begun);
        }
        if let Some(pause) = status.retry_after {
            self.limit.hold(pause);
        }
    }

    /// Counts how a request ends.
    async fn counted<T>(
        &self,
        verb: Verb,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let begin = Instant::now();
        let outcome = run.await;
        let code = match &outcome {
            Ok(_) => model::Code::Ok,
            // Nothing was sent: this is no request.
            Err(Failure::Suppressed(_)) => return outcome,
            Err(failure) => failure.code(),
        };
        self.events.count(ClientEvent::Request {
            verb,
            code,
            duration: begin.elapsed(),
        });
        outcome
    }

    async fn answer(&self, path: &str) -> Result<Bytes, Failure> {
        collect(self.accepted(path).await?, LARGEST_ANSWER).await
    }

    /// The body of a successful answer. Credentials that are refused are renewed, once.
    async fn accepted(&self, path: &str) -> Result<Body, Failure> {
        let (connection, generation) = self.connection(None).await?;
        let status = match self.dispatch(&connection, path).await {
            Err(Failure::Status(status)) if status.code == 401 => status,
            outcome => return outcome,
        };
        let renewed = match connection.on_refusal(&status) {
            Refusal::GiveUp => None,
            Refusal::Retry => Some(connection),
            Refusal::Reconnect => {
                let (connection, newer) = self.connection(Some(generation)).await?;
                (newer != generation).then_some(connection)
            }
        };
        let Some(connection) = renewed else {
            return Err(Failure::Status(status));
        };
        self.limit.turn().await;
        match self.dispatch(&connection, path).await {
            Err(Failure::Suppressed(suppressed)) => {
                let note = Some(suppressed.to_string());
                Err(Failure::Status(Box::new(Status { note, ..*status })))
            }
            outcome => outcome,
        }
    }

    async fn dispatch(&self, connection: &Connection, path: &str) -> Result<Body, Failure> {
        let outcome = dispatch(&connection.client, path).await;
        if let Some(end) = connection.credentials_end() {
            self.events.count(ClientEvent::CredentialExpiry(end));
        }
        outcome
    }

    /// The current connection. When the one of generation `refused` was refused, it is built anew, if that was not tried just now.
    async fn connection(&self, refused: Option<u64>) -> Result<(Arc<Connection>, u64), Failure> {
        let mut held = self.held.lock().await;
        let recently = held.renewed.is_some_and(|at| at.elapsed() < RENEWAL);
        let refused = refused == Some(held.generation) && !recently;
        if let Some(connection) = held
            .connection
            .as_ref()
            .filter(|connection| !refused && connection.is_current())
        {
            return Ok((connection.clone(), held.generation));
        }
        if let Some((at, failure)) = &held.failed
            && at.elapsed() < REBUILD
        {
            return Err(failure.clone());
        }
        let building = held.building.get_or_insert_with(|| {
            let endpoint = self.endpoint.clone();
            Box::pin(async move { endpoint.connect().await })
        });
        let built = building.await;
        held.building = None;
        held.failed = built
            .as_ref()
            .err()
            .map(|failure| (Instant::now(), failure.clone()));
        let connection = Arc::new(built?);
        held.connection = Some(connection.clone());
        held.generation += 1;
        if refused {
            held.renewed = Some(Instant::now());
        }
        Ok((connection, held.generation))
    }
}

async fn timeout_or<T>(
    patience: Duration,
    run: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(patience, run)
        .await
        .unwrap_or(Err(Failure::Timeout(patience)))
}
