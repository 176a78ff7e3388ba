//! What is asked of a target: for paths, messages and counters.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::version::Version;
use crate::model::{Resource, Verb};

/// Unreserved characters of RFC 3986 stay; a space is `%20`, never `+`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a request is about, for messages and counters.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is done.
    pub verb: Verb,
    /// To which kind of object.
    pub resource: Resource,
    /// Where.
    pub scope: Scope,
    /// To which object, where it is about one.
    pub name: Option<String>,
}

/// Where objects are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces.
    All,
    /// In one namespace.
    Namespace(String),
}

/// What is listed or watched.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Kind of object.
    pub resource: Resource,
    /// Where.
    pub scope: Scope,
    /// Only objects whose labels match.
    pub label_selector: Option<String>,
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// With the initial list as events, ended by a marked bookmark (`WatchList`).
    InitialList,
    /// After this resource version.
    After(&'a str),
}

pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

// === impl Listing ===

impl Listing {
    /// What doing something with this listing is called.
    #[must_use]
    pub fn request(&self, verb: Verb) -> Request {
        Request {
            verb,
            resource: self.resource,
            scope: self.scope.clone(),
            name: None,
        }
    }

    /// Narrows the query in `path` down to what is wanted.
    pub(super) fn select(&self, path: &mut String) {
        if let Some(selector) = &self.label_selector {
            path.push_str("&labelSelector=");
            path.push_str(&encode(selector));
        }
    }
}

// === impl Scope ===

impl Scope {
    pub(super) fn path(&self, version: Version, resource: Resource) -> String {
        let (version, resource) = (version.path(), resource.as_str());
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
