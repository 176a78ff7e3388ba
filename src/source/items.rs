//! What [`super::poll`] can ask for besides [`super::configured`] jobs: whole lists. And what every poll comes to.
//!
//! Each request that succeeds tells the whole of what its item covers, and each that fails leaves what was told before.

use std::time::Duration;

use super::{
    health::Health,
    kind::{CronJobs, Jobs, Kind},
    poll::{Done, Failed, Item},
    reader::ResourceReader,
};
use crate::{client::Error, model::FeedId};

/// All objects of one kind in one scope.
pub(super) enum Lists {
    Jobs(ResourceReader<Jobs>),
    CronJobs(ResourceReader<CronJobs>),
}

/// What became of a poll, told to `health`.
pub(super) fn conclude<I>(
    health: &Health,
    id: FeedId,
    outcome: Result<(), Error>,
) -> Result<Done<I>, Failed> {
    match outcome {
        Ok(()) => {
            health.works(id);
            Ok(Done::Polled)
        }
        Err(error) => {
            health.fail(id, &error);
            Err(failed(&error))
        }
    }
}

/// What the poller has to know of an error.
pub(super) fn failed(error: &Error) -> Failed {
    Failed {
        retry_after: error.retry_after(),
        throttled: error.is_throttled(),
    }
}

// === impl Lists ===

impl Item for Lists {
    async fn poll(&mut self, timeout: Duration) -> Result<Done<Self>, Failed> {
        match self {
            Self::Jobs(feed) => list(feed, timeout).await,
            Self::CronJobs(feed) => list(feed, timeout).await,
        }
    }
}

async fn list<K: Kind>(
    feed: &mut ResourceReader<K>,
    timeout: Duration,
) -> Result<Done<Lists>, Failed> {
    let outcome = match feed.list(timeout).await {
        Ok((records, _)) => {
            feed.replace(records);
            Ok(())
        }
        Err(error) if error.is_not_served() => {
            feed.none_served();
            Ok(())
        }
        Err(error) => Err(error),
    };
    conclude(&feed.health, feed.id, outcome)
}
