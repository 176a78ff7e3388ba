//! The two kinds of objects as one trait, so that listing and watching are written once.

use crate::{
    decode::{DecodeError, Decoder, Object},
    model::{Change, CronJob, FeedScope, Job, Name, ObjectName, Resource, Uid, Update},
};

/// A kind of object that can be listed and watched.
pub(in crate::source) trait WatchedResource: Send + 'static {
    /// What the store keeps of an object.
    type Record: Send;

    const RESOURCE: Resource;

    /// The feed of this kind in `namespace`, or in all selected ones.
    fn feed_scope(namespace: Option<Name>) -> FeedScope;

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Self::Record, DecodeError>;

    fn update(change: Change<Self::Record>) -> Update;

    fn namespace(record: &Self::Record) -> &str;

    fn name(record: &Self::Record) -> ObjectName;

    fn uid(record: &Self::Record) -> &Uid;
}

/// batch/v1 Jobs.
pub(in crate::source) struct Jobs;

/// batch/v1 `CronJobs`.
pub(in crate::source) struct CronJobs;

impl WatchedResource for Jobs {
    type Record = Job;

    const RESOURCE: Resource = Resource::Jobs;

    fn feed_scope(namespace: Option<Name>) -> FeedScope {
        FeedScope::Jobs(namespace)
    }

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Job, DecodeError> {
        decoder.job(object)
    }

    fn update(change: Change<Job>) -> Update {
        Update::Jobs(change)
    }

    fn namespace(job: &Job) -> &str {
        job.namespace()
    }

    fn name(job: &Job) -> ObjectName {
        ObjectName {
            namespace: job.namespace().clone(),
            name: job.name.to_shared(),
        }
    }

    fn uid(job: &Job) -> &Uid {
        &job.uid
    }
}

impl WatchedResource for CronJobs {
    type Record = CronJob;

    const RESOURCE: Resource = Resource::CronJobs;

    fn feed_scope(namespace: Option<Name>) -> FeedScope {
        FeedScope::CronJobs(namespace)
    }

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<CronJob, DecodeError> {
        decoder.cronjob(object)
    }

    fn update(change: Change<CronJob>) -> Update {
        Update::CronJobs(change)
    }

    fn namespace(cronjob: &CronJob) -> &str {
        &cronjob.namespace
    }

    fn name(cronjob: &CronJob) -> ObjectName {
        ObjectName {
            namespace: cronjob.namespace.clone(),
            name: cronjob.name.clone(),
        }
    }

    fn uid(cronjob: &CronJob) -> &Uid {
        &cronjob.uid
    }
}
