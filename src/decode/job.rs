//! A Job object → [`Job`].

use super::{
    annotations::ParsedAnnotations,
    conditions::Conditions,
    interner::Interner,
    ksm,
    metadata::MetadataFilter,
    wire::{JobObject, JobSpec, JobStatus, check_type},
    workload,
};
use crate::model::{
    CompletionMode, FailureReason, Job, JobExtra, JobName, JobState, PodCounts, RunTemplate, Uid,
};

/// Makes the record of `object`. Fails when its labels or annotations are not a map of strings.
pub(super) fn decode(
    object: JobObject<'_>,
    filter: &MetadataFilter,
    interner: &mut Interner,
) -> serde_json::Result<Job> {
    let JobObject {
        kind,
        api_version,
        metadata,
        spec,
        status,
    } = object;
    check_type("Job", kind.as_ref(), api_version.as_ref())?;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let labels = filter.job_labels(metadata.labels)?;
    let annotations = filter.job_annotations(metadata.annotations)?;
    let parsed = ParsedAnnotations::parse(&annotations, interner);
    let conditions = Conditions::new(&status);
    let state = conditions.state(&spec, &status);
    let group = filter.workload_group(&labels);
    let manager = spec.managed_by.as_deref();
    let (workload_kind, workload_name) = workload::of_job(&metadata, group, interner);
    let template = RunTemplate {
        namespace: interner.intern(&metadata.namespace),
        workload_kind,
        workload_name,
        owner_uid: workload::owner_run(&metadata).map(Box::new),
        managed_by: manager.map(|manager| interner.label("spec.managedBy", manager)),
        completion_mode: spec.completion_mode.as_deref().map(CompletionMode::parse),
        active_deadline: spec.active_deadline_seconds.into(),
        parallelism: spec.parallelism,
        completions: spec.completions,
        backoff_limit: spec.backoff_limit,
        ttl: spec.ttl_seconds_after_finished,
        labels: filter.mapped_labels(&[(&labels, &annotations)], interner),
    };
    let template = interner.intern_template(template);
    let parsed = parsed.with_truncated(interner.take_truncated());
    let extra = JobExtra {
        completed_indexes: completed_indexes(&spec, &status),
        failed_indexes: failed_indexes(&spec, &status),
        annotations: parsed.workload,
        ksm: ksm::job(
            filter,
            (&metadata, &status),
            (&labels, &annotations),
            interner,
        ),
    };
    Ok(Job {
        name: JobName::from(&*metadata.name),
        uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
        template,
        state,
        failure: (state == JobState::Failed)
            .then(|| FailureReason::parse(conditions.failure_reason())),
        pods: pods(&status),
        created: metadata.creation_timestamp.seconds().into(),
        start: status.start_time.seconds().into(),
        state_since: conditions.state_since(state, &status).into(),
        due: parsed.due.into(),
        manual: parsed.manual,
        ignored: parsed.ignored,
        merged_labels: None,
        extra: extra.boxed(),
        observed_pods: None,
    })
}

/// The API omits counts of 0, except `ready` and `terminating`, which old servers do not have.
fn pods(status: &JobStatus<'_>) -> PodCounts {
    PodCounts {
        active: status.active.unwrap_or(0),
        succeeded: status.succeeded.unwrap_or(0),
        failed: status.failed.unwrap_or(0),
        ready: status.ready.into(),
        terminating: status.terminating.into(),
    }
}

/// The number of completed indexes of an Indexed Job. The API omits an empty set.
fn completed_indexes(spec: &JobSpec<'_>, status: &JobStatus<'_>) -> Option<u64> {
    is_indexed(spec)
        .then(|| count_indexes(status.completed_indexes.as_deref().unwrap_or_default()))
        .flatten()
}

/// The number of failed indexes. The API tracks them only for Indexed Jobs with a backoff limit per index.
fn failed_indexes(spec: &JobSpec<'_>, status: &JobStatus<'_>) -> Option<u64> {
    (is_indexed(spec) && spec.backoff_limit_per_index.is_some())
        .then(|| count_indexes(status.failed_indexes.as_deref().unwrap_or_default()))
        .flatten()
}

fn is_indexed(spec: &JobSpec<'_>) -> bool {
    spec.completion_mode.as_deref() == Some("Indexed")
}

/// Counts the indexes in a list of ranges such as "1,3-5,7" without expanding it. `None` for an invalid list.
pub(super) fn count_indexes(ranges: &str) -> Option<u64> {
    if ranges.is_empty() {
        return Some(0);
    }
    ranges.split(',').try_fold(0u64, |total, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
        total.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}
