//! Protocol Buffers messages of the API → the structs of [`super::wire`].
//!
//! Everything after these structs is the same for both formats, and so is what they mean: a field that JSON leaves out is
//! `None` here too. Go writes the fields that are no pointers always, so an empty text or a 0 stands for a missing one there.
//! Of a field that comes twice the last one counts.

use serde::de::{Error as _, IgnoredAny};

use super::{
    object::Message,
    wire::{
        Condition, CowStr, CronJobObject, CronJobSpec, CronJobStatus, Identifier, JobObject,
        JobSpec, JobStatus, JobTemplate, Metadata, OptionalTime, OwnerReference, RawMap,
        TemplateMetadata,
    },
};
use crate::protobuf::{Envelope, Field, Fields, Malformed, Value};

mod identity;
mod pod;

pub(super) use identity::{bookmark, metadata_field, version};
pub(super) use pod::pod;

type Result<T> = serde_json::Result<T>;

/// Field numbers of `ObjectMeta` that are used more than once.
const NAME: u64 = 1;
const NAMESPACE: u64 = 3;
const UID: u64 = 5;
const RESOURCE_VERSION: u64 = 6;
const LABELS: u64 = 11;
const ANNOTATIONS: u64 = 12;

impl From<Malformed> for serde_json::Error {
    fn from(malformed: Malformed) -> Self {
        Self::custom(malformed)
    }
}

impl<'a> Message<'a> {
    pub(super) fn of(envelope: Envelope<'a>) -> Self {
        let Envelope {
            api_version,
            kind,
            message,
        } = envelope;
        Self {
            bytes: message,
            api_version,
            kind,
        }
    }

    /// An object of a list.
    pub(super) fn untyped(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            api_version: "",
            kind: "",
        }
    }
}

/// The fields of a Job.
pub(super) fn job(message: Message<'_>) -> Result<JobObject<'_>> {
    let (mut metadata, mut spec, mut status) = Default::default();
    for field in Fields::new(message.bytes) {
        let Field { number, value } = field?;
        match number {
            1 => metadata = Some(object_meta(value.fields()?)?),
            2 => spec = Some(job_spec(value.fields()?)?),
            3 => status = Some(job_status(value.fields()?)?),
            _ => {}
        }
    }
    Ok(JobObject {
        kind: Some(CowStr::borrowed(message.kind)),
        api_version: Some(CowStr::borrowed(message.api_version)),
        metadata: metadata.ok_or_else(|| missing("metadata"))?,
        spec,
        status,
    })
}

/// The fields of a `CronJob`.
pub(super) fn cronjob(message: Message<'_>) -> Result<CronJobObject<'_>> {
    let (mut metadata, mut spec, mut status) = Default::default();
    for field in Fields::new(message.bytes) {
        let Field { number, value } = field?;
        match number {
            1 => metadata = Some(object_meta(value.fields()?)?),
            2 => spec = Some(cronjob_spec(value.fields()?)?),
            3 => status = Some(cronjob_status(value.fields()?)?),
            _ => {}
        }
    }
    Ok(CronJobObject {
        kind: Some(CowStr::borrowed(message.kind)),
        api_version: Some(CowStr::borrowed(message.api_version)),
        metadata: metadata.ok_or_else(|| missing("metadata"))?,
        spec,
        status,
    })
}

fn missing(field: &'static str) -> serde_json::Error {
    serde_json::Error::missing_field(field)
}

fn text(value: Value<'_>) -> Result<Option<CowStr<'_>>> {
    Ok(Some(CowStr::borrowed(value.text()?)))
}

/// The text of a field that JSON leaves out when it is empty.
fn non_empty(value: Value<'_>) -> Result<Option<CowStr<'_>>> {
    let text = value.text()?;
    Ok((!text.is_empty()).then(|| CowStr::borrowed(text)))
}

fn identifier(value: Value<'_>) -> Result<Option<Identifier<'_>>> {
    non_empty(value)?.map(Identifier::new).transpose()
}

/// `meta.v1.Time`: a message without any field is null.
fn time(value: Value<'_>) -> Result<OptionalTime> {
    let fields = value.fields()?;
    if fields.rest().is_empty() {
        return Ok(OptionalTime::default());
    }
    let mut seconds = 0;
    for field in fields {
        let Field { number, value } = field?;
        if number == 1 {
            seconds = value.int64()?;
        }
    }
    OptionalTime::new(seconds)
}

/// The map in the fields from `fields` on, unless it has begun before.
fn map<'a>(known: Option<RawMap<'a>>, number: u64, fields: Fields<'a>) -> RawMap<'a> {
    known.unwrap_or(RawMap::Protobuf { number, fields })
}

fn object_meta(mut fields: Fields<'_>) -> Result<Metadata<'_>> {
    let (mut name, mut namespace, mut uid) = Default::default();
    let (mut generate_name, mut resource_version) = Default::default();
    let (mut labels, mut annotations) = Default::default();
    let mut creation_timestamp = OptionalTime::default();
    let mut owner_references = None;
    loop {
        let from = fields;
        let Some(field) = fields.next() else { break };
        let Field { number, value } = field?;
        match number {
            NAME => name = identifier(value)?,
            2 => generate_name = non_empty(value)?,
            NAMESPACE => namespace = identifier(value)?,
            UID => uid = identifier(value)?,
            RESOURCE_VERSION => resource_version = non_empty(value)?,
            8 => creation_timestamp = time(value)?,
            LABELS => labels = Some(map(labels, number, from)),
            ANNOTATIONS => annotations = Some(map(annotations, number, from)),
            13 => owner_references
                .get_or_insert_with(Vec::new)
                .push(owner_reference(value.fields()?)?),
            _ => {}
        }
    }
    Ok(Metadata {
        name: name.ok_or_else(|| missing("name"))?,
        generate_name,
        namespace: namespace.ok_or_else(|| missing("namespace"))?,
        uid,
        resource_version,
        creation_timestamp,
        owner_references,
        labels,
        annotations,
    })
}

fn owner_reference(fields: Fields<'_>) -> Result<OwnerReference<'_>> {
    let (mut api_version, mut kind, mut name) = Default::default();
    let (mut uid, mut controller) = Default::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => kind = text(value)?,
            3 => name = text(value)?,
            4 => uid = text(value)?,
            5 => api_version = text(value)?,
            6 => controller = Some(value.boolean()?),
            _ => {}
        }
    }
    Ok(OwnerReference {
        api_version,
        kind: kind.ok_or_else(|| missing("kind"))?,
        name: name.ok_or_else(|| missing("name"))?,
        uid,
        controller,
    })
}

fn job_spec(fields: Fields<'_>) -> Result<JobSpec<'_>> {
    let mut spec = JobSpec::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => spec.parallelism = Some(value.int32()?),
            2 => spec.completions = Some(value.int32()?),
            3 => spec.active_deadline_seconds = Some(value.int64()?),
            7 => spec.backoff_limit = Some(value.int32()?),
            8 => spec.ttl_seconds_after_finished = Some(value.int32()?),
            9 => spec.completion_mode = text(value)?,
            10 => spec.suspend = Some(value.boolean()?),
            12 => spec.backoff_limit_per_index = Some(value.int32()?),
            15 => spec.managed_by = text(value)?,
            _ => {}
        }
    }
    Ok(spec)
}

fn job_status(fields: Fields<'_>) -> Result<JobStatus<'_>> {
    let mut status = JobStatus::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => status
                .conditions
                .get_or_insert_default()
                .push(condition(value.fields()?)?),
            2 => status.start_time = time(value)?,
            3 => status.completion_time = time(value)?,
            4 => status.active = Some(value.int32()?),
            5 => status.succeeded = Some(value.int32()?),
            6 => status.failed = Some(value.int32()?),
            7 => status.completed_indexes = text(value)?,
            9 => status.ready = Some(value.int32()?),
            10 => status.failed_indexes = text(value)?,
            11 => status.terminating = Some(value.int32()?),
            _ => {}
        }
    }
    Ok(status)
}

fn condition(fields: Fields<'_>) -> Result<Condition<'_>> {
    let (mut kind, mut status, mut reason) = Default::default();
    let mut last_transition_time = OptionalTime::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => kind = text(value)?,
            2 => status = text(value)?,
            4 => last_transition_time = time(value)?,
            5 => reason = non_empty(value)?,
            _ => {}
        }
    }
    Ok(Condition {
        kind,
        status,
        reason,
        last_transition_time,
    })
}

fn cronjob_spec(fields: Fields<'_>) -> Result<CronJobSpec<'_>> {
    let mut spec = CronJobSpec::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => spec.schedule = text(value)?,
            2 => spec.starting_deadline_seconds = Some(value.int64()?),
            3 => spec.concurrency_policy = non_empty(value)?,
            4 => spec.suspend = Some(value.boolean()?),
            5 => spec.job_template = Some(job_template(value.fields()?)?),
            6 => spec.successful_jobs_history_limit = Some(value.int32()?),
            7 => spec.failed_jobs_history_limit = Some(value.int32()?),
            8 => spec.time_zone = text(value)?,
            _ => {}
        }
    }
    Ok(spec)
}

fn job_template(fields: Fields<'_>) -> Result<JobTemplate<'_>> {
    let mut template = JobTemplate::default();
    for field in fields {
        let Field { number, value } = field?;
        if number == 1 {
            template.metadata = Some(template_metadata(value.fields()?)?);
        }
    }
    Ok(template)
}

fn template_metadata(mut fields: Fields<'_>) -> Result<TemplateMetadata<'_>> {
    let mut metadata = TemplateMetadata::default();
    loop {
        let from = fields;
        let Some(field) = fields.next() else { break };
        match field?.number {
            LABELS => metadata.labels = Some(map(metadata.labels, LABELS, from)),
            ANNOTATIONS => {
                metadata.annotations = Some(map(metadata.annotations, ANNOTATIONS, from));
            }
            _ => {}
        }
    }
    Ok(metadata)
}

fn cronjob_status(fields: Fields<'_>) -> Result<CronJobStatus> {
    let mut status = CronJobStatus::default();
    for field in fields {
        let Field { number, value } = field?;
        match number {
            1 => status.active.get_or_insert_default().push(IgnoredAny),
            4 => status.last_schedule_time = time(value)?,
            5 => status.last_successful_time = time(value)?,
            _ => {}
        }
    }
    Ok(status)
}

#[cfg(test)]
mod tests;
