//! Pages of a list.

use serde::Deserialize;
use serde_json::value::RawValue;

/// One page of a list. The items stay JSON text, so that an invalid item does not fail the page.
///
/// `items` must be present but may be null, because Go encodes a nil slice as null. A Status or the welcome page of a
/// gateway has no `items`: it must not pass for an empty list, which would delete every object.
#[derive(Debug, Deserialize)]
pub struct Page<'a> {
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
    /// The objects as JSON.
    pub fn items(&self) -> impl Iterator<Item = &str> {
        self.items.iter().flatten().map(|item| item.get())
    }
}
