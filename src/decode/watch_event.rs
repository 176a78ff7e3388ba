//! Lines of a watch: events and bookmarks.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One line of a watch.
#[derive(Debug, Deserialize)]
pub(crate) struct Event<'a> {
    /// `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK` or `ERROR`.
    #[serde(rename = "type", borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) object: &'a RawValue,
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
    /// Whether this bookmark marks the end of a streamed list.
    pub(crate) fn ends_initial_list(&self) -> bool {
        let annotations = self.metadata.annotations.as_ref();
        annotations.and_then(|annotations| annotations.initial_events_end.as_deref())
            == Some("true")
    }
}
