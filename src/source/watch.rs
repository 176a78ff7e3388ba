//! Follows all objects of one kind in one scope: a complete list, then every change to it.
//!
//! The list comes as a stream where the server has `WatchList` (Kubernetes 1.34 on), else in pages. Whatever happens, the
//! store keeps what it was told last; here it is decided whether to go on from the last resource version or to list again,
//! and how long to wait before that. Only a watch that lasts or tells of *later* versions counts as progress: a server that
//! lists well and then refuses the watch, ends it or repeats itself is not asked for a new list without pause.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep};

use super::{
    kind::Kind,
    reader::{Decoded, PAGE_PATIENCE, ResourceReader},
};
use crate::{
    backoff::{Backoff, Policy},
    client::{Error, Failure, Line, Lines, Start, Status},
    decode::{Bookmark, Event, version},
    model::{Change, ClientEvent, EventKind, RestartReason, Verb},
};

/// First server version with `WatchList` on by default.
const STREAMS_LISTS: (u32, u32) = (1, 34);

/// A watch that lived this long was a working one, and is opened again at once when it ends.
const SETTLED: Duration = Duration::from_secs(5);

/// How much later than asked for a server may end a watch before the connection is taken for dead.
const OVERTIME: Duration = Duration::from_secs(15);

/// Waits between attempts that fail.
const RETRY: Policy = Policy::new(Duration::from_millis(500), Duration::from_secs(30));

/// Follows one feed for ever.
pub(super) struct Watch<K: Kind> {
    feed: ResourceReader<K>,
    /// How long one watch request may last. Its end is a sign of life, so it has to come well before facts turn stale.
    duration: Duration,
    /// From where to go on; `None` to list.
    version: Option<String>,
    /// Whether to list by streaming; `None` until the server was asked for its version.
    streams_lists: Option<bool>,
    backoff: Backoff,
    attempt: Attempt,
}

/// What became of the present attempt so far.
#[derive(Default)]
struct Attempt {
    /// When the watch was opened, if it was.
    opened: Option<Instant>,
    /// Whether the watch told anything at all.
    heard: bool,
    /// Whether the watch told of a later resource version, so that going on from there is no mere repetition.
    advanced: bool,
}

/// How a watch ended that did not fail.
enum End {
    /// In the usual course: go on from the last version.
    Ended,
    /// The last version is of no more use.
    Expired,
}

/// Events of a streamed list before its end.
type Initial<K> = Option<Vec<<K as Kind>::Record>>;

impl<K: Kind> Watch<K> {
    pub(super) fn new(feed: ResourceReader<K>, stale_after: Duration) -> Self {
        Self {
            feed,
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
                self.feed.none_served();
                sleep(self.duration).await;
                continue;
            }
            if let Some(wait) = self.judge(&outcome) {
                tracing::debug!(?wait, "waiting before the next attempt");
                sleep(wait).await;
            }
        }
    }

    /// Lists if need be, then watches until the watch ends.
    async fn follow(&mut self) -> Result<End, Error> {
        let (lines, mut initial) = match self.version.clone() {
            Some(version) => (self.resume(&version).await?, None),
            None => self.begin().await?,
        };
        self.attempt.opened = Some(Instant::now());
        let outcome = self.read(lines, &mut initial).await;
        if initial.is_some() && outcome.is_err() {
            // What stands in between may cut or hold back long streams, or drop the wish for a list.
            tracing::debug!("the streamed list broke off: listing in pages from now on");
            self.streams_lists = Some(false);
        }
        outcome
    }

    /// A watch from the beginning: with the list to come as its first events, or after a list in pages.
    async fn begin(&mut self) -> Result<(Lines, Initial<K>), Error> {
        if self.streams_lists().await {
            self.feed.begin_list();
            match self.open(Start::InitialList).await {
                Ok(lines) => return Ok((lines, Some(Vec::new()))),
                Err(error) if error.is_watch_list_refused() => {
                    tracing::debug!(%error, "the server does not stream lists: listing in pages");
                    self.streams_lists = Some(false);
                }
                Err(error) => return Err(error),
            }
        }
        let (records, version) = self.feed.list(PAGE_PATIENCE).await?;
        let Some(version) = version else {
            return Err(self
                .feed
                .nonsense("the list has no resource version to watch from: poll this target"));
        };
        self.feed.replace(records);
        self.version = Some(version.clone());
        Ok((self.resume(&version).await?, None))
    }

    async fn resume(&self, version: &str) -> Result<Lines, Error> {
        let lines = self.open(Start::After(version)).await?;
        self.feed.health.works(self.feed.id);
        Ok(lines)
    }

    async fn open(&self, start: Start<'_>) -> Result<Lines, Error> {
        // Not the same for all, so that watches opened together do not end together.
        let lifetime = self.duration.mul_f64(0.8 + fastrand::f64() / 5.0);
        let ResourceReader { api, listing, .. } = &self.feed;
        api.watch(listing, start, lifetime, PAGE_PATIENCE).await
    }

    async fn streams_lists(&mut self) -> bool {
        if self.streams_lists.is_none() {
            let version = self.feed.api.version(PAGE_PATIENCE).await;
            tracing::debug!(?version, "server version");
            // Not remembered while unknown: a server that is down tells no version.
            self.streams_lists = version.map(|version| version >= STREAMS_LISTS);
        }
        self.streams_lists.unwrap_or(false)
    }

    async fn read(&mut self, mut lines: Lines, initial: &mut Initial<K>) -> Result<End, Error> {
        loop {
            let patience = if initial.is_some() {
                PAGE_PATIENCE
            } else {
                self.duration + OVERTIME
            };
            let line = lines.next(patience).await;
            let line = line.map_err(|failure| self.failed(failure))?;
            self.attempt.heard |= line.is_some();
            match line {
                Some(Line::Whole(line)) => {
                    if let Some(end) = self.take(&line, initial)? {
                        return Ok(end);
                    }
                }
                Some(Line::TooLong) => {
                    self.feed
                        .health
                        .count(ClientEvent::DecodeError(K::RESOURCE));
                    tracing::warn!(
                        resource = K::RESOURCE.as_str(),
                        "skipped an object that is too large"
                    );
                }
                None if initial.is_some() => {
                    return Err(self.nonsense("it ended within the initial list"));
                }
                None => return Ok(End::Ended),
            }
        }
    }

    /// Takes in one event. Gives the end of the watch, if this is it.
    fn take(&mut self, line: &Bytes, initial: &mut Initial<K>) -> Result<Option<End>, Error> {
        let event: Event<'_> = match serde_json::from_slice(line) {
            Ok(event) => event,
            Err(error) => return Err(self.nonsense(error.to_string())),
        };
        let object = event.object.get();
        let kind = match &*event.kind {
            "ADDED" => EventKind::Added,
            "MODIFIED" => EventKind::Modified,
            "DELETED" => EventKind::Deleted,
            "BOOKMARK" => EventKind::Bookmark,
            "ERROR" => EventKind::Error,
            other => {
                tracing::debug!(kind = other, "skipped an event of an unknown type");
                EventKind::Unknown
            }
        };
        self.feed
            .health
            .count(ClientEvent::Event(K::RESOURCE, kind));
        match (kind, initial.as_mut()) {
            (EventKind::Error, _) => {
                let status = Status::of_event(object);
                return if status.code == 410 {
                    Ok(Some(End::Expired))
                } else {
                    Err(self.failed(Failure::Status(Box::new(status))))
                };
            }
            (EventKind::Unknown, _) => return Ok(None),
            (EventKind::Bookmark, _) => return self.take_bookmark(object, initial),
            (EventKind::Deleted, Some(records)) => {
                // The list is of the server's cache, and what changed since then comes before its end.
                if let Decoded::MetadataFilter(gone) = self.feed.decode(object) {
                    records.retain(|record| K::uid(record) != K::uid(&gone));
                }
                return Ok(None);
            }
            (_, Some(records)) => {
                let listed = records.len();
                records.extend(self.feed.decode(object).wanted());
                self.feed.report_progress(listed, None);
                return Ok(None);
            }
            (EventKind::Deleted, None) => match self.feed.decode(object) {
                Decoded::MetadataFilter(record) => self
                    .feed
                    .health
                    .push(self.feed.id, K::update(Change::Deleted(record))),
                Decoded::Unwanted => {}
                // It may be in the store, from when it could be decoded: only a new list tells what is left.
                Decoded::Undecodable => return Ok(Some(End::Expired)),
            },
            (EventKind::Added | EventKind::Modified, None) => {
                if let Decoded::MetadataFilter(record) = self.feed.decode(object) {
                    self.feed
                        .health
                        .push(self.feed.id, K::update(Change::Applied(record)));
                }
            }
        }
        Ok(self.advance(version(object)))
    }

    fn take_bookmark(
        &mut self,
        object: &str,
        initial: &mut Initial<K>,
    ) -> Result<Option<End>, Error> {
        let bookmark: Bookmark =
            serde_json::from_str(object).map_err(|error| self.nonsense(error.to_string()))?;
        if bookmark.ends_initial_list()
            && let Some(records) = initial.take()
        {
            self.feed.replace(records);
        } else if initial.is_some() {
            return Ok(None);
        }
        self.feed.health.works(self.feed.id);
        Ok(self.advance(Some(bookmark.metadata.resource_version)))
    }

    /// Notes how far the watch has come. A version that goes *back* is that of another server: its store was set up
    /// anew or restored, and what was seen so far is of no use there.
    fn advance(&mut self, version: Option<String>) -> Option<End> {
        let version = version?;
        let number = |version: &str| version.parse::<u64>().ok();
        let before = self.version.replace(version.clone())?;
        match (number(&before), number(&version)) {
            (Some(before), Some(now)) if now < before => return Some(End::Expired),
            _ => self.attempt.advanced |= before != version,
        }
        None
    }

    /// Decides how to go on, and after how long.
    fn judge(&mut self, outcome: &Result<End, Error>) -> Option<Duration> {
        let Attempt {
            opened,
            heard,
            advanced,
        } = self.attempt;
        let settled = opened.is_some_and(|opened| opened.elapsed() >= SETTLED);
        if settled || advanced {
            self.backoff.reset();
        }
        let (reason, retry_after) = match outcome {
            Ok(End::Ended) => (RestartReason::Ended, None),
            Ok(End::Expired) => (RestartReason::Expired, None),
            Err(error) if error.is_expired() && self.version.is_some() => {
                (RestartReason::Expired, None)
            }
            Err(error) => {
                self.feed.health.fail(self.feed.id, error);
                (RestartReason::Error, error.retry_after())
            }
        };
        if opened.is_some() || reason == RestartReason::Expired {
            self.feed
                .health
                .count(ClientEvent::WatchRestart(K::RESOURCE, reason));
        }
        // A watch that ends soon is not opened again at once, whatever it told: a server that cuts or repeats itself would
        // be asked without pause.
        let wait =
            (!settled || reason == RestartReason::Error).then(|| self.backoff.next(retry_after));
        // After an outage the server may have come back on another day's state, in which our version means nothing or,
        // worse, lies in the future: such a watch stays silent, even without bookmarks. Only a list tells.
        let silent = settled && !heard && reason == RestartReason::Ended;
        if silent || reason == RestartReason::Expired || self.backoff.failures() > 1 {
            self.version = None;
        }
        wait
    }

    fn nonsense(&self, why: impl Into<String>) -> Error {
        self.failed(Failure::Nonsense(why.into()))
    }

    fn failed(&self, failure: Failure) -> Error {
        Error {
            request: Box::new(self.feed.listing.request(Verb::Watch)),
            failure,
        }
    }
}

#[cfg(test)]
mod tests;
