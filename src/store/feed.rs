//! How one feed of a target is doing, and the job that it polls.
//!
//! What it tells of objects is not kept here.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::ConfiguredJob;
use crate::model::{Change, FeedScope, Update};

/// What is known of one feed.
#[derive(Debug)]
pub(super) struct FeedStatus {
    pub(super) scope: FeedScope,
    /// Outcome of the last attempt; `None` before the first.
    pub(super) up: Option<bool>,
    /// Whether it was read in whole once.
    pub(super) synced: bool,
    /// For a configured job: whether it exists, once that is known.
    exists: Option<bool>,
    pub(super) last_success: Option<Timestamp>,
    last_contact: Option<Instant>,
}

// === impl Feed ===

impl FeedStatus {
    pub(super) fn new(scope: FeedScope) -> Self {
        Self {
            scope,
            up: None,
            synced: false,
            exists: None,
            last_success: None,
            last_contact: None,
        }
    }

    pub(super) fn note(&mut self, update: &Update, now: Instant, date: Timestamp) {
        if matches!(update, Update::Failed) {
            self.up = Some(false);
            return;
        }
        let configured = matches!(self.scope, FeedScope::Job { .. });
        match update {
            Update::JobAbsent => self.exists = Some(false),
            Update::Jobs(Change::Applied(_)) if configured => self.exists = Some(true),
            _ => {}
        }
        let whole = matches!(
            update,
            Update::Jobs(Change::Replaced(_))
                | Update::CronJobs(Change::Replaced(_))
                | Update::JobAbsent
        );
        self.synced |= whole || self.exists.is_some();
        // A list alone does not end an outage: the watch that it is for may go on failing.
        self.up = match update {
            Update::Contact => Some(true),
            _ => self.up.or(Some(true)),
        };
        self.last_success = Some(date);
        self.last_contact = Some(now);
    }

    pub(super) fn stale(&self, now: Instant, stale_after: Duration) -> bool {
        self.last_contact
            .is_none_or(|contact| now.duration_since(contact) > stale_after)
    }

    pub(super) fn configured(&self) -> Option<ConfiguredJob> {
        match (&self.scope, self.exists) {
            (FeedScope::Job { namespace, name }, Some(exists)) => Some(ConfiguredJob {
                namespace: namespace.clone(),
                name: name.clone(),
                exists,
            }),
            _ => None,
        }
    }
}
