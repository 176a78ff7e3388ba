//! Watches all objects of one kind in one scope: a complete list, then every change to it.
//!
//! The list arrives as a stream where the server has `WatchList` (Kubernetes 1.34 and later), else in pages. Whatever
//! happens, the store keeps what it has. This module decides whether to continue from the last resource version or to list
//! again, and how long to wait before that. Only a watch that lasts, or that reports *later* versions, counts as progress:
//! a server that lists well and then refuses the watch, ends it or repeats itself is not asked for a new list at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::reader::{PAGE_TIMEOUT, ResourceReader, WatchedResource};
use crate::{
    backoff::{Backoff, Policy},
    client::{Error, Failure, Line, Lines, Start},
    model::{ClientEvent, RestartReason, Verb},
};

mod events;

/// The first server version with `WatchList` on by default.
const WATCH_LIST_VERSION: (u32, u32) = (1, 34);

/// A watch that lived this long worked. When it ends, the next one starts at once.
const SETTLED: Duration = Duration::from_secs(5);

/// A server may end a watch this much later than requested. After that the connection is considered dead.
const OVERTIME: Duration = Duration::from_secs(15);

/// Waits between attempts that fail.
const RETRY: Policy = Policy::new(Duration::from_millis(500), Duration::from_secs(30));

/// Watches one feed for ever.
pub(super) struct Watch<R: WatchedResource> {
    reader: ResourceReader<R>,
    /// How long one watch request may last. Its end confirms the objects, so it has to come well before they are stale.
    duration: Duration,
    /// The resource version to continue from; `None` to list.
    version: Option<String>,
    /// Whether the server streams lists; `None` until its version is known.
    streams_lists: Option<bool>,
    backoff: Backoff,
    attempt: Attempt,
}

/// The present attempt so far.
#[derive(Default)]
struct Attempt {
    /// When the watch was opened, if it was.
    opened: Option<Instant>,
    /// Whether anything was received.
    received: bool,
    /// Whether a later resource version was received, so that continuing from there repeats nothing.
    advanced: bool,
}

/// How a watch ended without an error.
enum End {
    /// The server ended it: continue from the last version.
    Ended,
    /// The last version has expired: list again.
    Expired,
}

/// The objects of a streamed list until its end; `None` afterwards.
type InitialList<R> = Option<Vec<<R as WatchedResource>::Record>>;

impl<R: WatchedResource> Watch<R> {
    pub(super) fn new(reader: ResourceReader<R>, stale_after: Duration) -> Self {
        Self {
            reader,
            duration: Duration::from_mins(5).min(stale_after / 2),
            version: None,
            streams_lists: None,
            backoff: Backoff::new(RETRY),
            attempt: Attempt::default(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.attempt = Attempt::default();
            let outcome = self.follow().await;
            if matches!(&outcome, Err(error) if error.is_not_served()) {
                self.reader.report_not_served();
                sleep(self.duration).await;
                continue;
            }
            if let Some(wait) = self.conclude(&outcome) {
                tracing::debug!(?wait, "waiting before the next attempt");
                sleep(wait).await;
            }
        }
    }

    /// Lists if necessary, then watches until the watch ends.
    async fn follow(&mut self) -> Result<End, Error> {
        let (lines, mut initial) = match self.version.clone() {
            Some(version) => (self.resume(&version).await?, None),
            None => self.list_and_watch().await?,
        };
        self.attempt.opened = Some(Instant::now());
        let outcome = self.read(lines, &mut initial).await;
        if initial.is_some() && outcome.is_err() {
            // A proxy may cut or buffer long streams, or drop the parameter that requests the list.
            tracing::debug!("the streamed list broke off: listing in pages from now on");
            self.streams_lists = Some(false);
        }
        outcome
    }

    /// Opens a watch that starts with the list as its first events, or one after a list in pages.
    async fn list_and_watch(&mut self) -> Result<(Lines, InitialList<R>), Error> {
        if self.streams_lists().await {
            self.reader.start_list();
            match self.open(Start::InitialList).await {
                Ok(lines) => return Ok((lines, Some(Vec::new()))),
                Err(error) if error.is_watch_list_rejected() => {
                    tracing::debug!(%error, "the server does not stream lists: listing in pages");
                    self.streams_lists = Some(false);
                }
                Err(error) => return Err(error),
            }
        }
        let (records, version) = self.reader.list(PAGE_TIMEOUT).await?;
        let Some(version) = version else {
            let reason = "the list has no resource version to watch from: poll this target";
            return Err(self.reader.invalid_list(reason));
        };
        self.reader.replace(records);
        self.version = Some(version.clone());
        Ok((self.resume(&version).await?, None))
    }

    async fn resume(&self, version: &str) -> Result<Lines, Error> {
        let lines = self.open(Start::After(version)).await?;
        self.reader.feed.contact();
        Ok(lines)
    }

    async fn open(&self, start: Start<'_>) -> Result<Lines, Error> {
        // Jitter, so that watches opened together do not end together.
        let lifetime = self.duration.mul_f64(0.8 + fastrand::f64() / 5.0);
        let ResourceReader { api, listing, .. } = &self.reader;
        api.watch(listing, start, lifetime, PAGE_TIMEOUT).await
    }

    async fn streams_lists(&mut self) -> bool {
        if self.streams_lists.is_none() {
            let version = self.reader.api.version(PAGE_TIMEOUT).await;
            tracing::debug!(?version, "server version");
            // Asked again while unknown: a server that is down reports no version.
            self.streams_lists = version.map(|version| version >= WATCH_LIST_VERSION);
        }
        self.streams_lists.unwrap_or(false)
    }

    /// Applies events until the watch ends.
    async fn read(&mut self, mut lines: Lines, initial: &mut InitialList<R>) -> Result<End, Error> {
        loop {
            let timeout = if initial.is_some() {
                PAGE_TIMEOUT
            } else {
                self.duration + OVERTIME
            };
            let line = lines.next(timeout).await;
            let line = line.map_err(|failure| self.error(failure))?;
            self.attempt.received |= line.is_some();
            match line {
                Some(Line::Whole(line)) => {
                    if let Some(end) = self.apply(&line, initial)? {
                        return Ok(end);
                    }
                }
                Some(Line::TooLong) => {
                    self.reader
                        .feed
                        .count(ClientEvent::DecodeError(R::RESOURCE));
                    tracing::warn!(
                        resource = R::RESOURCE.as_str(),
                        "skipped an object that is too large"
                    );
                }
                None if initial.is_some() => {
                    return Err(self.invalid_response("it ended within the initial list"));
                }
                None => return Ok(End::Ended),
            }
        }
    }

    /// Reports the outcome of an attempt. Decides where to continue, and returns how long to wait before.
    fn conclude(&mut self, outcome: &Result<End, Error>) -> Option<Duration> {
        let Attempt {
            opened,
            received,
            advanced,
        } = self.attempt;
        let settled = opened.is_some_and(|opened| opened.elapsed() >= SETTLED);
        if settled || advanced {
            self.backoff.reset();
        }
        let (reason, retry_after) = self.report(outcome);
        if opened.is_some() || reason == RestartReason::Expired {
            let restart = ClientEvent::WatchRestart(R::RESOURCE, reason);
            self.reader.feed.count(restart);
        }
        // A watch that ends early is not reopened at once, whatever it reported: a server that cuts connections or repeats
        // itself would be asked without pause.
        let wait =
            (!settled || reason == RestartReason::Error).then(|| self.backoff.next(retry_after));
        // After an outage the server may have been restored from a backup. Our version then means nothing there or, worse,
        // lies in the future: such a watch stays silent, even without bookmarks. Only a list shows the difference.
        let silent = settled && !received && reason == RestartReason::Ended;
        if silent || reason == RestartReason::Expired || self.backoff.failures() > 1 {
            self.version = None;
        }
        wait
    }

    /// Why the watch is restarted, and the server's `Retry-After`. Reports failures.
    fn report(&self, outcome: &Result<End, Error>) -> (RestartReason, Option<Duration>) {
        match outcome {
            Ok(End::Ended) => (RestartReason::Ended, None),
            Ok(End::Expired) => (RestartReason::Expired, None),
            Err(error) if error.is_expired() && self.version.is_some() => {
                (RestartReason::Expired, None)
            }
            Err(error) => {
                self.reader.feed.fail(error);
                (RestartReason::Error, error.retry_after())
            }
        }
    }

    fn invalid_response(&self, reason: impl Into<String>) -> Error {
        self.error(Failure::InvalidResponse(reason.into()))
    }

    fn error(&self, failure: Failure) -> Error {
        Error {
            request: Box::new(self.reader.listing.request(Verb::Watch)),
            failure,
        }
    }
}

#[cfg(test)]
mod tests;
