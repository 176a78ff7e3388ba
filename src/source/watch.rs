//! Watches all objects of one kind in one scope: a complete list, then every change to it.
//!
//! The list arrives as a stream where the server has `WatchList` (Kubernetes 1.34 and later), else in pages. Whatever
//! happens, the store keeps what it has. `progress` decides whether to continue from the last resource version or to list
//! again, and how long to wait before that.
//!
//! A connection can die without a sign: the watch stays open and receives nothing. `silence` tells that from a quiet server.
//! After an interruption events arrive late: `catch_up` tells until when nothing is missing.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{
    SourceSettings,
    reader::{PAGE_TIMEOUT, ResourceReader, WatchedResource},
};
use crate::{
    backoff::{Backoff, Policy},
    client::{Error, Failure, Line, Lines, Start},
    model::{self, Update, Verb},
};

mod catch_up;
mod events;
mod initial_list;
mod progress;
mod silence;

use catch_up::{CatchUp, SETTLE_TIME};
use initial_list::InitialList;
use silence::SilenceDetector;

/// The first server version with `WatchList` on by default.
const WATCH_LIST_VERSION: (u32, u32) = (1, 34);

/// A server may end a watch this much later than requested. After that the connection is considered dead.
const OVERTIME: Duration = Duration::from_secs(15);

/// Waits between attempts that fail.
pub(super) const RETRY: Policy = Policy::new(Duration::from_millis(500), Duration::from_secs(30));

/// Watches one feed for ever.
pub(super) struct Watch<R: WatchedResource> {
    reader: ResourceReader<R>,
    /// How long one watch request may last. Its end confirms the objects, so it has to come well before they are stale.
    duration: Duration,
    /// The resource version to continue from; `None` to list.
    version: Option<String>,
    /// Whether the server streams lists; `None` until its version is known.
    streams_lists: Option<bool>,
    silence: SilenceDetector,
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
    /// Whether it was given up because nothing more was received.
    silent: bool,
    catch_up: CatchUp,
    /// How long the server was asked to keep it open.
    lifetime: Duration,
}

/// How a watch ended without an error.
enum End {
    /// The server ended it: continue from the last version.
    Ended,
    /// The last version has expired: list again.
    Expired,
}

impl<R: WatchedResource> Watch<R> {
    pub(super) fn new(reader: ResourceReader<R>, settings: &SourceSettings) -> Self {
        Self {
            reader,
            duration: Duration::from_mins(5).min(settings.stale_after / 2),
            silence: SilenceDetector::new(settings.max_silence),
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
        let (lines, mut initial) = if let Some(version) = self.version.clone() {
            (self.resume(&version).await?, None)
        } else {
            self.reader.select_by_version().await;
            self.list_and_watch().await?
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
    async fn list_and_watch(&mut self) -> Result<(Lines, Option<InitialList<R>>), Error> {
        if self.streams_lists().await {
            self.reader.start_list();
            let list = InitialList::new(self.reader.limits, self.reader.lists_in_place());
            match self.open(Start::InitialList).await {
                Ok(lines) => return Ok((lines, Some(list))),
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
        self.reader.end_list(records);
        self.version = Some(version.clone());
        Ok((self.resume(&version).await?, None))
    }

    async fn resume(&mut self, version: &str) -> Result<Lines, Error> {
        let lines = self.open(Start::After(version)).await?;
        self.reader.feed.contact();
        Ok(lines)
    }

    async fn open(&mut self, start: Start<'_>) -> Result<Lines, Error> {
        // Jitter, so that watches opened together do not end together.
        let lifetime = self.duration.mul_f64(0.8 + fastrand::f64() / 5.0);
        self.attempt.lifetime = lifetime;
        let ResourceReader { api, listing, .. } = &self.reader;
        api.watch(listing, start, lifetime, PAGE_TIMEOUT).await
    }

    async fn streams_lists(&mut self) -> bool {
        if self.streams_lists.is_none() {
            let version = self.reader.server_version().await;
            self.streams_lists = version.map(|version| version >= WATCH_LIST_VERSION);
        }
        self.streams_lists.unwrap_or(false)
    }

    /// Applies events until the watch ends.
    async fn read<B>(
        &mut self,
        mut lines: Lines<B>,
        initial: &mut Option<InitialList<R>>,
    ) -> Result<End, Error>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        loop {
            let listing = initial.is_some();
            let line = self.next_line(&mut lines, listing).await;
            let line = line.map_err(|failure| self.no_line(failure, listing))?;
            self.attempt.received |= line.is_some();
            if let Some(list) = initial {
                list.set_bytes(lines.received())
                    .map_err(|failure| self.error(failure))?;
            }
            match line {
                Some(Line::Whole(line)) => {
                    if let Some(end) = self.apply((lines.format(), &line), initial)? {
                        return Ok(end);
                    }
                    self.note_line(listing);
                }
                Some(Line::TooLong) => {
                    self.reader.feed.skip_too_large(R::RESOURCE);
                    if !listing {
                        self.reader.feed.contact();
                    }
                }
                None if initial.is_some() => {
                    return Err(self.invalid_response("it ended within the initial list"));
                }
                None => {
                    self.confirm_end();
                    return Ok(End::Ended);
                }
            }
        }
    }

    /// Waits for the next line. Confirms the lines before it once nothing arrives for a while.
    async fn next_line<B>(
        &mut self,
        lines: &mut Lines<B>,
        listing: bool,
    ) -> Result<Option<Line>, Failure>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
        B::Error: std::error::Error + 'static,
    {
        let limit = self.line_timeout(listing);
        if !self.attempt.catch_up.is_pending() {
            return lines.next(limit).await;
        }
        match lines.next(SETTLE_TIME).await {
            // A large line is still arriving, and others may follow it.
            Err(Failure::Timeout(_)) if lines.has_partial_line() => {}
            Err(Failure::Timeout(_)) => {
                let until = self.attempt.catch_up.settle();
                self.confirm(until);
            }
            outcome => return outcome,
        }
        match lines.next(limit.saturating_sub(SETTLE_TIME)).await {
            Err(Failure::Timeout(_)) => Err(Failure::Timeout(limit)),
            outcome => outcome,
        }
    }

    /// Takes note of a line after the initial list.
    fn note_line(&mut self, listing: bool) {
        if !listing {
            let until = self.attempt.catch_up.line(Instant::now(), model::now());
            self.confirm(until);
        }
    }

    /// The watch has ended. If it ended in time, nothing held up its events.
    fn confirm_end(&self) {
        let open = self.attempt.opened.map(|opened| opened.elapsed());
        if open.is_some_and(|open| open < self.attempt.lifetime + SETTLE_TIME) {
            self.confirm(Some(model::now()));
        }
    }

    fn confirm(&self, until: Option<Timestamp>) {
        if let Some(until) = until {
            self.reader.feed.push(Update::CaughtUp(until));
        }
    }

    /// How long to wait for the next line: of the streamed list if `listing`.
    fn line_timeout(&self, listing: bool) -> Duration {
        if listing {
            return PAGE_TIMEOUT;
        }
        let longest = self.duration + OVERTIME;
        self.silence
            .limit()
            .map_or(longest, |limit| limit.min(longest))
    }

    /// The error when no line arrived.
    fn no_line(&mut self, failure: Failure, listing: bool) -> Error {
        let silence = match failure {
            Failure::Timeout(silence) if !listing && self.silence.limit().is_some() => silence,
            failure => return self.error(failure),
        };
        self.attempt.silent = true;
        self.silence.give_up(self.attempt.received);
        self.error(Failure::Transport(format!(
            "the connection is dead: neither an event nor a bookmark for {silence:?}"
        )))
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
