//! Lines of a watch: events and bookmarks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    object::{Message, Object},
    protobuf,
};
use crate::protobuf::{Envelope, Field, Fields, Malformed};

/// One event of a watch.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    pub(crate) kind: Cow<'a, str>,
    pub(crate) object: Object<'a>,
    /// The bytes of the object with its type, as an error response would have them.
    pub(crate) bytes: &'a [u8],
}

#[derive(Deserialize)]
struct JsonEvent<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    object: &'a RawValue,
}

/// Parses an event as JSON, but not its object.
pub(crate) fn event(json: &str) -> serde_json::Result<Event<'_>> {
    let JsonEvent { kind, object } = serde_json::from_str(json)?;
    Ok(Event {
        kind,
        object: Object::Json(object.get()),
        bytes: object.get().as_bytes(),
    })
}

/// Parses an event as a Protocol Buffers message (`meta.v1.WatchEvent`), but not its object.
pub(crate) fn protobuf_event(bytes: &[u8]) -> serde_json::Result<Event<'_>> {
    let (mut kind, mut object): (_, &[u8]) = ("", &[]);
    for field in Fields::new(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => kind = value.text()?,
            2 => object = raw_extension(value.fields()?)?,
            _ => {}
        }
    }
    Ok(Event {
        kind: Cow::Borrowed(kind),
        object: Object::Protobuf(Message::of(Envelope::read(object)?)),
        bytes: object,
    })
}

/// The bytes in a `runtime.RawExtension`.
fn raw_extension(fields: Fields<'_>) -> Result<&[u8], Malformed> {
    let mut raw: &[u8] = &[];
    for field in fields {
        let Field { number, value } = field?;
        if number == 1 {
            raw = value.bytes()?;
        }
    }
    Ok(raw)
}

/// The object of a `BOOKMARK` event: the resource version that the watch has reached.
///
/// <https://kubernetes.io/docs/reference/using-api/api-concepts/#watch-bookmarks>
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

impl Bookmark {
    pub(crate) fn read(object: Object<'_>) -> serde_json::Result<Self> {
        let message = match object {
            Object::Json(json) => return serde_json::from_str(json),
            Object::Protobuf(message) => message,
        };
        let (version, initial_events_end) = protobuf::bookmark(message)?;
        Ok(Self {
            metadata: BookmarkMetadata {
                resource_version: version.to_owned(),
                annotations: Some(BookmarkAnnotations { initial_events_end }),
            },
        })
    }

    /// Whether this bookmark marks the end of a streamed list.
    pub(crate) fn ends_initial_list(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|annotations| annotations.initial_events_end.as_deref())
            == Some("true")
    }
}
