//! Descriptions of requests: for URL paths, error messages and counters.

use std::{fmt, sync::Arc};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::batch_version::BatchVersion;
use crate::model::{Resource, Verb};

/// The value of the `User-Agent` header.
pub(super) const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

/// Unreserved characters of RFC 3986 stay; a space is `%20`, never `+`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A request as messages and counters describe it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The verb, as RBAC names it.
    pub verb: Verb,
    /// The kind of object.
    pub resource: Resource,
    /// All namespaces or one.
    pub scope: Scope,
    /// The name of the object; `None` for a list or a watch.
    pub name: Option<String>,
}

/// All namespaces or one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All namespaces.
    All,
    /// One namespace.
    Namespace(String),
}

/// A set of objects to list or watch.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The kind of object.
    pub resource: Resource,
    /// All namespaces or one.
    pub scope: Scope,
    /// Only objects whose labels match.
    pub label_selector: Option<String>,
    /// Only objects whose fields match.
    pub field_selector: Option<&'static str>,
    /// Only objects in these ranges of hashes, on servers that know the parameter `shardSelector`. Others ignore it.
    pub shard_selector: Option<Arc<str>>,
}

/// Where a watch starts.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// With all objects as events, then a bookmark with the annotation `k8s.io/initial-events-end` (`WatchList`).
    InitialList,
    /// After this resource version.
    After(&'a str),
}

/// Percent-encodes `text` for a path segment or a query value.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

// === impl Request ===

impl Request {
    /// The request for the status of one Job.
    #[must_use]
    pub fn job_status(namespace: &str, name: &str) -> Self {
        Self {
            verb: Verb::Get,
            resource: Resource::Jobs,
            scope: Scope::Namespace(namespace.to_owned()),
            name: Some(name.to_owned()),
        }
    }
}

// === impl Listing ===

impl Listing {
    /// The request that applies `verb` to these objects.
    #[must_use]
    pub fn request(&self, verb: Verb) -> Request {
        Request {
            verb,
            resource: self.resource,
            scope: self.scope.clone(),
            name: None,
        }
    }

    /// Appends the selectors to `query`.
    pub(super) fn add_selectors(&self, query: &mut String) {
        if let Some(selector) = self.field_selector {
            query.push_str("&fieldSelector=");
            query.push_str(&encode(selector));
        }
        if let Some(selector) = &self.label_selector {
            query.push_str("&labelSelector=");
            query.push_str(&encode(selector));
        }
        if let Some(selector) = &self.shard_selector {
            query.push_str("&shardSelector=");
            query.push_str(&encode(selector));
        }
    }
}

// === impl Scope ===

impl Scope {
    /// The URL path of the collection of `resource`. `version` is that of the batch API; pods and namespaces are not in it.
    pub(super) fn path(&self, version: BatchVersion, resource: Resource) -> String {
        let version = match resource {
            Resource::Jobs | Resource::CronJobs => version.path(),
            Resource::Pods | Resource::Namespaces => "/api/v1",
        };
        let resource = resource.as_str();
        match self {
            Self::All => format!("{version}/{resource}"),
            Self::Namespace(namespace) => {
                format!("{version}/namespaces/{}/{resource}", encode(namespace))
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(f, "namespace `{namespace}`"),
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            scope,
            name,
        } = self;
        match name {
            Some(name) => write!(f, "{} status of job `{name}` in {scope}", verb.as_str()),
            None => write!(f, "{} {} in {scope}", verb.as_str(), resource.as_str()),
        }
    }
}
