//! Pages of a list.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::CowStr;
use crate::model::Resource;

/// One page of a list. The items stay JSON text, so that an invalid item does not fail the page.
///
/// `items` must be present but may be null, because Go encodes a nil slice as null. A Status or the welcome page of a
/// gateway has no `items`: it must not pass for an empty list, which would delete every object.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
    #[serde(borrow)]
    kind: Option<CowStr<'a>>,
    #[serde(default)]
    pub(crate) metadata: ListMetadata,
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
}

/// Parses a page of a list, but not its items.
pub fn page(json: &[u8]) -> Result<Page<'_>, serde_json::Error> {
    serde_json::from_slice(json)
}

impl Page<'_> {
    /// The number of objects.
    pub(crate) fn len(&self) -> usize {
        self.items.iter().flatten().count()
    }

    /// The objects as JSON.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().flatten().map(|item| item.get())
    }

    /// The kind of the list, if it is not one of these objects.
    pub(crate) fn unexpected_kind(&self, resource: Resource) -> Option<&str> {
        let expected = match resource {
            Resource::Jobs => "JobList",
            Resource::CronJobs => "CronJobList",
        };
        let kind = self.kind.as_deref()?;
        // Gateways may leave the kind out, or send the generic one.
        (!["", "List", expected].contains(&kind)).then_some(kind)
    }
}
