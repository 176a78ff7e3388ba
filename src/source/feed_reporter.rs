//! Pushes the updates of a feed to the store, and logs when that changes the health of its target.
//!
//! The store owns the health; a push returns what it changed. Only what was already logged during the present outage is
//! kept here.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;

use crate::{
    client::Error,
    model::{ClientEvent, FeedHandle, Update},
};

/// Different errors that are logged per outage. A target with 1,000 polled Jobs may have as many.
const LOGGED_ERRORS: usize = 10;

/// One feed as its source sees it.
pub(super) struct FeedReporter {
    handle: FeedHandle,
    outage: Arc<Outage>,
}

/// The errors of a target that were logged since it went down. Feeds that fail for the same reason log it once.
#[derive(Default)]
pub(super) struct Outage {
    logged: Mutex<BTreeSet<String>>,
}

impl FeedReporter {
    /// Reports through `handle`. All feeds of a target share its `outage`.
    pub(super) fn new(handle: FeedHandle, outage: Arc<Outage>) -> Self {
        Self { handle, outage }
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
            tracing::info!("target is up again");
        }
    }

    /// The feed works: its watch is open, or its poll is complete.
    pub(super) fn contact(&self) {
        self.push(Update::Contact);
    }

    /// An attempt failed.
    pub(super) fn fail(&self, error: &Error) {
        let went_down = self.handle.push(Update::Failed).went_down;
        let is_new = self.outage.log(error, went_down);
        let hint = error.hint();
        match (went_down, is_new) {
            (true, _) => tracing::warn!(%error, hint, "target is down"),
            (false, true) => {
                tracing::warn!(%error, hint, "target is still down, with another error");
            }
            (false, false) => tracing::debug!(%error, "target is still down"),
        }
    }
}

impl Outage {
    /// Remembers that `error` is logged. Returns whether it was not yet, and is to be logged.
    fn log(&self, error: &Error, is_first: bool) -> bool {
        let mut logged = self.logged.lock();
        if is_first {
            logged.clear();
        }
        logged.len() < LOGGED_ERRORS && logged.insert(error.fingerprint())
    }
}
