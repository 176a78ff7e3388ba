//! What the families of kube-state-metrics show besides what is read of an object anyway.
//!
//! Objects are mirrored field by field; only names of labels are made up, by `label_names`.

use kube_cron::KsmSchedule;

use super::{
    interner::Interner,
    metadata::{MetadataFilter, Pairs},
    wire::{Condition, CronJobSpec, CronJobStatus, JobStatus, Metadata, Owner as WireOwner},
};
use crate::{
    config::AllowList,
    model::{ConditionStatus, KsmCronJob, KsmJob, KsmLabels, Owner, Seconds},
};

mod label_names;

/// The next due time of a schedule that never comes: the first of January of the year 1, the zero of times in Go.
const NEVER: Seconds = -62_135_596_800;

/// Mirrors a Job, if that is wanted.
pub(super) fn job(
    wanted: &MetadataFilter,
    (metadata, status): (&Metadata<'_>, &JobStatus<'_>),
    (labels, annotations): (&Pairs<'_>, &Pairs<'_>),
    names: &mut Interner,
) -> Option<Box<KsmJob>> {
    let lists = wanted.kube_state_metrics.as_ref()?;
    let conditions = status.conditions.as_deref().unwrap_or_default();
    let condition = |kind: &str| {
        let mut conditions = conditions.iter();
        conditions.find(|condition| condition.kind.as_deref() == Some(kind))
    };
    let failed = condition("Failed");
    let reason = failed.and_then(|condition| condition.reason.as_deref());
    Some(Box::new(KsmJob {
        labels: shown("label", labels, &lists.job_labels, names),
        annotations: shown("annotation", annotations, &lists.job_annotations, names),
        owners: owners(metadata.owner_references.as_deref(), names),
        complete: condition("Complete").map(status_of),
        failed: failed.map(status_of),
        failed_reason: reason.map(|reason| names.share(reason)),
        suspended: condition("Suspended").map(status_of),
        completion_time: status.completion_time.seconds(),
    }))
}

/// Mirrors a `CronJob`, if that is wanted.
pub(super) fn cronjob(
    wanted: &MetadataFilter,
    (metadata, spec, status): (&Metadata<'_>, &CronJobSpec<'_>, &CronJobStatus),
    (labels, annotations): (&Pairs<'_>, &Pairs<'_>),
    names: &mut Interner,
) -> Option<Box<KsmCronJob>> {
    let lists = wanted.kube_state_metrics.as_ref()?;
    let version = metadata.resource_version.as_deref();
    let policy = spec.concurrency_policy.as_deref();
    let schedule = KsmSchedule::parse(
        spec.schedule.as_deref().unwrap_or_default(),
        spec.time_zone.as_deref(),
    );
    let since = status.last_schedule_time.seconds();
    let since = since.or(metadata.creation_timestamp.seconds());
    let next = |(schedule, since): (&KsmSchedule, _)| schedule.next(since).unwrap_or(NEVER);
    Some(Box::new(KsmCronJob {
        labels: shown("label", labels, &lists.cronjob_labels, names),
        annotations: shown("annotation", annotations, &lists.cronjob_annotations, names),
        resource_version: version.and_then(|version| version.parse().ok()),
        concurrency_policy: policy.map(|policy| names.share(policy)),
        schedule_valid: schedule.is_ok(),
        next_schedule: (schedule.as_ref().ok())
            .filter(|_| spec.suspend != Some(true))
            .zip(since)
            .map(next),
    }))
}

/// A condition without a status is neither true nor false nor unknown.
fn status_of(condition: &Condition<'_>) -> ConditionStatus {
    ConditionStatus::parse(condition.status.as_deref().unwrap_or_default())
}

/// Two references that differ only in what is not shown would be the same series twice, which no scraper takes.
fn owners(references: Option<&[WireOwner<'_>]>, names: &mut Interner) -> Box<[Owner]> {
    let mut owners = Vec::new();
    for WireOwner {
        kind,
        name,
        controller,
    } in references.unwrap_or_default()
    {
        let owner = Owner {
            kind: names.share(kind),
            name: names.share(name),
            controller: controller.unwrap_or(false),
        };
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    owners.into()
}

fn shown(prefix: &str, pairs: &Pairs<'_>, list: &AllowList, names: &mut Interner) -> KsmLabels {
    if list.is_empty() {
        return None;
    }
    let allowed = pairs.iter().filter(|(key, _)| list.allows(key));
    let labels = label_names::name(prefix, allowed);
    Some(names.share_pairs(labels.iter().map(|(name, value)| (&**name, *value))))
}
