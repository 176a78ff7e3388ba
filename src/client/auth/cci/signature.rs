//! Computes `SDK-HMAC-SHA256`, the signature of a request, as the
//! [vendor specifies it](https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-algorithm-002.html).
//!
//! Pure functions: no clock, no I/O. The same [`CanonicalUri`] is signed and sent, so the two cannot differ.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use ring::{digest, hmac};

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The SHA-256 of an empty body.
pub(super) const EMPTY_PAYLOAD: &str =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The format of `X-Sdk-Date`, in UTC.
pub(super) const DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// All other characters are percent-encoded in upper-case hexadecimal; a space is `%20`, never `+`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Path and query of a request in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CanonicalUri {
    path: String,
    query: String,
}

/// The parts of a request that are signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct SigningInput<'a> {
    pub(super) method: &'a str,
    pub(super) uri: &'a CanonicalUri,
    /// The headers to sign, in any order and case.
    pub(super) headers: &'a [(&'a str, &'a str)],
    /// SHA-256 of the body in hexadecimal, or the value of `X-Sdk-Content-Sha256`.
    pub(super) payload: &'a str,
    /// The value of `X-Sdk-Date`.
    pub(super) date: &'a str,
}

/// The value of the `Authorization` header for a request.
pub(super) fn sign(input: &SigningInput<'_>, access_key: &str, secret_key: &str) -> String {
    let to_sign = string_to_sign(input.date, &canonical_request(input));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
    let signature = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
    let names = signed_names(input);
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={names}, Signature={signature}")
}

/// The canonical request. It contains the security token, if there is one.
fn canonical_request(input: &SigningInput<'_>) -> String {
    let lines = sorted_headers(input)
        .iter()
        .fold(String::new(), |lines, (name, value)| {
            lines + name + ":" + value + "\n"
        });
    format!(
        "{}\n{}\n{}\n{}\n{}\n{}",
        input.method.to_ascii_uppercase(),
        input.uri.signed_path(),
        input.uri.query,
        lines,
        signed_names(input),
        input.payload
    )
}

/// The text that the key signs.
fn string_to_sign(date: &str, canonical_request: &str) -> String {
    let hash = digest::digest(&digest::SHA256, canonical_request.as_bytes());
    format!("{ALGORITHM}\n{date}\n{}", hex(hash.as_ref()))
}

fn signed_names(input: &SigningInput<'_>) -> String {
    let headers = sorted_headers(input);
    let names: Vec<_> = headers.iter().map(|(name, _)| name.as_str()).collect();
    names.join(";")
}

/// Sorted by name. As lines, `x-a:` would come after `x-a-b:`.
fn sorted_headers<'a>(input: &SigningInput<'a>) -> Vec<(String, &'a str)> {
    let mut headers: Vec<_> = input
        .headers
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    headers.sort();
    headers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

// === impl CanonicalUri ===

impl CanonicalUri {
    /// From the path and query of a URI in any percent-encoding.
    pub(super) fn new(path: &str, query: Option<&str>) -> Self {
        let path: Vec<_> = path
            .split('/')
            .map(|segment| encode(&decode(segment)))
            .collect();
        let mut pairs: Vec<_> = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name), decode(value))
            })
            .collect();
        pairs.sort();
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        Self {
            path: path.join("/"),
            query: pairs.join("&"),
        }
    }

    /// Path and query as they are sent.
    pub(super) fn path_and_query(&self) -> String {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        if self.query.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", self.query)
        }
    }

    /// The path for the signature, which must end in a slash. The path that is sent need not.
    fn signed_path(&self) -> String {
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        format!("{}{slash}", self.path)
    }
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

fn encode(bytes: &[u8]) -> String {
    percent_encode(bytes, ENCODED).to_string()
}

#[cfg(test)]
mod tests;
