//! Single fields of `metadata`, read without decoding the rest of an object.

use super::{ANNOTATIONS, NAME, NAMESPACE, RESOURCE_VERSION, Result, UID, missing};
use crate::{
    decode::{
        object::Message,
        string_map::StringMap,
        wire::{CowStr, RawMap},
    },
    protobuf::{Field, Fields, Value},
};

/// The annotation of the bookmark that ends a streamed list.
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// `metadata.name`, `metadata.uid` or `metadata.namespace`, whatever is wrong with the fields after it.
pub(in crate::decode) fn metadata_field<'a>(message: Message<'a>, key: &str) -> Option<CowStr<'a>> {
    let number = match key {
        "name" => NAME,
        "uid" => UID,
        _ => NAMESPACE,
    };
    let text = last(metadata(message)?, number)?.text().ok()?;
    (!text.is_empty()).then(|| CowStr::borrowed(text))
}

/// `metadata.resourceVersion`.
pub(in crate::decode) fn version(message: Message<'_>) -> Option<&str> {
    let version = last(metadata(message)?, RESOURCE_VERSION)?.text().ok()?;
    (!version.is_empty()).then_some(version)
}

/// The resource version of a bookmark, and its annotation about the initial list.
pub(in crate::decode) fn bookmark(message: Message<'_>) -> Result<(&str, Option<String>)> {
    let version = version(message).ok_or_else(|| missing("resourceVersion"))?;
    let annotations = metadata(message).map(|fields| RawMap::Protobuf {
        number: ANNOTATIONS,
        fields,
    });
    let annotations = StringMap::read(annotations, &|key| key == INITIAL_EVENTS_END)?;
    let end = annotations.get(INITIAL_EVENTS_END);
    Ok((version, end.map(str::to_owned)))
}

fn metadata(message: Message<'_>) -> Option<Fields<'_>> {
    last(Fields::new(message.bytes), 1)?.fields().ok()
}

/// The last field with this number among those that can be read.
fn last(fields: Fields<'_>, wanted: u64) -> Option<Value<'_>> {
    let fields = fields.map_while(std::result::Result::ok);
    let found = fields.filter(|Field { number, .. }| *number == wanted);
    found.last().map(|field| field.value)
}
