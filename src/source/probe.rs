//! Polls single Jobs on demand, for `/probe`.
//!
//! A probe pushes nothing to the store. Concurrent probes of one Job share one request.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::job_status;
use crate::{
    client::{self, Api, Error, Failure},
    config::{Config, JobReference, Mode, Namespaces, ProbeConfig},
    decode::{DecodeError, Decoder, MetadataFilter},
    model::{Job, ProbeOutcome},
};

mod log;

use log::ProbeLog;

/// Which Jobs of a target can be probed, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSettings {
    /// The Jobs that can be probed in any case.
    pub configured: BTreeSet<JobReference>,
    /// Whether other Jobs of [`namespaces`](Self::namespaces) can be probed.
    pub any: bool,
    /// The namespaces that the target reads.
    pub namespaces: Namespaces,
    /// The longest time for one probe, the wait for the rate limit included.
    pub timeout: Duration,
    /// Which labels and annotations of Jobs are kept.
    pub metadata: Arc<MetadataFilter>,
}

/// Polls single Jobs of one target.
pub struct JobProber {
    settings: ProbeSettings,
    requests: Arc<ProbeRequests>,
    log: ProbeLog,
}

/// Why a Job cannot be probed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeRefusal {
    /// It is not configured.
    #[error("job `{}` in namespace `{}` is not configured", .0.name, .0.namespace)]
    NotConfigured(JobReference),
    /// The target does not read its namespace.
    #[error("the target does not read namespace `{0}`")]
    NamespaceNotRead(String),
}

/// The requests that probes wait for.
struct ProbeRequests {
    api: Arc<Api>,
    decoder: Mutex<Decoder>,
    /// Never held across an await.
    pending: Mutex<HashMap<JobReference, WeakShared<PendingReading>>>,
}

/// A request with its result. It is cancelled when nobody waits for it any more.
type PendingReading = BoxFuture<'static, Arc<Reading>>;

/// The result of a request.
enum Reading {
    Absent,
    Found(Box<Job>),
    Undecodable(DecodeError),
    Failed(Error),
}

/// A probe that waits for a request.
struct WaitingProbe {
    request: Shared<PendingReading>,
    /// Whether the request has the deadline of this probe.
    is_first: bool,
    /// Dropped after the request.
    _forget: ForgetEnded,
}

/// Forgets the requests that nobody waits for when it is dropped.
struct ForgetEnded(Arc<ProbeRequests>);

// === impl ProbeSettings ===

impl ProbeSettings {
    /// The settings of a target that is read in this `mode`.
    #[must_use]
    pub fn from_config(config: &Config, mode: &Mode, probes: ProbeConfig) -> Self {
        let (configured, namespaces) = match mode {
            Mode::PollJobs { jobs, .. } => (jobs.iter().cloned().collect(), Namespaces::default()),
            Mode::Watch(selection) | Mode::PollLists { selection, .. } => {
                (BTreeSet::new(), selection.namespaces.clone())
            }
        };
        Self {
            configured,
            any: probes.any,
            namespaces,
            timeout: probes.timeout,
            metadata: Arc::new(MetadataFilter::from_config(config)),
        }
    }

    /// Whether `job` can be probed.
    pub fn check(&self, job: &JobReference) -> Result<(), ProbeRefusal> {
        if self.configured.contains(job) {
            return Ok(());
        }
        if !self.any {
            return Err(ProbeRefusal::NotConfigured(job.clone()));
        }
        if !self.namespaces.selects(&job.namespace) {
            return Err(ProbeRefusal::NamespaceNotRead(job.namespace.clone()));
        }
        Ok(())
    }
}

// === impl ProbeRefusal ===

impl ProbeRefusal {
    /// Which key allows it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotConfigured(_) => {
                "add the job to `jobs` of the target, or allow any job with `poll.probe_any: true`"
            }
            Self::NamespaceNotRead(_) => "`namespaces` of the target selects which it reads",
        }
    }
}

// === impl JobProber ===

impl JobProber {
    /// Probes Jobs of `api`. `target` names the target in log lines.
    #[must_use]
    pub fn new(target: String, settings: ProbeSettings, api: Arc<Api>) -> Self {
        let requests = ProbeRequests {
            api,
            decoder: Mutex::new(Decoder::new(settings.metadata.clone())),
            pending: Mutex::default(),
        };
        Self {
            settings,
            requests: Arc::new(requests),
            log: ProbeLog::new(target),
        }
    }

    /// What can be probed, and how.
    #[must_use]
    pub fn settings(&self) -> &ProbeSettings {
        &self.settings
    }

    /// Reads the state of a Job within `timeout`, or within that of the settings if it is shorter. The caller has checked that the
    /// Job can be probed. Logs a failure.
    pub async fn probe(&self, job: &JobReference, timeout: Duration) -> ProbeOutcome {
        let timeout = timeout.min(self.settings.timeout);
        let deadline = Instant::now() + timeout;
        let reading = loop {
            let waiting = WaitingProbe::join(&self.requests, job, deadline);
            if waiting.is_first {
                break Ok(waiting.reading().await);
            }
            match timeout_at(deadline, waiting.reading()).await {
                // It had the deadline of another probe.
                Ok(reading) if reading.is_timeout() && Instant::now() < deadline => {}
                reading => break reading,
            }
        };
        let reading = reading.unwrap_or_else(|_| Arc::new(Reading::timeout(job, timeout)));
        self.log.record(job, &reading);
        reading.outcome()
    }
}

impl fmt::Debug for JobProber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobProber")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

// === impl ProbeRequests ===

impl ProbeRequests {
    async fn send(&self, job: &JobReference, timeout: Duration) -> Reading {
        let JobReference { namespace, name } = job;
        let response = self.api.job_status_within(namespace, name, timeout);
        match response.await {
            Ok(body) => match job_status::read(job, &body, &self.decoder) {
                Ok(Ok(found)) => Reading::Found(Box::new(found)),
                Ok(Err(error)) => Reading::Undecodable(error),
                Err(error) => Reading::Failed(error),
            },
            Err(error) if error.is_job_not_found() => Reading::Absent,
            Err(error) => Reading::Failed(error),
        }
    }

    /// Forgets the requests that have ended, and those that nobody waits for.
    fn forget_ended(&self) {
        let is_open = |request: Shared<PendingReading>| request.peek().is_none();
        let mut pending = self.pending.lock();
        pending.retain(|_, request| request.upgrade().is_some_and(is_open));
    }
}

// === impl WaitingProbe ===

impl WaitingProbe {
    /// Waits for the request about `job` that is under way, or else sends one that ends by `deadline`.
    fn join(requests: &Arc<ProbeRequests>, job: &JobReference, deadline: Instant) -> Self {
        let mut pending = requests.pending.lock();
        let open = pending.get(job).and_then(WeakShared::upgrade);
        let open = open.filter(|request| request.peek().is_none());
        let is_first = open.is_none();
        let request = open.unwrap_or_else(|| {
            let left = deadline.saturating_duration_since(Instant::now());
            let (requests, job) = (requests.clone(), job.clone());
            async move { Arc::new(requests.send(&job, left).await) }
                .boxed()
                .shared()
        });
        if is_first && let Some(request) = request.downgrade() {
            pending.insert(job.clone(), request);
        }
        drop(pending);
        Self {
            request,
            is_first,
            _forget: ForgetEnded(requests.clone()),
        }
    }

    async fn reading(&self) -> Arc<Reading> {
        self.request.clone().await
    }
}

impl Drop for ForgetEnded {
    fn drop(&mut self) {
        self.0.forget_ended();
    }
}

// === impl Reading ===

impl Reading {
    fn timeout(job: &JobReference, timeout: Duration) -> Self {
        Self::Failed(Error {
            request: Box::new(client::Request::job_status(&job.namespace, &job.name)),
            failure: Failure::Timeout(timeout),
        })
    }

    fn is_timeout(&self) -> bool {
        match self {
            Self::Failed(error) => {
                matches!(error.failure, Failure::Timeout(_) | Failure::RateLimit(_))
            }
            _ => false,
        }
    }

    fn outcome(&self) -> ProbeOutcome {
        match self {
            Self::Absent => ProbeOutcome::Absent,
            Self::Found(job) => ProbeOutcome::Found(job.clone()),
            Self::Undecodable(_) => ProbeOutcome::Undecodable,
            Self::Failed(_) => ProbeOutcome::Failed,
        }
    }
}

#[cfg(test)]
mod tests;
