//! The kinds of objects as one trait, so that listing and watching are written once.

use crate::{
    config::Selection,
    decode::{DecodeError, Decoder, Object},
    model::{
        Change, CronJob, FeedScope, Job, Name, Namespace, ObjectName, Pod, Resource, Uid, Update,
    },
};

/// A label selector for the version of a server, as major and minor if that is known.
pub(super) type SelectorByVersion = fn(Option<(u32, u32)>) -> &'static str;

/// A kind of object that can be listed and watched.
pub(in crate::source) trait WatchedResource: Send + 'static {
    /// What the store keeps of an object.
    type Record: Send;

    const RESOURCE: Resource;

    /// Only objects whose fields match are read.
    const FIELD_SELECTOR: Option<&'static str> = None;

    /// The label selector, where it depends on the version of the server.
    const SELECTOR_BY_VERSION: Option<SelectorByVersion> = None;

    /// The label selector of the objects, if it is known at once.
    fn label_selector(selection: &Selection) -> Option<String> {
        selection.label_selector.clone()
    }

    /// The feed of this kind in `namespace`, or in all selected ones.
    fn feed_scope(namespace: Option<Name>) -> FeedScope;

    /// `None` for an object that is of no interest.
    fn decode(
        object: Object<'_>,
        decoder: &mut Decoder,
    ) -> Result<Option<Self::Record>, DecodeError>;

    fn update(change: Change<Self::Record>) -> Update;

    fn namespace(record: &Self::Record) -> &str;

    fn name(record: &Self::Record) -> ObjectName;

    fn uid(record: &Self::Record) -> &Uid;
}

/// batch/v1 Jobs.
pub(in crate::source) struct Jobs;

/// batch/v1 `CronJobs`.
pub(in crate::source) struct CronJobs;

/// v1 Pods of Jobs that have not succeeded.
pub(in crate::source) struct Pods;

/// v1 Namespaces.
pub(in crate::source) struct AllNamespaces;

/// The first version whose Job controller sets the label with a prefix. It still sets the other one as well.
///
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#batch-kubernetes-io-job-name>
const PREFIXED_LABEL_VERSION: (u32, u32) = (1, 27);

impl WatchedResource for Jobs {
    type Record = Job;

    const RESOURCE: Resource = Resource::Jobs;

    fn feed_scope(namespace: Option<Name>) -> FeedScope {
        FeedScope::Jobs(namespace)
    }

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Option<Job>, DecodeError> {
        decoder.job(object).map(Some)
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

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Option<CronJob>, DecodeError> {
        decoder.cronjob(object).map(Some)
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

impl WatchedResource for Pods {
    type Record = Pod;

    const RESOURCE: Resource = Resource::Pods;

    // A pod that succeeds leaves the selection, so the server sends no more of it.
    const FIELD_SELECTOR: Option<&'static str> = Some("status.phase!=Succeeded");

    const SELECTOR_BY_VERSION: Option<SelectorByVersion> = Some(|version| match version {
        Some(version) if version >= PREFIXED_LABEL_VERSION => "batch.kubernetes.io/job-name",
        _ => "job-name",
    });

    /// The configured selector is about the labels of Jobs, which their pods need not have.
    fn label_selector(_: &Selection) -> Option<String> {
        None
    }

    fn feed_scope(namespace: Option<Name>) -> FeedScope {
        FeedScope::Pods(namespace)
    }

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Option<Pod>, DecodeError> {
        decoder.pod(object)
    }

    fn update(change: Change<Pod>) -> Update {
        Update::Pods(change)
    }

    fn namespace(pod: &Pod) -> &str {
        &pod.namespace
    }

    fn name(pod: &Pod) -> ObjectName {
        ObjectName {
            namespace: pod.namespace.clone(),
            name: pod.name.to_shared(),
        }
    }

    fn uid(pod: &Pod) -> &Uid {
        &pod.uid
    }
}

impl WatchedResource for AllNamespaces {
    type Record = Namespace;

    const RESOURCE: Resource = Resource::Namespaces;

    /// The configured selector is about the labels of Jobs.
    fn label_selector(_: &Selection) -> Option<String> {
        None
    }

    fn feed_scope(_: Option<Name>) -> FeedScope {
        FeedScope::Namespaces
    }

    fn decode(object: Object<'_>, decoder: &mut Decoder) -> Result<Option<Namespace>, DecodeError> {
        decoder.namespace(object).map(Some)
    }

    fn update(change: Change<Namespace>) -> Update {
        Update::Namespaces(change)
    }

    fn namespace(namespace: &Namespace) -> &str {
        &namespace.name
    }

    fn name(namespace: &Namespace) -> ObjectName {
        ObjectName {
            // It is in none, which an object that cannot be decoded has as `?`.
            namespace: "?".into(),
            name: namespace.name.clone(),
        }
    }

    fn uid(namespace: &Namespace) -> &Uid {
        &namespace.uid
    }
}
