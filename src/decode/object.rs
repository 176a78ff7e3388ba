//! An object as the API sent it, in either format.

use std::borrow::Cow;

use super::{Event, Page, list, text, watch_event};
use crate::client::BodyFormat;

/// An object that is not decoded yet.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// A JSON text.
    Json(&'a str),
    /// A Protocol Buffers message.
    Protobuf(Message<'a>),
}

/// An object as a Protocol Buffers message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub(super) bytes: &'a [u8],
    /// `apiVersion` and `kind`, which are not part of the message. The objects of a list have none.
    pub(super) api_version: &'a str,
    pub(super) kind: &'a str,
}

/// A response, or a line of one, in the format that the server said.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Json(Cow<'a, str>),
    Protobuf(&'a [u8]),
}

impl<'a> From<&'a str> for Object<'a> {
    fn from(json: &'a str) -> Self {
        Self::Json(json)
    }
}

impl<'a> From<&'a String> for Object<'a> {
    fn from(json: &'a String) -> Self {
        Self::Json(json)
    }
}

impl<'a> Object<'a> {
    /// The bytes, if they can be those of an object at all.
    pub(crate) fn content(self) -> Option<&'a [u8]> {
        match self {
            Self::Json(json) => json.starts_with('{').then_some(json.as_bytes()),
            Self::Protobuf(message) => Some(message.bytes).filter(|bytes| !bytes.is_empty()),
        }
    }
}

impl<'a> Body<'a> {
    pub(crate) fn new(format: BodyFormat, bytes: &'a [u8]) -> Self {
        match format {
            BodyFormat::Json => Self::Json(text(bytes)),
            BodyFormat::Protobuf => Self::Protobuf(bytes),
        }
    }

    /// Parses a page of a list, but not its items.
    pub(crate) fn page(&self) -> serde_json::Result<Page<'_>> {
        match self {
            Self::Json(json) => list::page(json.as_bytes()),
            Self::Protobuf(bytes) => list::protobuf_page(bytes),
        }
    }

    /// Parses an event of a watch, but not its object.
    pub(crate) fn event(&self) -> serde_json::Result<Event<'_>> {
        match self {
            Self::Json(json) => watch_event::event(json),
            Self::Protobuf(bytes) => watch_event::protobuf_event(bytes),
        }
    }
}
