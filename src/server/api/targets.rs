//! `targets`: the targets: what is read of them, what fails and why. The command `status` writes the same entries.
//!
//! Fields are named like the metrics, without `job_status_exporter_` and `target_`, `_timestamp_seconds` and `_total`.
//!
//! - [`reads`]: what is read, and where
//! - [`client`]: the requests, and what came of them

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{ApiError, Success},
    parameters::{NoParameters, Parameters},
    value::{ResourceLabel, Time},
};
use crate::{
    model::{FeedScope, Name, Resource},
    server::data::PageData,
    status::{Reach, TargetDetail, phrases},
    store::{FeedFailure, FeedHealth, UndecodableObject},
};

mod client;
mod reads;

use client::{CredentialEntry, EventsEntry, RequestsEntry, RestartsEntry};
use reads::{ReadsEntry, ShardEntry};

/// The targets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TargetList {
    /// The targets, in the order of the configuration.
    targets: Vec<TargetEntry>,
}

/// A target. Counts of requests, events and other occurrences are since the start.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TargetEntry {
    /// The name of the target. Null for the unnamed one.
    target: Option<String>,
    /// How much of it can be read.
    reach: TargetReach,
    /// The same in words, with the age of the facts.
    text: String,
    /// Whether it was read completely at least once.
    synced: bool,
    /// What is read, and where. Null if that is not known.
    reads: Option<ReadsEntry>,
    /// The shard that reads it. Null without `sharding`.
    shard: Option<ShardEntry>,
    /// Feeds of the target, each watched or polled on its own.
    feeds: usize,
    /// Feeds whose last attempt failed.
    failing_feeds: usize,
    /// Why they fail, those that have failed the longest first, at most 100.
    failures: Vec<FailureEntry>,
    /// Whether the pods of Jobs can be read. Null if they are not read. Nothing else depends on it.
    pods_up: Option<bool>,
    /// When all its feeds had been read successfully. Null until each was.
    last_success: Option<Time>,
    /// The time as of which its workloads are judged. Null if it was never read.
    as_of: Option<Time>,
    /// How old the facts about it are, in seconds: 0 while they are current. Null if it was never read.
    age_seconds: Option<i64>,
    /// The credentials whose expiry is known.
    credentials: Vec<CredentialEntry>,
    /// Requests to the API, by verb. Verbs that never occurred are left out.
    api_requests: Vec<RequestsEntry>,
    /// Watch events received. Those that never occurred are left out.
    events: Vec<EventsEntry>,
    /// Watches that were restarted. Reasons that never occurred are left out.
    watch_restarts: Vec<RestartsEntry>,
    /// Its workloads.
    workloads: usize,
    /// Objects in memory that exist.
    objects: ObjectCounts,
    /// Objects that exist and cannot be decoded.
    undecodable_objects: ObjectCounts,
    /// The same by name, at most 100.
    undecodable: Vec<UndecodableEntry>,
    /// Configured Jobs that do not exist.
    missing_jobs: usize,
    /// The same by name, at most 100.
    missing: Vec<MissingJob>,
    /// Annotations that were ignored because they are invalid.
    invalid_annotations: u64,
    /// Label values that were cut because they are too long.
    truncated_label_values: u64,
    /// Workloads that were left out because there are more than the limit.
    workloads_dropped: u64,
}

/// How much of a target can be read: everything, a part, or nothing.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TargetReach {
    Up,
    Partly,
    Down,
}

/// A feed that fails.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FailureEntry {
    /// What it covers, in words.
    text: String,
    /// The kind of its objects.
    resource: ResourceLabel,
    /// Its namespace. Null for all that are selected.
    namespace: Option<String>,
    /// The name of its Job. Null unless it is one configured Job.
    job_name: Option<String>,
    /// Since when it fails.
    since: Time,
    /// When the last attempt failed.
    last_attempt: Time,
    /// When it last succeeded.
    last_success: Option<Time>,
    /// Why the last attempt failed.
    error: String,
    /// What to do about it.
    hint: Option<&'static str>,
}

/// Numbers of objects by resource.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct ObjectCounts {
    /// Number of Jobs.
    jobs: usize,
    /// Number of CronJobs.
    cronjobs: usize,
}

/// An object that exists and cannot be decoded.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct UndecodableEntry {
    /// Its kind.
    resource: ResourceLabel,
    /// Its namespace, or `?` if that cannot be decoded either.
    namespace: String,
    /// Its name, or `?`.
    name: String,
}

/// A configured Job that does not exist.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct MissingJob {
    /// Its namespace.
    namespace: String,
    /// Its name.
    job_name: String,
}

/// The targets: what is read of them, whether that works, and how old the facts about them are.
#[utoipa::path(
    get,
    path = "/targets",
    tag = "exporter",
    responses((status = 200, description = "All targets.", body = Success<TargetList>))
)]
pub(super) fn targets(data: &dyn PageData, query: Option<&str>) -> Result<TargetList, ApiError> {
    Parameters::parse::<NoParameters>(query)?;
    let snapshots = data.store().complete_snapshot();
    let targets = snapshots.iter().map(TargetDetail::new);
    Ok(TargetList {
        targets: targets.map(|target| TargetEntry::from(&target)).collect(),
    })
}

impl From<&TargetDetail> for TargetEntry {
    fn from(target: &TargetDetail) -> Self {
        let (health, status) = (&target.health, &target.status);
        let credentials = target.credentials.iter();
        let events = target.events.iter();
        let restarts = target.watch_restarts.iter();
        let undecodable = target.undecodable.iter();
        Self {
            target: health.name.as_deref().map(Into::into),
            reach: TargetReach::from(health.reach),
            text: phrases::health(health),
            synced: health.synced,
            reads: target.description.as_deref().map(ReadsEntry::from),
            shard: target
                .shard
                .map(|shard| ShardEntry::new(shard, target.shard_reading)),
            feeds: health.feeds,
            failing_feeds: health.failing_feeds,
            failures: target.feeds.iter().filter_map(failure).collect(),
            pods_up: status.pods_up,
            last_success: Time::of(health.last_success.map(Timestamp::as_second)),
            as_of: Time::of(health.as_of),
            age_seconds: health.age,
            credentials: credentials.map(CredentialEntry::from).collect(),
            api_requests: target.requests.iter().map(RequestsEntry::from).collect(),
            events: events.map(EventsEntry::from).collect(),
            watch_restarts: restarts.map(RestartsEntry::from).collect(),
            workloads: health.workloads,
            objects: ObjectCounts {
                jobs: status.jobs,
                cronjobs: status.cronjobs,
            },
            undecodable_objects: ObjectCounts {
                jobs: status.undecodable_jobs,
                cronjobs: status.undecodable_cronjobs,
            },
            undecodable: undecodable.map(UndecodableEntry::from).collect(),
            missing_jobs: health.missing_jobs,
            missing: target.missing_jobs.iter().map(MissingJob::from).collect(),
            invalid_annotations: status.invalid_annotations,
            truncated_label_values: status.truncated_values,
            workloads_dropped: status.dropped_workloads,
        }
    }
}

/// A feed, if it fails.
fn failure(feed: &FeedHealth) -> Option<FailureEntry> {
    let FeedFailure {
        since,
        last_attempt,
        error,
    } = feed.failure.as_ref()?;
    let (resource, namespace, job) = match &feed.scope {
        FeedScope::Jobs(namespace) => (Resource::Jobs, namespace.as_ref(), None),
        FeedScope::CronJobs(namespace) => (Resource::CronJobs, namespace.as_ref(), None),
        FeedScope::Pods(namespace) => (Resource::Pods, namespace.as_ref(), None),
        FeedScope::Namespaces => (Resource::Namespaces, None, None),
        FeedScope::Job { namespace, name } => (Resource::Jobs, Some(namespace), Some(name)),
    };
    Some(FailureEntry {
        text: phrases::feed(&feed.scope),
        resource: ResourceLabel(resource),
        namespace: namespace.map(ToString::to_string),
        job_name: job.map(ToString::to_string),
        since: (*since).into(),
        last_attempt: (*last_attempt).into(),
        last_success: Time::of(feed.last_success.map(Timestamp::as_second)),
        error: error.message.to_string(),
        hint: error.hint,
    })
}

impl From<Reach> for TargetReach {
    fn from(reach: Reach) -> Self {
        match reach {
            Reach::Up => Self::Up,
            Reach::Partly => Self::Partly,
            Reach::Down => Self::Down,
        }
    }
}

impl From<&UndecodableObject> for UndecodableEntry {
    fn from(object: &UndecodableObject) -> Self {
        Self {
            resource: ResourceLabel(object.resource),
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
        }
    }
}

impl From<&(Name, Name)> for MissingJob {
    fn from((namespace, name): &(Name, Name)) -> Self {
        Self {
            namespace: namespace.to_string(),
            job_name: name.to_string(),
        }
    }
}
