//! The name and the resource version of an object, read without decoding the rest of it.
//!
//! These functions also work on objects that cannot be decoded.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{list::ListMetadata, wire::CowStr};

/// The longest name that Kubernetes allows, in characters; longer ones are cut.
const MAX_NAME_LENGTH: usize = 253;

/// Returns `metadata.name`.
pub(crate) fn name(json: &str) -> Option<CowStr<'_>> {
    metadata_field(json, "name")
}

/// Returns `metadata.resourceVersion`.
pub(crate) fn version(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Object {
        metadata: ListMetadata,
    }
    let object: Object = serde_json::from_str(json).ok()?;
    object.metadata.resource_version
}

/// Returns `namespace/name` for messages, with `?` for an unreadable part.
pub(super) fn namespaced_name(json: &str) -> String {
    let part = |key| {
        let text = metadata_field(json, key)?;
        Some(text.chars().take(MAX_NAME_LENGTH).collect::<String>())
    };
    let part = |key| part(key).unwrap_or_else(|| "?".to_owned());
    format!("{}/{}", part("namespace"), part("name"))
}

/// A text in `metadata`, whatever is wrong with the other fields of the object.
fn metadata_field<'a>(json: &'a str, key: &str) -> Option<CowStr<'a>> {
    let metadata = fields(json)?.remove("metadata")?;
    let text = fields(metadata.get())?.remove(key)?;
    serde_json::from_str(text.get()).ok()
}

/// The fields of an object, the last one of each name.
fn fields(json: &str) -> Option<HashMap<String, &RawValue>> {
    serde_json::from_str(json).ok()
}
