//! Decides after each attempt where to continue, and how long to wait before.
//!
//! Whatever a server does, the waits grow until an attempt makes progress. What counts as progress depends on the cost of the
//! next attempt: a list costs a server far more than a watch.

use std::time::Duration;

use super::{Attempt, End, Watch};
use crate::{
    client::Error,
    model::{ClientEvent, RestartReason},
    source::reader::WatchedResource,
};

/// A watch that lived this long worked. When it ends, the next one starts at once.
const SETTLED: Duration = Duration::from_secs(5);

/// A watch that is followed by a list worked if it lived this long. It is less than the shortest lifetime of a watch.
const SETTLED_BEFORE_LIST: Duration = Duration::from_secs(30);

/// A watch that ends early and reported later versions made some progress: it counts as this many failures at most, which
/// is a wait of up to 4 s.
const MAX_FAILURES_WITH_NEWS: u32 = 3;

impl<R: WatchedResource> Watch<R> {
    /// Reports the outcome of an attempt. Decides where to continue, and returns how long to wait before.
    pub(super) fn conclude(&mut self, outcome: &Result<End, Error>) -> Option<Duration> {
        let Attempt {
            opened,
            received,
            advanced,
            silent,
            ..
        } = self.attempt;
        let (reason, retry_after) = self.report(outcome);
        if opened.is_some() || reason == RestartReason::Expired {
            let restart = ClientEvent::WatchRestart(R::RESOURCE, reason);
            self.reader.feed.count(restart);
        }
        let lived = |time| opened.is_some_and(|opened| opened.elapsed() >= time);
        // After an outage the server may have been restored from a backup. Our version then means nothing there or, worse,
        // lies in the future: such a watch receives nothing, not even bookmarks. Only a list shows the difference.
        let heard_nothing =
            lived(SETTLED) && !received && (silent || reason == RestartReason::Ended);
        let list = heard_nothing || reason == RestartReason::Expired;
        let news = advanced && !list;
        let settled = lived(if list { SETTLED_BEFORE_LIST } else { SETTLED });
        if settled {
            self.backoff.reset();
        } else if news {
            self.backoff.limit(MAX_FAILURES_WITH_NEWS);
        }
        // A watch that ends early is not reopened at once, whatever it reported: a server that cuts connections or repeats
        // itself would be asked without pause.
        let wait =
            (!settled || reason == RestartReason::Error).then(|| self.backoff.next(retry_after));
        if list || (self.backoff.failures() > 1 && !news) {
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
}
