//! The requests to the API of one target: job status, lists, watches, the server version, and reviews of access.
//!
//! `connections` keeps the client, `execute` paces, counts and authenticates each request, `send` puts it on the wire,
//! `negotiation` chooses the format of the answer, and `cronjob_version` the API version for `CronJobs`.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::{
    BodyFormat, ConnectionBudget, Endpoint, Error, Lines, Listing, RateLimit, Request, Start,
    batch_version::{BatchVersion, CronJobSupport},
    request::encode,
};
use crate::model::{EventCounter, Resource, Verb};

mod connections;
mod cronjob_version;
mod execute;
mod negotiation;
mod send;

use self::{connections::Connections, negotiation::Negotiation, send::collect};

/// A page of 500 Jobs has about 3 MB. A much larger body is not a list, and must not be held in memory.
const MAX_PAGE: usize = 64 * 1024 * 1024;

/// The answers about the server itself have a few kilobytes.
const MAX_DISCOVERY: usize = 1024 * 1024;

/// The body of a response, and how it is written.
#[derive(Debug)]
pub struct Answer<B> {
    /// How `body` is written.
    pub format: BodyFormat,
    /// The whole body, or a stream.
    pub body: B,
}

/// The API of one target, shared by all of its readers.
pub struct Api {
    events: Arc<dyn EventCounter>,
    limit: RateLimit,
    connections: Connections,
    negotiation: Negotiation,
    cronjobs: CronJobSupport,
    /// Held during API discovery, so that concurrent requests share one discovery request.
    discovery: Mutex<()>,
}

impl Api {
    /// Creates the API at `endpoint`. Requests are counted in `events`. Without a limit, requests wait only when the server
    /// throttles them.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        events: Arc<dyn EventCounter>,
        limit: Option<RateLimit>,
    ) -> Self {
        Self {
            events,
            limit: limit.unwrap_or_else(RateLimit::without_cap),
            negotiation: Negotiation::new(&endpoint),
            connections: Connections::new(endpoint),
            cronjobs: CronJobSupport::default(),
            discovery: Mutex::default(),
        }
    }

    /// Takes its connections from `budget`.
    #[must_use]
    pub fn with_budget(mut self, budget: ConnectionBudget) -> Self {
        self.connections.set_budget(budget);
        self
    }

    /// `GET .../jobs/{name}/status`: the whole Job as JSON.
    pub async fn job_status(
        &self,
        namespace: &str,
        name: &str,
        timeout: Duration,
    ) -> Result<Bytes, Error> {
        let request = Request::job_status(namespace, name);
        let path = status_path(&request, name);
        self.read(&request, &path, MAX_PAGE, timeout).await
    }

    /// The same as [`job_status`](Self::job_status), but `total` includes the wait for the rate limit.
    pub async fn job_status_within(
        &self,
        namespace: &str,
        name: &str,
        total: Duration,
    ) -> Result<Bytes, Error> {
        let request = Request::job_status(namespace, name);
        let path = status_path(&request, name);
        self.read_within(&request, &path, MAX_PAGE, total).await
    }

    /// One page of a list, with up to `size` objects. `token` is the `continue` token of the previous page.
    pub async fn page(
        &self,
        listing: &Listing,
        size: usize,
        token: Option<&str>,
        timeout: Duration,
    ) -> Result<Answer<Bytes>, Error> {
        let mut query = format!("?limit={size}");
        listing.add_selectors(&mut query);
        if let Some(token) = token {
            query.push_str("&continue=");
            query.push_str(&encode(token));
        }
        let (request, query) = (&listing.request(Verb::List), &query);
        self.with_version(request, timeout, |version| async move {
            let path = &(listing.scope.path(version, listing.resource) + query);
            self.negotiated(|wanted| {
                self.paced(request, timeout, async move {
                    let Answer { format, body } = self.authenticated(path, wanted).await?;
                    let body = collect(body, MAX_PAGE).await?;
                    Ok(Answer { format, body })
                })
            })
            .await
        })
        .await
    }

    /// Opens a watch. The server closes it after `duration`; `timeout` covers the time until the response headers.
    pub async fn watch(
        &self,
        listing: &Listing,
        start: Start<'_>,
        duration: Duration,
        timeout: Duration,
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
        listing.add_selectors(&mut query);
        let (request, query) = (&listing.request(Verb::Watch), &query);
        self.with_version(request, timeout, |version| async move {
            let path = &(listing.scope.path(version, listing.resource) + query);
            let answer = self.negotiated(|wanted| {
                self.paced(request, timeout, self.authenticated(path, wanted))
            });
            answer
                .await
                .map(|Answer { format, body }| Lines::new(format, body))
        })
        .await
    }

    /// The server's version as major and minor; `None` if the server does not report it, as some gateways do not.
    pub async fn version(&self, timeout: Duration) -> Option<(u32, u32)> {
        #[derive(serde::Deserialize)]
        struct VersionInfo {
            major: String,
            minor: String,
        }
        self.limit.acquire().await;
        let body = execute::with_timeout(timeout, self.body("/version", MAX_DISCOVERY)).await;
        let VersionInfo { major, minor } = serde_json::from_slice(&body.ok()?).ok()?;
        // Some providers write "34+".
        let minor = minor.trim_end_matches('+');
        Some((major.parse().ok()?, minor.parse().ok()?))
    }
}

/// The path of the status of a Job.
fn status_path(request: &Request, name: &str) -> String {
    let jobs = request.scope.path(BatchVersion::V1, Resource::Jobs);
    format!("{jobs}/{}/status", encode(name))
}

#[cfg(test)]
mod tests;
