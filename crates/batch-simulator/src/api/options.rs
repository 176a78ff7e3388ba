//! The query of a list or watch, read and checked as a real server does it.
//!
//! [`super::answer`] parses it once; [`super::list`] and [`super::watch`] only see options that make sense together.

use std::time::Duration;

use base64::{
    Engine, alphabet,
    engine::{GeneralPurpose, general_purpose::NO_PAD},
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::refusal::{InvalidField, Refusal};

/// The encoding of continue tokens. Go does not mind spare bits at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    NO_PAD.with_decode_allow_trailing_bits(true),
);

/// The query parameters that matter, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) watch: bool,
    /// Items per page; 0 for all at once.
    pub(super) limit: usize,
    pub(super) next: Option<Continue>,
    pub(super) version: String,
    pub(super) exact: bool,
    pub(super) label_selector: String,
    pub(super) field_selector: String,
    pub(super) bookmarks: bool,
    /// Whether a watch begins with the present objects; by default that depends on the version.
    pub(super) send_initial_events: Option<bool>,
    pub(super) timeout: Option<Duration>,
}

/// What a continue token says: go on at `start` with the state at `rv`, or with the present one when `rv` is negative.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Continue {
    v: String,
    rv: i64,
    start: String,
}

// === impl Options ===

impl Options {
    /// `watch_list` is whether the server has the `WatchList` feature.
    pub(super) fn parse(query: &str, watch_list: bool) -> Result<Self, Refusal> {
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
            options.contradictions_of_watch(&version_match, watch_list)
        } else {
            options.contradictions_of_list(&version_match, !token.is_empty())
        };
        if !invalid.is_empty() {
            return Err(Refusal::invalid_options(&invalid));
        }
        if !token.is_empty() && !options.watch {
            if !matches!(options.version.as_str(), "" | "0") {
                let message = "specifying resource version is not allowed when using continue";
                return Err(Refusal::bad_request(message));
            }
            options.next = Some(Continue::decode(&token)?);
        }
        options.exact = version_match == "Exact";
        Ok(options)
    }

    fn contradictions_of_watch(&self, version_match: &str, watch_list: bool) -> Vec<InvalidField> {
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

    fn contradictions_of_list(&self, version_match: &str, continues: bool) -> Vec<InvalidField> {
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
    /// Goes on after the object `key` with the state at `version`.
    pub(super) fn after(key: &str, version: u64) -> Self {
        Self {
            v: "meta.k8s.io/v1".to_owned(),
            rv: i64::try_from(version).unwrap_or(i64::MAX),
            start: format!("/{key}\0"),
        }
    }

    /// Goes on at the same place with whatever is there then.
    pub(super) fn inconsistent(&self) -> Self {
        Self {
            v: self.v.clone(),
            rv: -1,
            start: self.start().to_owned(),
        }
    }

    /// The key to go on at, or what comes right after it.
    pub(super) fn start(&self) -> &str {
        self.start.strip_prefix('/').unwrap_or(&self.start)
    }

    /// `None` for the present state.
    pub(super) fn version(&self) -> Option<u64> {
        u64::try_from(self.rv).ok()
    }

    pub(super) fn encode(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    fn decode(token: &str) -> Result<Self, Refusal> {
        let invalid = |why: &str| {
            Refusal::bad_request(format!(
                "invalid continue token: continue key is not valid: {why}"
            ))
        };
        let bytes = BASE64.decode(token).map_err(|error| match error {
            base64::DecodeError::InvalidByte(at, _) => {
                invalid(&format!("illegal base64 data at input byte {at}"))
            }
            _ => invalid("illegal base64 data"),
        })?;
        // Go names the byte that cannot begin a JSON value as if it were a character.
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

/// Whether a query asks for a watch, be the rest of it right or wrong.
pub(super) fn asks_for_watch(query: &str) -> bool {
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

/// As Kubernetes reads a boolean parameter: there at all, and neither 0 nor false.
fn boolean(value: &str) -> bool {
    !matches!(value, "0") && !value.eq_ignore_ascii_case("false")
}

fn number(value: &str) -> Result<i64, Refusal> {
    value.parse().map_err(|_| {
        Refusal::bad_request(format!(
            "strconv.ParseInt: parsing {value:?}: invalid syntax"
        ))
    })
}

#[cfg(test)]
mod tests;
