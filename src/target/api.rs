//! Requests to one target: what is asked for, the client that is used, and the count of how it went.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use kube::client::Body;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{
    Lines, RateLimit,
    dispatch::{collect, dispatch},
    endpoint::{Connection, Endpoint, Refusal},
    error::{Error, Failure, Status},
};
use crate::model::{self, Activity, Resource, Sink, Verb};

/// Objects per page. More make fewer requests; fewer keep the memory for a page, here and in the server, low.
const PAGE: usize = 500;

/// A page of 500 Jobs is some 3 MB. Ten times that and more is not an API answer, or not one to hold in memory.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Credentials that were refused are renewed at most this often.
const RENEWAL: Duration = Duration::from_secs(10);

/// A client that could not be built is tried again at most this often.
const REBUILD: Duration = Duration::from_secs(2);

/// Unreserved characters of RFC 3986 stay; a space is `%20`, never `+`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The API of one target, for all of its sources.
pub struct Api {
    endpoint: Endpoint,
    sink: Arc<dyn Sink>,
    limit: Option<RateLimit>,
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

/// What a request is about, for messages and counters.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is done.
    pub verb: Verb,
    /// To which kind of object.
    pub resource: Resource,
    /// Where.
    pub scope: Scope,
    /// To which object, where it is about one.
    pub name: Option<String>,
}

/// Where objects are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces.
    All,
    /// In one namespace.
    Namespace(String),
}

/// What is listed or watched.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Kind of object.
    pub resource: Resource,
    /// Where.
    pub scope: Scope,
    /// Only objects whose labels match.
    pub label_selector: Option<String>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// With the initial list as events, ended by a marked bookmark (`WatchList`).
    InitialList,
    /// After this resource version.
    After(&'a str),
}

impl Api {
    /// The API at `endpoint`. Counts what it does at `sink`.
    #[must_use]
    pub fn new(endpoint: Endpoint, sink: Arc<dyn Sink>, limit: Option<RateLimit>) -> Self {
        Self {
            endpoint,
            sink,
            limit,
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
            request.scope.path(Resource::Jobs),
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
        let mut path = format!("{}?limit={PAGE}", listing.scope.path(listing.resource));
        listing.select(&mut path);
        if let Some(token) = token {
            path.push_str("&continue=");
            path.push_str(&encode(token));
        }
        self.read(listing.request(Verb::List), &path, patience)
            .await
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
        let path = listing.scope.path(listing.resource);
        let mut path = format!("{path}?watch=1&allowWatchBookmarks=true&timeoutSeconds={seconds}");
        match start {
            Start::InitialList => {
                path.push_str("&sendInitialEvents=true&resourceVersionMatch=NotOlderThan");
            }
            Start::After(version) => {
                path.push_str("&resourceVersion=");
                path.push_str(&encode(version));
            }
        }
        listing.select(&mut path);
        let request = listing.request(Verb::Watch);
        let begun = self
            .counted(&request, timeout_or(patience, self.accepted(&path)))
            .await;
        begun.map(Lines::new).map_err(|failure| Error {
            request: Box::new(request),
            failure,
        })
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
        if let Some(limit) = &self.limit {
            limit.turn().await;
        }
        let answer = self
            .counted(&request, timeout_or(patience, self.answer(path)))
            .await;
        let answer = answer.map_err(|failure| Error {
            request: Box::new(request),
            failure,
        });
        if let (Some(limit), Err(error)) = (&self.limit, &answer)
            && let Some(pause) = error.retry_after()
        {
            limit.hold(pause);
        }
        answer
    }

    /// Runs a request and counts how it ended.
    async fn counted<T>(
        &self,
        request: &Request,
        run: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let begin = Instant::now();
        let outcome = run.await;
        if let Err(Failure::Withheld(_)) = outcome {
            return outcome; // there was no request
        }
        let code = outcome
            .as_ref()
            .err()
            .map_or(model::Code::Ok, Failure::code);
        let verb = request.verb;
        self.sink.count(Activity::Request {
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
        if let Some(limit) = &self.limit {
            limit.turn().await;
        }
        match self.dispatch(&connection, path).await {
            Err(Failure::Withheld(withheld)) => {
                let note = Some(withheld.to_string());
                Err(Failure::Status(Box::new(Status { note, ..*status })))
            }
            outcome => outcome,
        }
    }

    async fn dispatch(&self, connection: &Connection, path: &str) -> Result<Body, Failure> {
        let outcome = dispatch(&connection.client, path).await;
        if let Some(end) = connection.credentials_end() {
            self.sink.count(Activity::CredentialExpiry(end));
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

fn encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

// === impl Listing ===

impl Listing {
    /// What doing something with this listing is called.
    #[must_use]
    pub fn request(&self, verb: Verb) -> Request {
        Request {
            verb,
            resource: self.resource,
            scope: self.scope.clone(),
            name: None,
        }
    }

    fn select(&self, path: &mut String) {
        if let Some(selector) = &self.label_selector {
            path.push_str("&labelSelector=");
            path.push_str(&encode(selector));
        }
    }
}

// === impl Scope ===

impl Scope {
    fn path(&self, resource: Resource) -> String {
        let resource = resource.as_str();
        match self {
            Self::All => format!("/apis/batch/v1/{resource}"),
            Self::Namespace(namespace) => {
                format!("/apis/batch/v1/namespaces/{}/{resource}", encode(namespace))
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(f, "namespace `{namespace}`"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            scope,
            name,
        } = self;
        match name {
            Some(name) => write!(f, "{} status of job `{name}` in {scope}", verb.as_str()),
            None => write!(f, "{} {} in {scope}", verb.as_str(), resource.as_str()),
        }
    }
}
