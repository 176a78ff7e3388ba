//! What [`super::poll`] can ask for: one configured job, or one list.
//!
//! Each request that succeeds tells the whole of what its item covers, and each that fails leaves what was told before.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::{
    decode,
    feed::Feed,
    health::Health,
    kind::{CronJobs, Jobs, Kind},
    names::Names,
    poll::{Failed, Item},
};
use crate::{
    model::{Activity, Change, FeedId, Resource, Update, Verb},
    target::{Api, Error, Failure, Request, Scope},
};

/// A job that the configuration names.
pub(super) struct ConfiguredJob {
    pub(super) id: FeedId,
    pub(super) api: Arc<Api>,
    pub(super) health: Arc<Health>,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Shared by all configured jobs. Never held across an await.
    pub(super) names: Arc<Mutex<Names>>,
}

/// All objects of one kind in one scope.
pub(super) enum Lists {
    Jobs(Feed<Jobs>),
    CronJobs(Feed<CronJobs>),
}

/// What became of a poll, told to `health`.
fn conclude(health: &Health, id: FeedId, outcome: Result<(), Error>) -> Result<(), Failed> {
    match outcome {
        Ok(()) => {
            health.works(id);
            Ok(())
        }
        Err(error) => {
            health.fail(id, &error);
            Err(Failed {
                retry_after: error.retry_after(),
            })
        }
    }
}

// === impl Lists ===

impl Item for Lists {
    async fn poll(&mut self, timeout: Duration) -> Result<(), Failed> {
        match self {
            Self::Jobs(feed) => list(feed, timeout).await,
            Self::CronJobs(feed) => list(feed, timeout).await,
        }
    }
}

async fn list<K: Kind>(feed: &mut Feed<K>, timeout: Duration) -> Result<(), Failed> {
    let outcome = feed.list(timeout).await;
    let outcome = outcome.map(|(records, _)| feed.replace(records));
    conclude(&feed.health, feed.id, outcome)
}

// === impl ConfiguredJob ===

impl Item for ConfiguredJob {
    async fn poll(&mut self, timeout: Duration) -> Result<(), Failed> {
        let Self {
            namespace, name, ..
        } = &*self;
        tracing::debug!(namespace, job = name, "polling");
        let outcome = match self.api.job_status(namespace, name, timeout).await {
            Ok(body) => self.take(&body),
            Err(error) if error.is_job_absent() => {
                self.health.push_whole(self.id, Update::JobAbsent);
                Ok(())
            }
            Err(error) => Err(error),
        };
        conclude(&self.health, self.id, outcome)
    }
}

impl ConfiguredJob {
    /// Takes in an answer. A job that cannot be read is skipped; something else than the job is no answer.
    fn take(&self, body: &Bytes) -> Result<(), Error> {
        let text = String::from_utf8_lossy(body);
        let decoded = decode::job(
            &text,
            &mut self.names.lock().unwrap_or_else(PoisonError::into_inner),
        );
        match decoded {
            Ok(job) if *job.namespace == *self.namespace && *job.name == *self.name => {
                self.health
                    .push_whole(self.id, Update::Jobs(Change::Applied(job)));
            }
            Ok(job) => {
                return Err(self.nonsense(format!("it is job {}/{}", job.namespace, job.name)));
            }
            Err(error) if error.is_about(&self.namespace, &self.name) => {
                self.health.count(Activity::DecodeError(Resource::Jobs));
                let cause = std::error::Error::source(&error);
                tracing::warn!(%error, cause, "skipped a job");
            }
            Err(error) => return Err(self.nonsense(error.cause().to_string())),
        }
        Ok(())
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
