//! Pages of a list.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    object::{Message, Object},
    wire::CowStr,
};
use crate::{
    model::Resource,
    protobuf::{Envelope, Field, Fields, Malformed},
};

/// One page of a list. The items stay as they are, so that an invalid item does not fail the page.
#[derive(Debug)]
pub struct Page<'a> {
    kind: Option<CowStr<'a>>,
    pub(crate) metadata: ListMetadata,
    items: Items<'a>,
}

#[derive(Debug)]
enum Items<'a> {
    Json(Option<Vec<&'a RawValue>>),
    Protobuf(Vec<&'a [u8]>),
}

/// A page as JSON.
///
/// `items` must be present but may be null, because Go encodes a nil slice as null. A Status or the welcome page of a
/// gateway has no `items`: it must not pass for an empty list, which would delete every object.
#[derive(Deserialize)]
struct JsonPage<'a> {
    #[serde(borrow)]
    kind: Option<CowStr<'a>>,
    #[serde(default)]
    metadata: ListMetadata,
    #[serde(borrow, deserialize_with = "Option::deserialize")]
    items: Option<Vec<&'a RawValue>>,
}

/// `metadata` of a list, or the resource version of any object.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ListMetadata {
    pub(crate) resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub(crate) continue_token: Option<String>,
    pub(crate) remaining_item_count: Option<i64>,
    /// Says that the server selected the objects of a shard.
    pub(crate) shard_info: Option<ShardInfo>,
}

/// `meta.v1.ShardInfo`: a server that knows the parameter `shardSelector` repeats it here.
///
/// <https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/5866-server-side-sharded-list-and-watch>
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ShardInfo {
    pub(crate) selector: String,
}

/// Parses a page of a list as JSON, but not its items.
pub fn page(json: &[u8]) -> Result<Page<'_>, serde_json::Error> {
    let JsonPage {
        kind,
        metadata,
        items,
    } = serde_json::from_slice(json)?;
    Ok(Page {
        kind,
        metadata,
        items: Items::Json(items),
    })
}

/// Parses a page of a list as a Protocol Buffers message, but not its items.
///
/// An empty list has no field for its items, so its type says that it is one.
pub fn protobuf_page(bytes: &[u8]) -> Result<Page<'_>, serde_json::Error> {
    let Envelope { kind, message, .. } = Envelope::read(bytes)?;
    let mut items = Vec::new();
    let mut metadata = ListMetadata::default();
    for field in Fields::new(message) {
        let Field { number, value } = field?;
        match number {
            1 => metadata = ListMetadata::read(value.fields()?)?,
            2 => items.push(value.bytes()?),
            _ => {}
        }
    }
    Ok(Page {
        kind: Some(CowStr::borrowed(kind)),
        metadata,
        items: Items::Protobuf(items),
    })
}

impl ListMetadata {
    /// `meta.v1.ListMeta`.
    fn read(fields: Fields<'_>) -> Result<Self, Malformed> {
        let mut metadata = Self::default();
        for field in fields {
            let Field { number, value } = field?;
            match number {
                2 => metadata.resource_version = Some(value.text()?.to_owned()),
                3 => metadata.continue_token = Some(value.text()?.to_owned()),
                4 => metadata.remaining_item_count = Some(value.int64()?),
                5 => metadata.shard_info = Some(ShardInfo::read(value.fields()?)?),
                _ => {}
            }
        }
        Ok(metadata)
    }
}

impl ShardInfo {
    fn read(fields: Fields<'_>) -> Result<Self, Malformed> {
        let mut info = Self::default();
        for field in fields {
            let Field { number, value } = field?;
            if number == 1 {
                value.text()?.clone_into(&mut info.selector);
            }
        }
        Ok(info)
    }
}

impl Page<'_> {
    /// The number of objects.
    pub(crate) fn len(&self) -> usize {
        match &self.items {
            Items::Json(items) => items.as_ref().map_or(0, Vec::len),
            Items::Protobuf(items) => items.len(),
        }
    }

    /// The objects.
    pub fn items(&self) -> impl Iterator<Item = Object<'_>> {
        let (json, protobuf) = match &self.items {
            Items::Json(items) => (items.as_deref(), None),
            Items::Protobuf(items) => (None, Some(items)),
        };
        let json = json.into_iter().flatten();
        let protobuf = protobuf.into_iter().flatten();
        let json = json.map(|item| Object::Json(item.get()));
        json.chain(protobuf.map(|bytes| Object::Protobuf(Message::untyped(bytes))))
    }

    /// The kind of the list, if it is not one of these objects.
    pub(crate) fn unexpected_kind(&self, resource: Resource) -> Option<&str> {
        let expected = match resource {
            Resource::Jobs => "JobList",
            Resource::CronJobs => "CronJobList",
            Resource::Pods => "PodList",
            Resource::Namespaces => "NamespaceList",
        };
        let kind = self.kind.as_deref()?;
        let accepted: &[&str] = match self.items {
            // Gateways may leave the kind out, or send the generic one.
            Items::Json(_) => &["", "List", expected],
            Items::Protobuf(_) => &[expected],
        };
        (!accepted.contains(&kind)).then_some(kind)
    }
}
