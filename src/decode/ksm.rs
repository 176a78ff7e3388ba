//! The extra fields of the kube-state-metrics families.
//!
//! The fields are copied as they are; `label_names` turns keys of labels and annotations into metric labels.

use std::collections::HashSet;

use kube_cron::KsmSchedule;

use super::{
    interner::{Interner, cut},
    metadata::MetadataFilter,
    string_map::StringMap,
    wire::{Condition, CronJobSpec, CronJobStatus, JobStatus, Metadata, OwnerReference},
};
use crate::{
    config::AllowList,
    model::{
        ConditionStatus, KsmCronJob, KsmJob, KsmLabels, MAX_EVALUATED_SCHEDULE, Name, Owner,
        Seconds,
    },
};

mod label_names;

/// The longest value of a label, in bytes; longer ones are cut. kube-state-metrics shows values of any length.
pub(super) const MAX_VALUE: usize = 65_536;

/// The next due time of a schedule that never fires: the zero time of Go, the first of January of the year 1.
const NEVER: Seconds = -62_135_596_800;

/// Returns the fields of a Job, if the families are enabled.
pub(super) fn job(
    filter: &MetadataFilter,
    (metadata, status): (&Metadata<'_>, &JobStatus<'_>),
    (labels, annotations): (&StringMap<'_>, &StringMap<'_>),
    interner: &mut Interner,
) -> Option<KsmJob> {
    let lists = filter.kube_state_metrics.as_ref()?;
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let condition = |kind: &str| {
        let mut conditions = conditions.iter();
        conditions.find(|condition| condition.kind.as_deref() == Some(kind))
    };
    let failed = condition("Failed");
    let reason = failed.and_then(|condition| condition.reason.as_deref());
    Some(KsmJob {
        labels: metric_labels("label", labels, &lists.job_labels, interner),
        annotations: metric_labels("annotation", annotations, &lists.job_annotations, interner),
        owners: owners(metadata.owner_references.as_deref(), interner),
        complete: condition("Complete").map(status_of),
        failed: failed.map(status_of),
        failed_reason: reason.map(|reason| intern(reason, interner)),
        suspended: condition("Suspended").map(status_of),
        completion_time: status.completion_time.seconds(),
    })
}

/// Returns the fields of a `CronJob`, if the families are enabled.
pub(super) fn cronjob(
    filter: &MetadataFilter,
    (metadata, spec, status): (&Metadata<'_>, &CronJobSpec<'_>, &CronJobStatus),
    (labels, annotations): (&StringMap<'_>, &StringMap<'_>),
    interner: &mut Interner,
) -> Option<Box<KsmCronJob>> {
    let lists = filter.kube_state_metrics.as_ref()?;
    let version = metadata.resource_version.as_deref();
    let policy = spec.concurrency_policy.as_deref();
    let schedule = spec.schedule.as_deref().unwrap_or_default();
    let schedule = (schedule.len() <= MAX_EVALUATED_SCHEDULE)
        .then(|| KsmSchedule::parse(schedule, spec.time_zone.as_deref()));
    let since = status.last_schedule_time.seconds();
    let since = since.or(metadata.creation_timestamp.seconds());
    let next = |(schedule, since): (&KsmSchedule, _)| schedule.next(since).unwrap_or(NEVER);
    Some(Box::new(KsmCronJob {
        labels: metric_labels("label", labels, &lists.cronjob_labels, interner),
        annotations: metric_labels(
            "annotation",
            annotations,
            &lists.cronjob_annotations,
            interner,
        ),
        resource_version: version.and_then(|version| version.parse().ok()),
        concurrency_policy: policy.map(|policy| intern(policy, interner)),
        schedule_valid: !matches!(schedule, Some(Err(_))),
        next_schedule: schedule
            .as_ref()
            .and_then(|schedule| schedule.as_ref().ok())
            .filter(|_| spec.suspend != Some(true))
            .zip(since)
            .map(next),
    }))
}

fn intern(value: &str, interner: &mut Interner) -> Name {
    interner.intern(&cut(value, MAX_VALUE))
}

/// The status of a condition. A missing status is neither true nor false nor unknown.
fn status_of(condition: &Condition<'_>) -> ConditionStatus {
    ConditionStatus::parse(condition.status.as_deref().unwrap_or_default())
}

/// The owner references without duplicates. Two that differ only in other fields would make the same series twice, and
/// Prometheus rejects duplicate series.
fn owners(references: Option<&[OwnerReference<'_>]>, interner: &mut Interner) -> Box<[Owner]> {
    let mut owners = Vec::new();
    let mut known = HashSet::new();
    for OwnerReference {
        kind,
        name,
        controller,
        ..
    } in references.unwrap_or_default()
    {
        let owner = Owner {
            kind: intern(kind, interner),
            name: intern(name, interner),
            controller: controller.unwrap_or(false),
        };
        if known.insert(owner.clone()) {
            owners.push(owner);
        }
    }
    owners.into()
}

/// The entries that `list` allows, as metric labels whose names start with `prefix`.
fn metric_labels(
    prefix: &str,
    pairs: &StringMap<'_>,
    list: &AllowList,
    interner: &mut Interner,
) -> KsmLabels {
    if list.is_empty() {
        return None;
    }
    let allowed = pairs.iter().filter(|(key, _)| list.allows(key));
    let labels = label_names::assign(prefix, allowed);
    let labels: Vec<_> = labels
        .iter()
        .map(|(name, value)| (&**name, cut(value, MAX_VALUE)))
        .collect();
    Some(interner.intern_pairs(labels.iter().map(|(name, value)| (*name, &**value))))
}
