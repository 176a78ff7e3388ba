//! Pushes the updates of a feed to the store, and logs when that changes the health of its target.
//!
//! The store owns the health; a push returns what it changed. Only what was already logged is kept here.

use std::{
    collections::{BTreeSet, HashSet},
    error::Error as _,
    hash::{BuildHasher as _, RandomState},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    client::Error,
    decode::DecodeError,
    log_limit::{Admitted, LogLimit},
    model::{ClientEvent, FeedError, FeedHandle, MAX_UNDECODABLE, Resource, Update},
};

/// Different errors that are logged per outage. A target with 1,000 polled Jobs may have as many.
const LOGGED_ERRORS: usize = 10;

/// One feed as its source sees it.
pub(super) struct FeedReporter {
    handle: FeedHandle,
    log: Arc<TargetLog>,
    /// Hashes of the undecodable objects that were logged and their problems, so that each is logged once.
    logged: Mutex<HashSet<u64>>,
}

/// What was logged about a target. Its feeds share it.
pub(super) struct TargetLog {
    about: About,
    /// The errors since the target went down. Feeds that fail for the same reason log it once.
    errors: Mutex<BTreeSet<String>>,
    /// Limits the lines about skipped objects.
    skipped: Mutex<LogLimit>,
    hasher: RandomState,
}

/// What the feeds of a log are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// The target is down if one of them fails.
    Target,
    /// They only explain runs.
    Pods,
}

impl FeedReporter {
    /// Reports through `handle`. All feeds of a target share its `log`.
    pub(super) fn new(handle: FeedHandle, log: Arc<TargetLog>) -> Self {
        Self {
            handle,
            log,
            logged: Mutex::default(),
        }
    }

    /// Counts an event of the target.
    pub(super) fn count(&self, event: ClientEvent) {
        self.handle.count(event);
    }

    /// Pushes an update to the store.
    pub(super) fn push(&self, update: Update) {
        let change = self.handle.push(update);
        if change.synced {
            tracing::info!("target is synced: everything configured was read once");
        }
        if change.recovered {
            match self.log.about {
                About::Target => tracing::info!("target is up again"),
                About::Pods => tracing::info!("pods can be read again"),
            }
        }
    }

    /// The feed works: its watch is open, or its poll is complete.
    pub(super) fn contact(&self) {
        self.push(Update::Contact);
    }

    /// An attempt failed.
    pub(super) fn fail(&self, error: &Error) {
        let hint = error.hint();
        let reason = FeedError::new(&error.to_string(), hint);
        let went_down = self.handle.push(Update::Failed(reason)).went_down;
        let is_new = self.log.is_new_error(error, went_down);
        if self.log.about == About::Pods {
            if went_down || is_new {
                tracing::warn!(%error, hint, "pods cannot be read, so causes are missing; all else goes on");
            }
            return;
        }
        match (went_down, is_new) {
            (true, _) => tracing::warn!(%error, hint, "target is down"),
            (false, true) => {
                tracing::warn!(%error, hint, "target is still down, with another error");
            }
            (false, false) => tracing::debug!(%error, "target is still down"),
        }
    }

    /// An object cannot be decoded. It is counted, and logged unless this was logged before.
    pub(super) fn skip(&self, resource: Resource, error: &DecodeError) {
        self.count(ClientEvent::DecodeError(resource));
        let mut logged = self.logged.lock();
        if logged.len() >= MAX_UNDECODABLE {
            logged.clear();
        }
        let problem = (error.to_string(), error.cause().to_string());
        if !logged.insert(self.log.hasher.hash_one(problem)) {
            return;
        }
        if let Some(Admitted { left_out }) = self.log.admit_skipped() {
            tracing::warn!(%error, cause = error.source(), left_out, "skipped an object");
        }
    }

    /// An object was not read because of its size. Its name is unknown.
    pub(super) fn skip_too_large(&self, resource: Resource) {
        self.count(ClientEvent::DecodeError(resource));
        if let Some(Admitted { left_out }) = self.log.admit_skipped() {
            let resource = resource.as_str();
            tracing::warn!(resource, left_out, "skipped an object that is too large");
        }
    }
}

impl TargetLog {
    /// What was logged about feeds that the target needs.
    pub(super) fn of_target() -> Self {
        Self::new(About::Target)
    }

    /// What was logged about feeds of pods.
    pub(super) fn of_pods() -> Self {
        Self::new(About::Pods)
    }

    fn new(about: About) -> Self {
        Self {
            about,
            errors: Mutex::default(),
            skipped: Mutex::new(LogLimit::new(Instant::now())),
            hasher: RandomState::new(),
        }
    }

    /// Remembers that `error` is logged. Returns whether it was not yet, and is to be logged.
    fn is_new_error(&self, error: &Error, is_first: bool) -> bool {
        let mut logged = self.errors.lock();
        if is_first {
            logged.clear();
        }
        logged.len() < LOGGED_ERRORS && logged.insert(error.fingerprint())
    }

    /// Asks to write a line about a skipped object.
    fn admit_skipped(&self) -> Option<Admitted> {
        self.skipped.lock().admit(Instant::now())
    }
}

#[cfg(test)]
mod tests;
