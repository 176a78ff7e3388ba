//! A `CronJob` object → [`CronJob`].

use super::{
    annotations::ParsedAnnotations,
    interner::{Interner, cut},
    ksm,
    metadata::MetadataFilter,
    wire::{CronJobObject, CronJobSpec, CronJobStatus, TemplateMetadata, check_type},
};
use crate::model::{ConcurrencyPolicy, CronJob, Name, Uid};

/// Makes the record of `object`. Fails when its labels or annotations are not a map of strings.
///
/// Annotations of the job template apply where the `CronJob` has none.
pub(super) fn decode(
    object: CronJobObject<'_>,
    filter: &MetadataFilter,
    interner: &mut Interner,
) -> serde_json::Result<CronJob> {
    let CronJobObject {
        kind,
        api_version,
        metadata,
        spec,
        status,
    } = object;
    check_type("CronJob", kind.as_ref(), api_version.as_ref())?;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let labels = filter.cronjob_labels(metadata.labels)?;
    let annotations = filter.cronjob_annotations(metadata.annotations)?;
    let template = template_metadata(&spec);
    let template_labels = filter.template_labels(template.and_then(|it| it.labels))?;
    let template_annotations =
        filter.template_annotations(template.and_then(|it| it.annotations))?;
    let own = (&labels, &annotations);
    let of_template = (&template_labels, &template_annotations);
    let parsed = ParsedAnnotations::parse(&annotations, interner)
        .or(ParsedAnnotations::parse(&template_annotations, interner));
    let policy = spec.concurrency_policy.as_deref();
    let schedule = spec.schedule.as_deref().unwrap_or_default();
    let shown_schedule = interner.label("spec.schedule", schedule);
    let zone = spec.time_zone.as_deref();
    let time_zone = zone.map(|zone| interner.label("spec.timeZone", zone));
    let mapped = filter.mapped_labels(&[own, of_template], interner);
    let inherited = filter.mapped_labels(&[of_template, own], interner);
    let parsed = parsed.with_truncated(interner.take_truncated());
    Ok(CronJob {
        namespace: interner.intern(&metadata.namespace),
        name: Name::from(&*metadata.name),
        uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
        long_schedule: (schedule.len() > shown_schedule.len())
            .then(|| interner.intern(&cut(schedule, filter.max_schedule()))),
        schedule: shown_schedule,
        time_zone,
        concurrency_policy: policy.map(ConcurrencyPolicy::parse),
        suspended: spec.suspend.unwrap_or(false),
        created: metadata.creation_timestamp.seconds(),
        last_schedule: status.last_schedule_time.seconds(),
        last_success: status.last_successful_time.seconds(),
        active_jobs: active_jobs(&status),
        starting_deadline: spec.starting_deadline_seconds,
        successful_history_limit: spec.successful_jobs_history_limit,
        failed_history_limit: spec.failed_jobs_history_limit,
        ignored: parsed.ignored,
        labels: mapped,
        inherited_labels: inherited,
        annotations: parsed.workload,
        ksm: ksm::cronjob(
            filter,
            (&metadata, &spec, &status),
            (&labels, &annotations),
            interner,
        ),
    })
}

fn template_metadata<'s, 'a>(spec: &'s CronJobSpec<'a>) -> Option<&'s TemplateMetadata<'a>> {
    spec.job_template.as_ref()?.metadata.as_ref()
}

fn active_jobs(status: &CronJobStatus) -> u32 {
    let jobs = status.active.as_ref().map_or(0, Vec::len);
    u32::try_from(jobs).unwrap_or(u32::MAX)
}
