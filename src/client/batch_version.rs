//! Which version of the batch API serves `CronJobs`: `batch/v1` since Kubernetes 1.21, `batch/v1beta1` before.
//!
//! Requests use `batch/v1` first, and only a 403 or 404 response leads to API discovery. A server that rejects every request
//! proves nothing: the address may be wrong, or the failure temporary.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Error, Failure};

/// A server may be upgraded while the exporter runs: one without `CronJobs` is checked again after this time.
const RECHECK: Duration = Duration::from_hours(1);

/// A version of the batch API. Jobs have always been in `batch/v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BatchVersion {
    V1,
    V1Beta1,
}

/// What follows from the outcome of a request for `CronJobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VersionDecision {
    /// The outcome, good or bad, is the result.
    Final,
    /// Repeat the request in this version.
    Retry(BatchVersion),
    /// No version serves `CronJobs`.
    NotServed,
    /// Ask the server which resources `batch/v1` has.
    Discover,
}

/// What is known about the `CronJobs` of one server.
#[derive(Debug, Default)]
pub(super) struct CronJobSupport {
    /// Never held across an await.
    evidence: Mutex<Evidence>,
}

#[derive(Debug, Default)]
struct Evidence {
    served: Served,
    /// Discovery listed the resources of `batch/v1`, and `CronJobs` were not among them.
    not_in_v1: bool,
    /// A request for Jobs succeeded, so the address is that of a batch API.
    has_jobs: bool,
    /// The warning about missing `CronJobs` was logged.
    warned: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Served {
    #[default]
    Unknown,
    In(BatchVersion),
    /// Neither version served them at this time.
    Nowhere(Instant),
}

impl BatchVersion {
    /// The URL path of this version.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::V1 => "/apis/batch/v1",
            Self::V1Beta1 => "/apis/batch/v1beta1",
        }
    }
}

impl CronJobSupport {
    /// The version to try first; `None` if the server has none.
    pub(super) fn version_to_try(&self) -> Option<BatchVersion> {
        let mut evidence = self.evidence.lock();
        match evidence.served {
            Served::Unknown => Some(BatchVersion::V1),
            Served::In(version) => Some(version),
            Served::Nowhere(since) if since.elapsed() < RECHECK => None,
            Served::Nowhere(_) => {
                evidence.served = Served::Unknown;
                evidence.not_in_v1 = false;
                Some(BatchVersion::V1)
            }
        }
    }

    /// Records that a request for Jobs succeeded.
    pub(super) fn record_jobs(&self) {
        self.evidence.lock().has_jobs = true;
    }

    /// Records the outcome of a request for `CronJobs` in `version`.
    pub(super) fn record(&self, version: BatchVersion, error: Option<&Error>) -> VersionDecision {
        let mut evidence = self.evidence.lock();
        let Some(error) = error else {
            evidence.served = Served::In(version);
            return VersionDecision::Final;
        };
        let not_found = has_code(error, 404);
        match (version, &evidence.served) {
            (BatchVersion::V1, Served::Unknown) if not_found || error.is_forbidden() => {
                if evidence.not_in_v1 {
                    VersionDecision::Retry(BatchVersion::V1Beta1)
                } else {
                    VersionDecision::Discover
                }
            }
            (BatchVersion::V1, Served::In(BatchVersion::V1Beta1)) if not_found => {
                VersionDecision::Retry(BatchVersion::V1Beta1)
            }
            (_, Served::Nowhere(_)) if not_found => VersionDecision::NotServed,
            // A server upgrade removed the version.
            (BatchVersion::V1Beta1, Served::In(BatchVersion::V1Beta1)) if not_found => {
                evidence.served = Served::Unknown;
                VersionDecision::Final
            }
            (BatchVersion::V1Beta1, Served::Unknown)
                if not_found && (evidence.not_in_v1 || evidence.has_jobs) =>
            {
                evidence.served = Served::Nowhere(Instant::now());
                if !std::mem::replace(&mut evidence.warned, true) {
                    tracing::warn!(
                        "the server has no CronJobs, neither in batch/v1 nor in batch/v1beta1: only Jobs are read"
                    );
                }
                VersionDecision::NotServed
            }
            _ => VersionDecision::Final,
        }
    }

    /// Records the result of API discovery, which followed `error`: whether `batch/v1` has `CronJobs`.
    pub(super) fn record_discovery(
        &self,
        error: &Error,
        in_v1: Result<bool, Failure>,
    ) -> VersionDecision {
        let mut evidence = self.evidence.lock();
        match in_v1 {
            Ok(true) => {
                evidence.served = Served::In(BatchVersion::V1);
                VersionDecision::Final
            }
            Ok(false) => {
                evidence.not_in_v1 = true;
                VersionDecision::Retry(BatchVersion::V1Beta1)
            }
            // Discovery is not allowed or not served, so the 404 of the first request decides.
            Err(Failure::Status(status))
                if matches!(status.code, 403 | 404) && has_code(error, 404) =>
            {
                VersionDecision::Retry(BatchVersion::V1Beta1)
            }
            Err(_) => VersionDecision::Final,
        }
    }
}

fn has_code(error: &Error, code: u16) -> bool {
    matches!(&error.failure, Failure::Status(status) if status.code == code)
}

#[cfg(test)]
mod tests;
