//! How a path names a workload: `{target}/{namespace}/{type}/{name}`, each percent-encoded. Pages and API use the same.
//!
//! A path is split at its slashes before it is decoded: `%2F` is part of a name.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{model::WorkloadId, status::UNNAMED_TARGET};

/// What a path segment or a query value keeps as it is: what RFC 3986 calls unreserved.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A workload, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WorkloadPath {
    /// The name of the target; [`UNNAMED_TARGET`] for the unnamed one.
    pub(super) target: String,
    pub(super) id: WorkloadId,
}

impl WorkloadPath {
    /// The path of a workload.
    pub(super) fn new(target: Option<&str>, id: &WorkloadId) -> Self {
        Self {
            target: target.unwrap_or(UNNAMED_TARGET).to_owned(),
            id: id.clone(),
        }
    }

    /// The workload that four segments name; `None` if one is not UTF-8.
    pub(super) fn decode(segments: [&str; 4]) -> Option<Self> {
        let [target, namespace, kind, name] =
            segments.map(|segment| percent_decode_str(segment).decode_utf8().ok());
        Some(Self {
            target: target?.into_owned(),
            id: WorkloadId {
                namespace: (*namespace?).into(),
                kind: (*kind?).into(),
                name: (*name?).into(),
            },
        })
    }

    /// Whether this names a workload of a target.
    pub(super) fn is_of(&self, target: Option<&str>) -> bool {
        target.unwrap_or(UNNAMED_TARGET) == self.target
    }
}

impl fmt::Display for WorkloadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WorkloadId {
            namespace,
            kind,
            name,
        } = &self.id;
        let target = encode(&self.target);
        let (namespace, kind, name) = (encode(namespace), encode(kind), encode(name));
        write!(f, "{target}/{namespace}/{kind}/{name}")
    }
}

/// Text as a path segment or a query value.
pub(super) fn encode(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, ENCODED)
}
