//! Polling of configured Jobs: each by its own request, or all Jobs of a namespace by one list.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use super::{PollFailure, PollItem, PollSuccess, finish};
use crate::{
    client::{Api, Error, Listing, Scope},
    config::{JobReference, ListLimits},
    decode::{self, DecodeError, Decoder, Object},
    model::{Change, Job, Resource, Update},
    source::{
        feed_reporter::FeedReporter,
        job_status,
        reader::{ListStep, read_list},
    },
};

/// A configured Job that is polled.
pub(in crate::source) struct JobPoll {
    pub(in crate::source) api: Arc<Api>,
    pub(in crate::source) feed: FeedReporter,
    pub(in crate::source) job: JobReference,
    /// Shared by all configured Jobs, so that they share strings. Never held across an await.
    pub(in crate::source) decoder: Arc<Mutex<Decoder>>,
    pub(in crate::source) limits: ListLimits,
}

/// What one request of the poller covers.
pub(in crate::source) enum JobPolls {
    One(JobPoll),
    /// All configured Jobs of one namespace, more than one.
    Namespace(Vec<JobPoll>),
}

// === impl JobPolls ===

impl JobPolls {
    /// One item per Job, or `by_list` one per namespace.
    pub(in crate::source) fn items(jobs: Vec<JobPoll>, by_list: bool) -> Vec<Self> {
        if !by_list {
            return jobs.into_iter().map(Self::One).collect();
        }
        let mut namespaces: BTreeMap<String, Vec<JobPoll>> = BTreeMap::new();
        for poll in jobs {
            let namespace = poll.job.namespace.clone();
            namespaces.entry(namespace).or_default().push(poll);
        }
        let item = |mut jobs: Vec<JobPoll>| match (jobs.pop(), jobs.is_empty()) {
            // A list would return more than is needed.
            (Some(job), true) => Self::One(job),
            (job, _) => Self::Namespace(jobs.into_iter().chain(job).collect()),
        };
        namespaces.into_values().map(item).collect()
    }
}

impl PollItem for JobPolls {
    async fn poll(&mut self, timeout: Duration) -> Result<PollSuccess<Self>, PollFailure> {
        let jobs = match self {
            Self::One(job) => {
                let outcome = job.get(timeout).await;
                return finish(&job.feed, outcome);
            }
            Self::Namespace(jobs) => jobs,
        };
        match list_configured(jobs, timeout).await {
            Ok(()) => Ok(PollSuccess::Polled),
            Err(error) if error.is_forbidden() => {
                let hint = error.hint();
                tracing::warn!(%error, hint, "polling each Job by its own request from now on");
                let jobs = mem::take(jobs).into_iter();
                Ok(PollSuccess::Split(jobs.map(Self::One).collect()))
            }
            Err(error) => {
                for job in jobs {
                    job.feed.fail(&error);
                }
                Err(PollFailure::from(&error))
            }
        }
    }
}

/// Lists the namespace of `jobs` and reports each of them.
async fn list_configured(jobs: &[JobPoll], timeout: Duration) -> Result<(), Error> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    let namespace = first.job.namespace.clone();
    tracing::debug!(namespace, "polling by list");
    let listing = Listing {
        resource: Resource::Jobs,
        scope: Scope::Namespace(namespace),
        label_selector: None,
        field_selector: None,
        shard_selector: None,
    };
    let positions: HashMap<&str, usize> =
        jobs.iter().map(|poll| &*poll.job.name).zip(0..).collect();
    let mut found = HashMap::new();
    read_list(
        &first.api,
        &listing,
        first.limits,
        timeout,
        |step| match step {
            ListStep::Start => found.clear(),
            ListStep::Object(object) => {
                let position = decode::name(object).and_then(|name| positions.get(&*name));
                let Some(&position) = position else { return };
                match jobs[position].decode(object) {
                    // The server returned more than the requested namespace.
                    Ok(other) if **other.namespace() != *jobs[position].job.namespace => {}
                    decoded => {
                        found.insert(position, decoded);
                    }
                }
            }
            ListStep::PageEnd { .. } => {}
        },
    )
    .await?;
    for (position, poll) in jobs.iter().enumerate() {
        match found.remove(&position) {
            Some(decoded) => poll.report(decoded),
            None => poll.feed.push(Update::JobAbsent),
        }
        poll.feed.contact();
    }
    Ok(())
}

// === impl JobPoll ===

impl JobPoll {
    /// Requests the status of the Job and reports it.
    async fn get(&self, timeout: Duration) -> Result<(), Error> {
        let JobReference { namespace, name } = &self.job;
        tracing::debug!(namespace, job = name, "polling");
        match self.api.job_status(namespace, name, timeout).await {
            Ok(body) => {
                self.report(job_status::read(&self.job, &body, &self.decoder)?);
                Ok(())
            }
            Err(error) if error.is_job_not_found() => {
                self.feed.push(Update::JobAbsent);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn decode(&self, object: Object<'_>) -> Result<Job, DecodeError> {
        self.decoder.lock().job(object)
    }

    /// Pushes the Job to the store, or logs that it exists but cannot be decoded.
    fn report(&self, decoded: Result<Job, DecodeError>) {
        match decoded {
            Ok(job) => self.feed.push(Update::Jobs(Change::Applied(job))),
            Err(error) => {
                self.feed.skip(Resource::Jobs, &error);
                let undecodable = Change::Applied(error.object_name());
                self.feed.push(Update::Undecodable(undecodable));
            }
        }
    }
}
