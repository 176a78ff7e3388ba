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
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: Metadata<'a>,
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow)]
        name: CowStr<'a>,
    }
    let object: Object<'_> = serde_json::from_str(json).ok()?;
    Some(object.metadata.name)
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
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
    }
    // Each field by itself, so that an invalid one does not hide the others.
    let fields = |json| serde_json::from_str::<HashMap<String, &RawValue>>(json).ok();
    let object = serde_json::from_str::<Object<'_>>(json).ok();
    let metadata = object.and_then(|object| fields(object.metadata?.get()));
    let part = |key| {
        let field = metadata.as_ref()?.get(key)?;
        let text: CowStr<'_> = serde_json::from_str(field.get()).ok()?;
        Some(text.chars().take(MAX_NAME_LENGTH).collect::<String>())
    };
    let part = |key| part(key).unwrap_or_else(|| "?".to_owned());
    format!("{}/{}", part("namespace"), part("name"))
}
