//! JSON or Protocol Buffers of the Kubernetes API → [`Job`], [`CronJob`] and [`Pod`] records.
//!
//! The stage is pure: bytes in, records out, without I/O, locks or logging. One invalid object is one [`DecodeError`],
//! which names the object; the objects around it are still decoded.
//!
//! | module | role |
//! |---|---|
//! | `wire` | the fields of API objects, as serde structs |
//! | `protobuf` | Protocol Buffers → the same structs |
//! | `object` | an object in either format |
//! | `text` | bytes as text, also where they are not UTF-8 |
//! | `list`, `watch_event`, `identity` | pages of a list, lines of a watch, names and versions of objects |
//! | `job`, `cronjob`, `conditions`, `workload` | objects → records |
//! | `pod` | Pods → records: their states, why they failed, why they wait |
//! | `metadata`, `string_map` | which labels and annotations are kept, and how they are read |
//! | `annotations` | what the kept annotations mean |
//! | `ksm` | the extra fields of the kube-state-metrics families |
//! | `interner` | strings that records share |

use std::sync::Arc;

mod annotations;
mod conditions;
mod cronjob;
mod identity;
mod interner;
mod job;
mod ksm;
mod list;
mod metadata;
mod object;
mod pod;
mod protobuf;
mod string_map;
mod text;
mod watch_event;
mod wire;
mod workload;

use self::{
    interner::Interner,
    wire::{CronJobObject, JobObject, PodObject},
};
use crate::model::{CronJob, Job, Namespace, ObjectName, Pod};

pub(crate) use self::{
    annotations::known_annotations,
    identity::{name, namespace, version},
    list::ListMetadata,
    object::Body,
    watch_event::{Bookmark, Event},
};
pub use self::{
    list::{Page, page, protobuf_page},
    metadata::MetadataFilter,
    object::{Message, Object},
    text::text,
};

/// An object that cannot be decoded. Display names the object as far as its name can be read.
#[derive(Debug, thiserror::Error)]
#[error("decode {object}")]
pub struct DecodeError {
    /// `namespace/name`, with `?` for an unreadable part.
    object: String,
    source: serde_json::Error,
}

impl DecodeError {
    fn new(object: Object<'_>, source: serde_json::Error) -> Self {
        Self {
            object: identity::namespaced_name(object),
            source,
        }
    }

    /// The namespace and name of the invalid object, each `?` if it cannot be read.
    pub(crate) fn object_name(&self) -> ObjectName {
        let (namespace, name) = self.object.split_once('/').unwrap_or(("?", "?"));
        ObjectName {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// Whether the invalid object has this namespace and name.
    pub(crate) fn is_about(&self, namespace: &str, name: &str) -> bool {
        self.object.split_once('/') == Some((namespace, name))
    }

    pub(crate) fn cause(&self) -> &serde_json::Error {
        &self.source
    }
}

/// Decodes objects. Records of one decoder share equal strings.
#[derive(Debug)]
pub struct Decoder {
    interner: Interner,
    filter: Arc<MetadataFilter>,
}

impl Default for Decoder {
    /// A decoder for an empty configuration.
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

impl Decoder {
    /// Returns a decoder that keeps the labels and annotations that `filter` selects.
    #[must_use]
    pub fn new(filter: Arc<MetadataFilter>) -> Self {
        Self {
            interner: Interner::new(filter.label_value_bytes),
            filter,
        }
    }

    /// Decodes a Job.
    pub fn job<'a>(&mut self, object: impl Into<Object<'a>>) -> Result<Job, DecodeError> {
        let object = object.into();
        let fields: serde_json::Result<JobObject<'_>> = match object {
            Object::Json(json) => serde_json::from_str(json),
            Object::Protobuf(message) => protobuf::job(message),
        };
        fields
            .and_then(|fields| job::decode(fields, &self.filter, &mut self.interner))
            .map_err(|source| DecodeError::new(object, source))
    }

    /// Decodes a `CronJob`.
    pub fn cronjob<'a>(&mut self, object: impl Into<Object<'a>>) -> Result<CronJob, DecodeError> {
        let object = object.into();
        let fields: serde_json::Result<CronJobObject<'_>> = match object {
            Object::Json(json) => serde_json::from_str(json),
            Object::Protobuf(message) => protobuf::cronjob(message),
        };
        fields
            .and_then(|fields| cronjob::decode(fields, &self.filter, &mut self.interner))
            .map_err(|source| DecodeError::new(object, source))
    }

    /// Decodes a Pod. `None` if it does not belong to a Job.
    pub fn pod<'a>(&mut self, object: impl Into<Object<'a>>) -> Result<Option<Pod>, DecodeError> {
        let object = object.into();
        let fields: serde_json::Result<PodObject<'_>> = match object {
            Object::Json(json) => serde_json::from_str(json),
            Object::Protobuf(message) => protobuf::pod(message),
        };
        fields
            .and_then(|fields| pod::decode(fields, &mut self.interner))
            .map_err(|source| DecodeError::new(object, source))
    }

    /// Decodes a Namespace.
    pub fn namespace<'a>(
        &mut self,
        object: impl Into<Object<'a>>,
    ) -> Result<Namespace, DecodeError> {
        let object = object.into();
        identity::named(object).map_err(|source| DecodeError::new(object, source))
    }
}

#[cfg(test)]
mod tests;
