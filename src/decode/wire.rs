//! The fields of Kubernetes API objects that are exported, as serde structs. [`super::protobuf`] fills the same ones.
//!
//! serde skips the other fields (pod templates and managed fields are 80 % of a Job) without building them. Strings
//! borrow from the input until a record is made. Every field except the names may be null or missing, because servers
//! differ in what they omit.

use std::borrow::Cow;

use jiff::{Timestamp, civil};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::{model::Seconds, protobuf::Fields};

mod pod;

pub(super) use pod::{
    ContainerState, ContainerStatus, InitContainer, PodMetadata, PodObject, PodOwner, PodSpec,
    PodStatus, Terminated, Waiting,
};

#[derive(Deserialize)]
pub(super) struct JobObject<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<CowStr<'a>>,
    #[serde(rename = "apiVersion", borrow)]
    pub(super) api_version: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow)]
    pub(super) spec: Option<JobSpec<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<JobStatus<'a>>,
}

#[derive(Deserialize)]
pub(super) struct CronJobObject<'a> {
    #[serde(borrow)]
    pub(super) kind: Option<CowStr<'a>>,
    #[serde(rename = "apiVersion", borrow)]
    pub(super) api_version: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) metadata: Metadata<'a>,
    #[serde(borrow)]
    pub(super) spec: Option<CronJobSpec<'a>>,
    pub(super) status: Option<CronJobStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) name: Identifier<'a>,
    #[serde(borrow)]
    pub(super) generate_name: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) namespace: Identifier<'a>,
    #[serde(borrow)]
    pub(super) uid: Option<Identifier<'a>>,
    #[serde(borrow)]
    pub(super) resource_version: Option<CowStr<'a>>,
    #[serde(default)]
    pub(super) creation_timestamp: OptionalTime,
    #[serde(borrow)]
    pub(super) owner_references: Option<Vec<OwnerReference<'a>>>,
    #[serde(borrow)]
    pub(super) labels: Option<RawMap<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<RawMap<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerReference<'a> {
    #[serde(borrow)]
    pub(super) api_version: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) kind: CowStr<'a>,
    #[serde(borrow)]
    pub(super) name: CowStr<'a>,
    #[serde(borrow)]
    pub(super) uid: Option<CowStr<'a>>,
    pub(super) controller: Option<bool>,
}

impl<'a> Metadata<'a> {
    /// The owner that controls the object; there is at most one.
    pub(super) fn controller(&self) -> Option<&OwnerReference<'a>> {
        self.owner_references
            .iter()
            .flatten()
            .find(|owner| owner.controller == Some(true))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobSpec<'a> {
    pub(super) parallelism: Option<i32>,
    pub(super) completions: Option<i32>,
    pub(super) backoff_limit: Option<i32>,
    pub(super) ttl_seconds_after_finished: Option<i32>,
    pub(super) backoff_limit_per_index: Option<i32>,
    pub(super) active_deadline_seconds: Option<i64>,
    pub(super) suspend: Option<bool>,
    #[serde(borrow)]
    pub(super) completion_mode: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) managed_by: Option<CowStr<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobStatus<'a> {
    pub(super) active: Option<i32>,
    pub(super) ready: Option<i32>,
    pub(super) terminating: Option<i32>,
    pub(super) succeeded: Option<i32>,
    pub(super) failed: Option<i32>,
    #[serde(default)]
    pub(super) start_time: OptionalTime,
    #[serde(default)]
    pub(super) completion_time: OptionalTime,
    #[serde(borrow)]
    pub(super) completed_indexes: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) failed_indexes: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) conditions: Option<Vec<Condition<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition<'a> {
    #[serde(rename = "type", borrow)]
    pub(super) kind: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) reason: Option<CowStr<'a>>,
    #[serde(default)]
    pub(super) last_transition_time: OptionalTime,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CronJobSpec<'a> {
    #[serde(borrow)]
    pub(super) schedule: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) time_zone: Option<CowStr<'a>>,
    #[serde(borrow)]
    pub(super) concurrency_policy: Option<CowStr<'a>>,
    pub(super) suspend: Option<bool>,
    pub(super) starting_deadline_seconds: Option<i64>,
    pub(super) successful_jobs_history_limit: Option<i32>,
    pub(super) failed_jobs_history_limit: Option<i32>,
    #[serde(borrow)]
    pub(super) job_template: Option<JobTemplate<'a>>,
}

/// `spec.jobTemplate` of a `CronJob`.
#[derive(Default, Deserialize)]
pub(super) struct JobTemplate<'a> {
    #[serde(borrow)]
    pub(super) metadata: Option<TemplateMetadata<'a>>,
}

#[derive(Default, Deserialize)]
pub(super) struct TemplateMetadata<'a> {
    #[serde(borrow)]
    pub(super) labels: Option<RawMap<'a>>,
    #[serde(borrow)]
    pub(super) annotations: Option<RawMap<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CronJobStatus {
    pub(super) active: Option<Vec<de::IgnoredAny>>,
    #[serde(default)]
    pub(super) last_schedule_time: OptionalTime,
    #[serde(default)]
    pub(super) last_successful_time: OptionalTime,
}

/// Fails for an object of another type than `kind` of the batch API. The objects of a list need not say their type.
pub(super) fn check_type(
    kind: &str,
    found: Option<&CowStr<'_>>,
    api_version: Option<&CowStr<'_>>,
) -> serde_json::Result<()> {
    let is_batch = |version: &str| version.starts_with("batch/");
    check_kind((kind, "batch"), is_batch, found, api_version)
}

/// Fails for an object of another type than Pod of the core API.
pub(super) fn check_pod_type(
    found: Option<&CowStr<'_>>,
    api_version: Option<&CowStr<'_>>,
) -> serde_json::Result<()> {
    check_kind(("Pod", "v1"), |version| version == "v1", found, api_version)
}

fn check_kind(
    (kind, group): (&str, &str),
    is_expected: impl Fn(&str) -> bool,
    found: Option<&CowStr<'_>>,
    api_version: Option<&CowStr<'_>>,
) -> serde_json::Result<()> {
    let (found, version) = (
        found.map_or("", |found| found),
        api_version.map_or("", |found| found),
    );
    let expected = ["", kind].contains(&found) && (version.is_empty() || is_expected(version));
    if expected {
        return Ok(());
    }
    let message = format_args!("it is a {found:.64?} of {version:.64?}, not a {kind} of {group}");
    Err(de::Error::custom(message))
}

/// Labels or annotations that are not read yet: most of them are never needed.
#[derive(Clone, Copy, Debug)]
pub(super) enum RawMap<'a> {
    Json(&'a RawValue),
    /// The entries are the fields with this number among other fields of a message.
    Protobuf {
        number: u64,
        fields: Fields<'a>,
    },
}

impl<'de: 'a, 'a> Deserialize<'de> for RawMap<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(Self::Json)
    }
}

/// A string that borrows from the input unless it has escapes.
///
/// A plain `Cow` would not borrow: serde copies the text of every `Option<Cow<str>>`.
#[derive(Debug)]
pub(crate) struct CowStr<'a>(Cow<'a, str>);

impl<'a> CowStr<'a> {
    pub(super) fn borrowed(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl std::ops::Deref for CowStr<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for CowStr<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = CowStr<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(CowStr(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(CowStr(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// The longest name that Kubernetes allows, in bytes.
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>
pub(super) const MAX_IDENTIFIER: usize = 253;

/// A name, namespace or uid. Two long ones would be the same once they are cut, so they are errors.
#[derive(Debug)]
pub(super) struct Identifier<'a>(CowStr<'a>);

impl std::ops::Deref for Identifier<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Identifier<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(CowStr::deserialize(deserializer)?)
    }
}

impl<'a> Identifier<'a> {
    pub(super) fn new<E: de::Error>(text: CowStr<'a>) -> Result<Self, E> {
        if text.len() > MAX_IDENTIFIER {
            let problem = format_args!("a name or uid is longer than {MAX_IDENTIFIER} bytes");
            return Err(E::custom(problem));
        }
        Ok(Self(text))
    }
}

/// The first second of the year 0 and the last one of the year 9999: the times that RFC 3339 can say.
const TIMES: std::ops::RangeInclusive<Seconds> = -62_167_219_200..=253_402_300_799;

/// A `metav1.Time`: an RFC 3339 timestamp or null, in whole seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OptionalTime(Option<Seconds>);

impl OptionalTime {
    /// A time that is not null. Fails if there is no RFC 3339 timestamp for it.
    pub(super) fn new<E: de::Error>(seconds: Seconds) -> Result<Self, E> {
        if !TIMES.contains(&seconds) {
            let problem = format_args!("there is no timestamp for {seconds} s since 1970");
            return Err(E::custom(problem));
        }
        // See `parse_time`.
        Ok(Self(Some(seconds.min(Timestamp::MAX.as_second()))))
    }

    pub(super) fn seconds(self) -> Option<Seconds> {
        self.0
    }
}

impl<'de> Deserialize<'de> for OptionalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<CowStr<'de>>::deserialize(deserializer)? else {
            return Ok(Self(None));
        };
        parse_time(&text)
            .map(Some)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// Parses an RFC 3339 timestamp.
///
/// The last day of the year 9999 is valid in the API, and the range of [`Timestamp`] ends before it. It becomes the end of
/// the range.
pub(super) fn parse_time(text: &str) -> Result<Seconds, jiff::Error> {
    let error = match text.parse::<Timestamp>() {
        Ok(time) => return Ok(time.as_second()),
        Err(error) => error,
    };
    let in_utc = text.strip_suffix('Z').map(str::parse::<civil::DateTime>);
    match in_utc {
        Some(Ok(_)) => Ok(Timestamp::MAX.as_second()),
        _ => Err(error),
    }
}
