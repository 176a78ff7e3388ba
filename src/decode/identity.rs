//! The name and the resource version of an object, read without decoding the rest of it.
//!
//! These functions also work on objects that cannot be decoded.

use serde::Deserialize;

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
    struct Object {
        metadata: serde_json::Value,
    }
    let metadata = serde_json::from_str(json)
        .map(|Object { metadata }| metadata)
        .unwrap_or_default();
    let part = |key: &str| {
        metadata
            .get(key)
            .and_then(|value| value.as_str())
            .unwrap_or("?")
            .chars()
            .take(MAX_NAME_LENGTH)
    };
    part("namespace").chain(['/']).chain(part("name")).collect()
}
