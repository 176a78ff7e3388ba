//! The jobs that the configuration names: each asked for by itself, or all in a namespace by one list.

use std::{
    collections::{BTreeMap, HashMap},
    error::Error as _,
    mem,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;

use bytes::Bytes;

use super::{
    health::Health,
    items::{conclude, failed},
    list::{self, Seen},
    poll::{Done, Failed, Item},
};
use crate::{
    client::{Api, Error, Failure, Listing, Request, Scope},
    decode::{self, DecodeError, Decoder},
    model::{Change, ClientEvent, FeedId, Job, Resource, Update, Verb},
};

/// A job that the configuration names.
pub(super) struct JobPoll {
    pub(super) id: FeedId,
    pub(super) api: Arc<Api>,
    pub(super) health: Arc<Health>,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Shared by all configured jobs. Never held across an await.
    pub(super) decoder: Arc<Mutex<Decoder>>,
}

/// What is polled of the configured jobs.
pub(super) enum JobPolls {
    One(JobPoll),
    /// All in one namespace; more than one.
    Namespace(Vec<JobPoll>),
}

// === impl Configured ===

impl JobPolls {
    /// Jobs in the order of their feeds, each for itself or by namespace.
    pub(super) fn items(jobs: Vec<JobPoll>, by_list: bool) -> Vec<Self> {
        if !by_list {
            return jobs.into_iter().map(Self::One).collect();
        }
        let mut namespaces: BTreeMap<String, Vec<JobPoll>> = BTreeMap::new();
        for job in jobs {
            let namespace = job.namespace.clone();
            namespaces.entry(namespace).or_default().push(job);
        }
        let item = |mut jobs: Vec<JobPoll>| match (jobs.pop(), jobs.is_empty()) {
            // A list would tell more than is asked for.
            (Some(job), true) => Self::One(job),
            (job, _) => Self::Namespace(jobs.into_iter().chain(job).collect()),
        };
        namespaces.into_values().map(item).collect()
    }
}

impl Item for JobPolls {
    async fn poll(&mut self, timeout: Duration) -> Result<Done<Self>, Failed> {
        let jobs = match self {
            Self::One(job) => {
                let outcome = job.get(timeout).await;
                return conclude(&job.health, job.id, outcome);
            }
            Self::Namespace(jobs) => jobs,
        };
        match list_configured(jobs, timeout).await {
            Ok(()) => Ok(Done::Polled),
            Err(error) if error.is_forbidden() => {
                let hint = error.hint();
                tracing::warn!(%error, hint, "asking for each job by itself from now on");
                let jobs = mem::take(jobs).into_iter();
                Ok(Done::Split(jobs.map(Self::One).collect()))
            }
            Err(error) => {
                for job in jobs {
                    job.health.fail(job.id, &error);
                }
                Err(failed(&error))
            }
        }
    }
}

/// Lists the namespace of `jobs` and passes on what that tells about them.
async fn list_configured(jobs: &[JobPoll], timeout: Duration) -> Result<(), Error> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    tracing::debug!(namespace = first.namespace, "polling by list");
    let listing = Listing {
        resource: Resource::Jobs,
        scope: Scope::Namespace(first.namespace.clone()),
        label_selector: None,
    };
    let by_name: HashMap<&str, &JobPoll> = jobs.iter().map(|job| (&*job.name, job)).collect();
    let mut found = HashMap::new();
    list::walk(&first.api, &listing, timeout, |seen| match seen {
        Seen::Beginning => found.clear(),
        Seen::Object(json) => {
            let job = decode::name(json).and_then(|name| by_name.get(&*name));
            let Some(job) = job else { return };
            match job.decode(json) {
                // A server that gives more than was asked for.
                Ok(other) if *other.namespace != *job.namespace => {}
                decoded => {
                    found.insert(job.id, decoded);
                }
            }
        }
        Seen::PageEnd { .. } => {}
    })
    .await?;
    for job in jobs {
        match found.remove(&job.id) {
            Some(decoded) => job.tell(decoded),
            None => job.health.push_whole(job.id, Update::JobAbsent),
        }
        job.health.works(job.id);
    }
    Ok(())
}

// === impl ConfiguredJob ===

impl JobPoll {
    async fn get(&self, timeout: Duration) -> Result<(), Error> {
        let Self {
            namespace, name, ..
        } = self;
        tracing::debug!(namespace, job = name, "polling");
        match self.api.job_status(namespace, name, timeout).await {
            Ok(body) => self.take(&body),
            Err(error) if error.is_job_absent() => {
                self.health.push_whole(self.id, Update::JobAbsent);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes in an answer. A job that cannot be read is skipped; something else than the job is no answer.
    fn take(&self, body: &Bytes) -> Result<(), Error> {
        match self.decode(&String::from_utf8_lossy(body)) {
            Ok(job) if *job.namespace == *self.namespace && *job.name == *self.name => {
                self.tell(Ok(job));
            }
            Ok(job) => {
                return Err(self.nonsense(format!("it is job {}/{}", job.namespace, job.name)));
            }
            Err(error) if error.is_about(&self.namespace, &self.name) => self.tell(Err(error)),
            Err(error) => return Err(self.nonsense(error.cause().to_string())),
        }
        Ok(())
    }

    fn decode(&self, json: &str) -> Result<Job, DecodeError> {
        let mut decoder = self.decoder.lock();
        decoder.job(json)
    }

    /// Passes on the job, or that it is there but cannot be read.
    fn tell(&self, decoded: Result<Job, DecodeError>) {
        match decoded {
            Ok(job) => {
                let applied = Update::Jobs(Change::Applied(job));
                self.health.push_whole(self.id, applied);
            }
            Err(error) => {
                self.health.count(ClientEvent::DecodeError(Resource::Jobs));
                tracing::warn!(%error, cause = error.source(), "skipped a job");
            }
        }
    }

    fn nonsense(&self, why: String) -> Error {
        let request = Request {
            verb: Verb::Get,
            resource: Resource::Jobs,
            scope: Scope::Namespace(self.namespace.clone()),
            name: Some(self.name.clone()),
        };
        Error {
            request: Box::new(request),
            failure: Failure::Nonsense(why),
        }
    }
}
