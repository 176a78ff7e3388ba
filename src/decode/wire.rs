//! How the Kubernetes API writes the objects, lists and events that are read here.
//!
//! The structs name only the fields that are exported; serde skips the rest (pod templates and managed fields are
//! 80 % of a Job) without building it. Strings are borrowed from the input until a record is made of them. Every field
//! may be null or missing, as some servers leave out or null what others send; only the names are needed.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::model::Seconds;

/// One page of a list. Items stay text, so that each can fail alone.
///
/// `items` may be null, as Go writes a list that was never filled, but has to be there: a Status or the greeting of a
/// gateway would else be read as a list without objects, and everything would seem to be deleted.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
    #[serde(default)]
    pub(crate) metadata: ListMetadata,
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

impl Page<'_> {
    /// The objects as JSON.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().flatten().map(|item| item.get())
    }
}

/// `metadata` of a list, a bookmark or a Status.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListMetadata {
    pub(crate) resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub(crate) continue_token: Option<String>,
    pub(crate) remaining_item_count: Option<i64>,
}

/// One line of a watch.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) object: &'a RawValue,
}

/// What a bookmark says: how far the watch has come, and whether it marks the end of the initial list.
#[derive(Debug, Deserialize)]
pub(crate) struct Bookmark {
    pub(crate) metadata: BookmarkMetadata,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BookmarkMetadata {
    pub(crate) resource_version: String,
    #[serde(default)]
    annotations: Option<BookmarkAnnotations>,
}

#[derive(Debug, Deserialize)]
struct BookmarkAnnotations {
    #[serde(rename = "k8s.io/initial-events-end")]
    initial_events_end: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct JobObject<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Metadata<'a>,
    #[serde(borrow)]
    pub(crate) spec: Option<JobSpec<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<JobStatus<'a>>,
}

#[derive(Deserialize)]
pub(crate) struct CronJobObject<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Metadata<'a>,
    #[serde(borrow)]
    pub(crate) spec: Option<CronJobSpec<'a>>,
    pub(crate) status: Option<CronJobStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata<'a> {
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    #[serde(borrow)]
    pub(crate) namespace: Text<'a>,
    #[serde(borrow)]
    pub(crate) uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) resource_version: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) creation_timestamp: Time,
    #[serde(borrow)]
    pub(crate) owner_references: Option<Vec<Owner<'a>>>,
    #[serde(borrow)]
    pub(crate) labels: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) annotations: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(crate) struct Owner<'a> {
    #[serde(borrow)]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) name: Text<'a>,
    pub(crate) controller: Option<bool>,
}

impl<'a> Metadata<'a> {
    pub(crate) fn controller(&self) -> Option<&Owner<'a>> {
        self.owner_references
            .iter()
            .flatten()
            .find(|owner| owner.controller == Some(true))
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobSpec<'a> {
    pub(crate) parallelism: Option<i32>,
    pub(crate) completions: Option<i32>,
    pub(crate) backoff_limit: Option<i32>,
    pub(crate) backoff_limit_per_index: Option<i32>,
    pub(crate) active_deadline_seconds: Option<i64>,
    pub(crate) suspend: Option<bool>,
    #[serde(borrow)]
    pub(crate) completion_mode: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) managed_by: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JobStatus<'a> {
    pub(crate) active: Option<i32>,
    pub(crate) ready: Option<i32>,
    pub(crate) terminating: Option<i32>,
    pub(crate) succeeded: Option<i32>,
    pub(crate) failed: Option<i32>,
    #[serde(default)]
    pub(crate) start_time: Time,
    #[serde(default)]
    pub(crate) completion_time: Time,
    #[serde(borrow)]
    pub(crate) completed_indexes: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) failed_indexes: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) conditions: Option<Vec<Condition<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Condition<'a> {
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) reason: Option<Text<'a>>,
    #[serde(default)]
    pub(crate) last_transition_time: Time,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CronJobSpec<'a> {
    #[serde(borrow)]
    pub(crate) schedule: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) time_zone: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) concurrency_policy: Option<Text<'a>>,
    pub(crate) suspend: Option<bool>,
    pub(crate) starting_deadline_seconds: Option<i64>,
    pub(crate) successful_jobs_history_limit: Option<i32>,
    pub(crate) failed_jobs_history_limit: Option<i32>,
    #[serde(borrow)]
    pub(crate) job_template: Option<Template<'a>>,
}

/// What the Jobs of a `CronJob` are made from.
#[derive(Default, Deserialize)]
pub(crate) struct Template<'a> {
    #[serde(borrow)]
    pub(crate) metadata: Option<TemplateMetadata<'a>>,
}

#[derive(Default, Deserialize)]
pub(crate) struct TemplateMetadata<'a> {
    #[serde(borrow)]
    pub(crate) annotations: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CronJobStatus {
    pub(crate) active: Option<Vec<de::IgnoredAny>>,
    #[serde(default)]
    pub(crate) last_schedule_time: Time,
    #[serde(default)]
    pub(crate) last_successful_time: Time,
}

/// A string borrowed from the input where it has no escapes. (`Option<Cow<str>>` would always be copied by serde.)
#[derive(Debug)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    pub(crate) fn into_inner(self) -> Cow<'a, str> {
        self.0
    }
}

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Visitor)
    }
}

/// A `metav1.Time`: RFC 3339, or null.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Time(Option<Seconds>);

impl Time {
    pub(crate) fn seconds(self) -> Option<Seconds> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<Text<'de>>::deserialize(deserializer)? else {
            return Ok(Self(None));
        };
        let time: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(Some(time.as_second())))
    }
}

// === impl Bookmark ===

impl Bookmark {
    pub(crate) fn ends_initial_list(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|annotations| annotations.initial_events_end.as_deref())
            == Some("true")
    }
}

/// The name of an object, readable or not.
pub(crate) fn name(json: &str) -> Option<Text<'_>> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }
    let object: Object<'_> = serde_json::from_str(json).ok()?;
    Some(object.metadata.name)
}

/// The resource version of an object, readable or not.
pub(crate) fn version(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Versioned {
        metadata: ListMetadata,
    }
    serde_json::from_str(json)
        .ok()
        .and_then(|Versioned { metadata }| metadata.resource_version)
}
