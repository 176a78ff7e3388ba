//! The name and the resource version of an object, read without decoding the rest of it.
//!
//! These functions also work on objects that cannot be decoded.

use std::collections::HashMap;

use serde::{Deserialize, de::Error as _};
use serde_json::value::RawValue;

use super::{object::Object, protobuf, wire::CowStr};
use crate::model::{Name, Namespace, Uid};

/// The longest name that Kubernetes allows, in characters; longer ones are cut.
const MAX_NAME_LENGTH: usize = 253;

/// Returns `metadata.name`.
pub(crate) fn name<'a>(object: impl Into<Object<'a>>) -> Option<CowStr<'a>> {
    metadata_field(object.into(), "name")
}

/// Returns `metadata.namespace`, and reads as little else as possible.
pub(crate) fn namespace(object: Object<'_>) -> Option<CowStr<'_>> {
    #[derive(Deserialize)]
    struct Namespaced<'a> {
        #[serde(borrow)]
        metadata: NamespacedMetadata<'a>,
    }
    #[derive(Deserialize)]
    struct NamespacedMetadata<'a> {
        #[serde(borrow)]
        namespace: Option<CowStr<'a>>,
    }
    match object {
        Object::Json(json) => {
            let object: Namespaced<'_> = serde_json::from_str(json).ok()?;
            object.metadata.namespace
        }
        Object::Protobuf(message) => protobuf::metadata_field(message, "namespace"),
    }
}

/// The name and the uid of a Namespace.
pub(super) fn named(object: Object<'_>) -> serde_json::Result<Namespace> {
    let text = |key| {
        let text = metadata_field(object, key).filter(|text| !text.is_empty());
        text.ok_or_else(|| serde_json::Error::missing_field(key))
    };
    Ok(Namespace {
        name: Name::from(&*text("name")?),
        uid: Uid::parse(&text("uid")?),
    })
}

/// Returns `metadata.resourceVersion`.
pub(crate) fn version<'a>(object: impl Into<Object<'a>>) -> Option<String> {
    #[derive(Deserialize)]
    struct Versioned {
        metadata: VersionedMetadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct VersionedMetadata {
        resource_version: Option<String>,
    }
    match object.into() {
        Object::Json(json) => {
            let object: Versioned = serde_json::from_str(json).ok()?;
            object.metadata.resource_version
        }
        Object::Protobuf(message) => protobuf::version(message).map(str::to_owned),
    }
}

/// Returns `namespace/name` for messages, with `?` for an unreadable part.
pub(super) fn namespaced_name(object: Object<'_>) -> String {
    let part = |key| {
        let text = metadata_field(object, key)?;
        Some(text.chars().take(MAX_NAME_LENGTH).collect::<String>())
    };
    let part = |key| part(key).unwrap_or_else(|| "?".to_owned());
    format!("{}/{}", part("namespace"), part("name"))
}

/// A text in `metadata`, whatever is wrong with the other fields of the object.
fn metadata_field<'a>(object: Object<'a>, key: &str) -> Option<CowStr<'a>> {
    let json = match object {
        Object::Json(json) => json,
        Object::Protobuf(message) => return protobuf::metadata_field(message, key),
    };
    let metadata = fields(json)?.remove("metadata")?;
    let text = fields(metadata.get())?.remove(key)?;
    serde_json::from_str(text.get()).ok()
}

/// The fields of an object, the last one of each name.
fn fields(json: &str) -> Option<HashMap<String, &RawValue>> {
    serde_json::from_str(json).ok()
}
