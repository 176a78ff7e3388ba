//! The query of a list or watch, parsed and validated like on a real server.
//!
//! [`super::handler`] parses it once. [`super::list`] and [`super::watch`] get valid options only.

use std::time::Duration;

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::error::{ApiError, InvalidField};

/// The encoding of continue tokens. Like Go, it allows trailing bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// The query parameters that the server evaluates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) watch: bool,
    /// Items per page; 0 for no limit.
    pub(super) limit: usize,
    pub(super) next: Option<Continue>,
    pub(super) version: String,
    pub(super) exact: bool,
    pub(super) label_selector: String,
    pub(super) field_selector: String,
    pub(super) shard_selector: String,
    pub(super) bookmarks: bool,
    /// Whether a watch starts with the existing objects. Without it, that depends on the version.
    pub(super) send_initial_events: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

/// A continue token: the list continues at the key `start` with the state at `rv`, or with the current state if `rv` is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Continue {
    v: String,
    rv: i64,
    start: String,
}

// === impl Options ===

impl Options {
    /// `watch_list`: whether the server has the feature `WatchList`.
    pub(super) fn parse(query: &str, watch_list: bool) -> Result<Self, ApiError> {
        let mut options = Self::default();
        let mut version_match = String::new();
        let mut token = String::new();
        for (key, value) in parameters(query) {
            match key {
                "watch" => options.watch = boolean(&value),
                "limit" => options.limit = usize::try_from(number(&value)?).unwrap_or(0),
                "continue" => token = value,
                "resourceVersion" => options.version = value,
                "resourceVersionMatch" => version_match = value,
                "labelSelector" => options.label_selector = value,
                "fieldSelector" => options.field_selector = value,
                "shardSelector" => options.shard_selector = value,
                "allowWatchBookmarks" => options.bookmarks = boolean(&value),
                "sendInitialEvents" => options.send_initial_events = Some(boolean(&value)),
                "timeoutSeconds" => {
                    let seconds = u64::try_from(number(&value)?).ok();
                    options.timeout = seconds.filter(|&s| s > 0).map(Duration::from_secs);
                }
                _ => {}
            }
        }
        let invalid = if options.watch {
            options.invalid_watch_fields(&version_match, watch_list)
        } else {
            options.invalid_list_fields(&version_match, !token.is_empty())
        };
        if !invalid.is_empty() {
            return Err(ApiError::invalid_options(&invalid));
        }
        if !token.is_empty() && !options.watch {
            if !matches!(options.version.as_str(), "" | "0") {
                let message = "specifying resource version is not allowed when using continue";
                return Err(ApiError::bad_request(message));
            }
            options.next = Some(Continue::decode(&token)?);
        }
        options.exact = version_match == "Exact";
        Ok(options)
    }

    fn invalid_watch_fields(&self, version_match: &str, watch_list: bool) -> Vec<InvalidField> {
        let mut invalid = Vec::new();
        let mut forbid = |field, why| invalid.push(InvalidField::forbidden(field, why));
        if self.send_initial_events.is_some() {
            if version_match != "NotOlderThan" {
                let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
                forbid("resourceVersionMatch", why);
            }
            if !watch_list {
                let why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
                forbid("sendInitialEvents", why);
            }
        } else if !version_match.is_empty() {
            let why =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            forbid("resourceVersionMatch", why);
        }
        invalid
    }

    fn invalid_list_fields(&self, version_match: &str, continues: bool) -> Vec<InvalidField> {
        let field = "resourceVersionMatch";
        let mut invalid = Vec::new();
        if self.send_initial_events.is_some() {
            let why = "sendInitialEvents is forbidden for list";
            invalid.push(InvalidField::forbidden("sendInitialEvents", why));
        }
        if version_match.is_empty() {
            return invalid;
        }
        let mut forbid = |why| invalid.push(InvalidField::forbidden(field, why));
        if self.version.is_empty() {
            forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if continues {
            forbid("resourceVersionMatch is forbidden when continue is provided");
        }
        if version_match == "Exact" && self.version == "0" {
            forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        if !matches!(version_match, "Exact" | "NotOlderThan") {
            let supported = "\"Exact\", \"NotOlderThan\", \"\"";
            invalid.push(InvalidField::unsupported(field, version_match, supported));
        }
        invalid
    }
}

// === impl Continue ===

impl Continue {
    /// Continues after the object `key` with the state at `version`.
    pub(super) fn after(key: &str, version: u64) -> Self {
        Self {
            v: "meta.k8s.io/v1".to_owned(),
            rv: i64::try_from(version).unwrap_or(i64::MAX),
            start: format!("/{key}\0"),
        }
    }

    /// Continues at the same key with the current state.
    pub(super) fn inconsistent(&self) -> Self {
        Self {
            v: self.v.clone(),
            rv: -1,
            start: self.start().to_owned(),
        }
    }

    /// The key at or after which the list continues.
    pub(super) fn start(&self) -> &str {
        self.start.strip_prefix('/').unwrap_or(&self.start)
    }

    /// `None` for the current state.
    pub(super) fn version(&self) -> Option<u64> {
        u64::try_from(self.rv).ok()
    }

    pub(super) fn encode(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(token: &str) -> Result<Self, ApiError> {
        let invalid = |why: &str| {
            ApiError::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = BASE64.decode(token).map_err(|error| match error {
            base64::DecodeError::InvalidByte(at, _) => {
                invalid(&format!("illegal base64 data at input byte {at}"))
            }
            _ => invalid("illegal base64 data"),
        })?;
        // Go prints the first byte, which cannot start a JSON value, as a character.
        let first = bytes.first().copied().unwrap_or_default();
        let decoded: Self = serde_json::from_slice(&bytes).map_err(|_| {
            invalid(&format!(
                "invalid character '\\u{first:04x}' looking for beginning of value"
            ))
        })?;
        if decoded.v != "meta.k8s.io/v1" || decoded.start().is_empty() {
            return Err(invalid("server does not recognize this encoded version"));
        }
        Ok(decoded)
    }
}

/// Whether a query starts a watch. The rest of the query can be invalid.
pub(crate) fn is_watch(query: &str) -> bool {
    parameters(query)
        .filter(|(key, _)| *key == "watch")
        .any(|(_, value)| boolean(&value))
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy();
        (key, value.into_owned())
    })
}

/// Parses a boolean like Kubernetes: a parameter is true unless its value is 0 or false.
fn boolean(value: &str) -> bool {
    !matches!(value, "0") && !value.eq_ignore_ascii_case("false")
}

fn number(value: &str) -> Result<i64, ApiError> {
    value.parse().map_err(|_| {
        ApiError::bad_request(format!(
            "strconv.ParseInt: parsing {value:?}: invalid syntax"
        ))
    })
}

#[cfg(test)]
mod tests;
