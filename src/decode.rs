//! JSON of the Kubernetes API → [`Job`] and [`CronJob`].
//!
//! What the fields mean, that is; how they look is in `wire`. An object that cannot be read is an error of its own,
//! which names it: it never stops the objects around it.

use std::sync::Arc;

use serde::Deserialize;

mod interner;
mod ksm;
mod metadata;
pub(crate) mod wire;

use self::{
    interner::Interner,
    metadata::ParsedAnnotations,
    wire::{Condition, CronJobObject, JobObject, JobSpec, JobStatus, Metadata},
};
use crate::model::{
    CompletionMode, ConcurrencyPolicy, CronJob, FailureReason, Job, JobState, Name, PodCounts,
    Seconds, Uid, WorkloadRef,
};
pub use metadata::MetadataFilter;

pub use wire::Page;

/// Why an object was skipped. Display names the object as far as that can be told.
#[derive(Debug, thiserror::Error)]
#[error("decode {object}")]
pub struct DecodeError {
    /// `namespace/name`, or what is left of it.
    object: String,
    source: serde_json::Error,
}

impl DecodeError {
    fn new(json: &str, source: serde_json::Error) -> Self {
        Self {
            object: identify(json),
            source,
        }
    }

    /// Whether what could not be read is at least the object of this name.
    pub(crate) fn is_about(&self, namespace: &str, name: &str) -> bool {
        self.object.split_once('/') == Some((namespace, name))
    }

    pub(crate) fn cause(&self) -> &serde_json::Error {
        &self.source
    }
}

/// Reads a page of a list, but not yet its items.
pub fn page(json: &[u8]) -> Result<Page<'_>, serde_json::Error> {
    serde_json::from_slice(json)
}

/// Reads objects, and remembers what they have in common.
#[derive(Debug, Default)]
pub struct Decoder {
    names: Interner,
    wanted: Arc<MetadataFilter>,
}

impl Decoder {
    /// Reads what is `wanted` of labels and annotations.
    #[must_use]
    pub fn new(wanted: Arc<MetadataFilter>) -> Self {
        Self {
            names: Interner::default(),
            wanted,
        }
    }

    /// Reads a Job.
    pub fn job(&mut self, json: &str) -> Result<Job, DecodeError> {
        let object: JobObject<'_> = parse(json)?;
        let read = self.read_job(object);
        read.map_err(|source| DecodeError::new(json, source))
    }

    /// Reads a `CronJob`.
    pub fn cronjob(&mut self, json: &str) -> Result<CronJob, DecodeError> {
        let object: CronJobObject<'_> = parse(json)?;
        let read = self.read_cronjob(object);
        read.map_err(|source| DecodeError::new(json, source))
    }

    fn read_job(&mut self, object: JobObject<'_>) -> serde_json::Result<Job> {
        let Self { names, wanted } = self;
        let JobObject {
            metadata,
            spec,
            status,
        } = object;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let conditions = Conditions::of(status.conditions.as_deref().unwrap_or_default());
        let state = conditions.state(&spec, &status);
        let indexed = spec.completion_mode.as_deref() == Some("Indexed");
        let shown = wanted.kube_state_metrics.as_ref();
        let labels = wanted.labels(metadata.labels, shown.map(|lists| &lists.job_labels))?;
        let annotations = shown.map(|lists| &lists.job_annotations);
        let pairs = wanted.annotations(metadata.annotations, annotations)?;
        let ParsedAnnotations {
            due,
            manual,
            ignored,
            annotations,
        } = ParsedAnnotations::of(&pairs, names);
        let name = Name::from(&*metadata.name);
        Ok(Job {
            namespace: names.share(&metadata.namespace),
            uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
            workload: workload(&metadata, &name, wanted.group(&labels), names),
            managed_by: spec
                .managed_by
                .as_deref()
                .map(|manager| names.share(manager)),
            state,
            failure: (state == JobState::Failed)
                .then(|| FailureReason::parse(conditions.failure_reason())),
            completion_mode: spec.completion_mode.as_deref().map(CompletionMode::parse),
            pods: PodCounts {
                active: status.active.unwrap_or(0),
                succeeded: status.succeeded.unwrap_or(0),
                failed: status.failed.unwrap_or(0),
                ready: status.ready,
                terminating: status.terminating,
            },
            created: metadata.creation_timestamp.seconds(),
            start: status.start_time.seconds(),
            end: conditions.end(state, &status),
            suspended: conditions
                .suspended
                .and_then(|at| at.last_transition_time.seconds()),
            active_deadline: spec.active_deadline_seconds,
            parallelism: spec.parallelism,
            completions: spec.completions,
            backoff_limit: spec.backoff_limit,
            // An empty set of indexes is left out by the API; whether there is a set at all, the spec tells.
            completed_indexes: indexed
                .then(|| count_indexes(status.completed_indexes.as_deref().unwrap_or_default()))
                .flatten(),
            failed_indexes: (indexed && spec.backoff_limit_per_index.is_some())
                .then(|| count_indexes(status.failed_indexes.as_deref().unwrap_or_default()))
                .flatten(),
            due,
            manual,
            ignored,
            labels: wanted.map(&labels, &pairs, names),
            annotations,
            ksm: ksm::job(wanted, (&metadata, &status), (&labels, &pairs), names),
            name,
        })
    }

    fn read_cronjob(&mut self, object: CronJobObject<'_>) -> serde_json::Result<CronJob> {
        let Self { names, wanted } = self;
        let CronJobObject {
            metadata,
            spec,
            status,
        } = object;
        let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
        let shown = wanted.kube_state_metrics.as_ref();
        let labels = wanted.labels(metadata.labels, shown.map(|lists| &lists.cronjob_labels))?;
        let annotations = shown.map(|lists| &lists.cronjob_annotations);
        let annotations = wanted.annotations(metadata.annotations, annotations)?;
        let template = spec.job_template.as_ref();
        let template = template.and_then(|template| template.metadata.as_ref());
        let template = template.and_then(|template| template.annotations);
        let template = wanted.annotations(template, None)?;
        let said = ParsedAnnotations::of(&annotations, names)
            .over(ParsedAnnotations::of(&template, names));
        Ok(CronJob {
            namespace: names.share(&metadata.namespace),
            name: Name::from(&*metadata.name),
            uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
            schedule: names.share(spec.schedule.as_deref().unwrap_or_default()),
            time_zone: spec.time_zone.as_deref().map(|zone| names.share(zone)),
            concurrency_policy: spec
                .concurrency_policy
                .as_deref()
                .map(ConcurrencyPolicy::parse),
            suspended: spec.suspend.unwrap_or(false),
            created: metadata.creation_timestamp.seconds(),
            last_schedule: status.last_schedule_time.seconds(),
            last_success: status.last_successful_time.seconds(),
            active_jobs: status
                .active
                .as_ref()
                .map_or(0, |jobs| u32::try_from(jobs.len()).unwrap_or(u32::MAX)),
            starting_deadline: spec.starting_deadline_seconds,
            successful_history_limit: spec.successful_jobs_history_limit,
            failed_history_limit: spec.failed_jobs_history_limit,
            ignored: said.ignored,
            labels: wanted.map(&labels, &annotations, names),
            annotations: said.annotations,
            ksm: ksm::cronjob(
                wanted,
                (&metadata, &spec, &status),
                (&labels, &annotations),
                names,
            ),
        })
    }
}

/// What a Job is a run of: a `CronJob`, the group that a label names, any other controlling owner, else itself.
fn workload(
    metadata: &Metadata<'_>,
    name: &Name,
    group: Option<&str>,
    names: &mut Interner,
) -> WorkloadRef {
    let owner = metadata.controller();
    match (owner, group) {
        (Some(owner), None) => WorkloadRef {
            kind: names.share(&owner.kind.to_lowercase()),
            name: names.share(&owner.name),
        },
        (Some(owner), Some(_)) if *owner.kind == *"CronJob" => WorkloadRef {
            kind: names.share("cronjob"),
            name: names.share(&owner.name),
        },
        (_, Some(group)) => WorkloadRef {
            kind: names.share("group"),
            name: names.share(group),
        },
        (None, None) => WorkloadRef {
            kind: names.share("job"),
            name: name.clone(),
        },
    }
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(|source| DecodeError::new(json, source))
}

/// Finds the name in an object that could not be read as a whole, for the log.
fn identify(json: &str) -> String {
    #[derive(Deserialize)]
    struct Any {
        metadata: serde_json::Value,
    }
    let metadata = serde_json::from_str(json)
        .map(|Any { metadata }| metadata)
        .unwrap_or_default();
    let part = |key: &str| {
        metadata
            .get(key)
            .and_then(|value| value.as_str())
            .unwrap_or("?")
            .chars()
            .take(253)
    };
    part("namespace").chain(['/']).chain(part("name")).collect()
}

/// How many indexes "1,3-5,7" names, without listing them. `None` where it is no such text.
fn count_indexes(ranges: &str) -> Option<u64> {
    if ranges.is_empty() {
        return Some(0);
    }
    ranges.split(',').try_fold(0u64, |total, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        total.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

// === Conditions ===

/// The conditions of a Job that are true, by type.
#[derive(Default)]
struct Conditions<'a> {
    complete: Option<&'a Condition<'a>>,
    failed: Option<&'a Condition<'a>>,
    success_criteria_met: Option<&'a Condition<'a>>,
    failure_target: Option<&'a Condition<'a>>,
    suspended: Option<&'a Condition<'a>>,
}

impl<'a> Conditions<'a> {
    fn of(conditions: &'a [Condition<'a>]) -> Self {
        let mut found = Self::default();
        for condition in conditions
            .iter()
            .filter(|condition| condition.status.as_deref() == Some("True"))
        {
            let place = match condition.kind.as_deref() {
                Some("Complete") => &mut found.complete,
                Some("Failed") => &mut found.failed,
                Some("SuccessCriteriaMet") => &mut found.success_criteria_met,
                Some("FailureTarget") => &mut found.failure_target,
                Some("Suspended") => &mut found.suspended,
                _ => continue,
            };
            *place = Some(condition);
        }
        found
    }

    fn state(&self, spec: &JobSpec<'_>, status: &JobStatus<'_>) -> JobState {
        let count = |pods: Option<i32>| pods.unwrap_or(0) > 0;
        if self.failed.is_some() {
            JobState::Failed
        } else if self.complete.is_some() {
            JobState::Complete
        } else if self.failure_target.is_some() {
            JobState::Failing
        } else if self.success_criteria_met.is_some() {
            JobState::Succeeding
        } else if spec.suspend == Some(true) {
            JobState::Suspended
        } else if count(status.ready.or(status.active))
            || count(status.succeeded)
            || count(status.failed)
        {
            // Servers before 1.24 do not count ready pods: there an active one has to do.
            JobState::Running
        } else {
            JobState::Pending
        }
    }

    fn failure_reason(&self) -> &str {
        self.failed
            .and_then(|condition| condition.reason.as_deref())
            .unwrap_or_default()
    }

    fn end(&self, state: JobState, status: &JobStatus<'_>) -> Option<Seconds> {
        let since = |condition: Option<&Condition<'_>>| {
            condition.and_then(|at| at.last_transition_time.seconds())
        };
        match state {
            JobState::Failed => since(self.failed),
            JobState::Complete => status
                .completion_time
                .seconds()
                .or_else(|| since(self.complete)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
