//! Which version of the batch API has `CronJobs`: `batch/v1` since Kubernetes 1.21, `batch/v1beta1` before.
//!
//! It is found out on the way: `batch/v1` is asked first, and only a refusal leads to the question what the server has.
//! Nothing is concluded from a server that refuses everything: it may just be the wrong address, or a bad moment.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use tokio::time::Instant;

use super::{Error, Failure};

/// A server may be upgraded while we run: one that has no `CronJobs` is asked again after this time.
const RECHECK: Duration = Duration::from_hours(1);

/// A version of the batch API. Jobs have always been in the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V1Beta1,
}

/// What is to be made of an answer about `CronJobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer, good or bad.
    Stands,
    /// It was the wrong version to ask for.
    Ask(Version),
    /// There is no version to ask for.
    NotServed,
    /// It depends on what the server says it has in `batch/v1`.
    Discover,
}

/// What is known of the `CronJobs` of one server.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// Never held across an await.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Known,
    /// The server itself lists what it has in `batch/v1`, and these are not among it.
    not_in_v1: bool,
    /// The address is that of a batch API: its Jobs were read.
    has_jobs: bool,
    /// Whether people were told that there are none.
    told: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    Served(Version),
    /// Neither version has them, as of then.
    NotServed(Instant),
}

impl Version {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::V1 => "/apis/batch/v1",
            Self::V1Beta1 => "/apis/batch/v1beta1",
        }
    }
}

impl Versions {
    /// The version to ask for; `None` when it was found out that there is none.
    pub(super) fn first(&self) -> Option<Version> {
        let mut state = self.state();
        match state.known {
            Known::Nothing => Some(Version::V1),
            Known::Served(version) => Some(version),
            Known::NotServed(since) if since.elapsed() < RECHECK => None,
            Known::NotServed(_) => {
                state.known = Known::Nothing;
                state.not_in_v1 = false;
                Some(Version::V1)
            }
        }
    }

    /// Jobs were read.
    pub(super) fn note_jobs(&self) {
        self.state().has_jobs = true;
    }

    /// `CronJobs` were asked for in version `asked`: what is to be made of the outcome.
    pub(super) fn judge(&self, asked: Version, error: Option<&Error>) -> Verdict {
        let mut state = self.state();
        let Some(error) = error else {
            state.known = Known::Served(asked);
            return Verdict::Stands;
        };
        let not_there = is(error, 404);
        match (asked, &state.known) {
            (Version::V1, Known::Nothing) if not_there || error.is_forbidden() => match state {
                state if state.not_in_v1 => Verdict::Ask(Version::V1Beta1),
                _ => Verdict::Discover,
            },
            (Version::V1, Known::Served(Version::V1Beta1)) if not_there => {
                Verdict::Ask(Version::V1Beta1)
            }
            (_, Known::NotServed(_)) if not_there => Verdict::NotServed,
            // An upgrade took it away.
            (Version::V1Beta1, Known::Served(Version::V1Beta1)) if not_there => {
                state.known = Known::Nothing;
                Verdict::Stands
            }
            (Version::V1Beta1, Known::Nothing)
                if not_there && (state.not_in_v1 || state.has_jobs) =>
            {
                state.known = Known::NotServed(Instant::now());
                if !std::mem::replace(&mut state.told, true) {
                    tracing::warn!(
                        "the server has no CronJobs, neither in batch/v1 nor in batch/v1beta1: only Jobs are shown"
                    );
                }
                Verdict::NotServed
            }
            _ => Verdict::Stands,
        }
    }

    /// The server was asked whether `batch/v1` has them after `refusal`.
    pub(super) fn discovered(&self, refusal: &Error, in_v1: Result<bool, Failure>) -> Verdict {
        let mut state = self.state();
        match in_v1 {
            Ok(true) => {
                state.known = Known::Served(Version::V1);
                Verdict::Stands
            }
            Ok(false) => {
                state.not_in_v1 = true;
                Verdict::Ask(Version::V1Beta1)
            }
            // It does not tell, so the refusal has to do.
            Err(Failure::Status(status))
                if matches!(status.code, 403 | 404) && is(refusal, 404) =>
            {
                Verdict::Ask(Version::V1Beta1)
            }
            Err(_) => Verdict::Stands,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

fn is(error: &Error, code: u16) -> bool {
    matches!(&error.failure, Failure::Status(status) if status.code == code)
}

#[cfg(test)]
mod tests;
