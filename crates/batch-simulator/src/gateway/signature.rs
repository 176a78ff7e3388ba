//! Checks `SDK-HMAC-SHA256` signatures by the strictest reading of the signing guide.
//!
//! [`super::access_keys`] checks each signed request. This implementation shares no code with the exporter's, so the two cannot have the
//! same bug.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, Method, Uri};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use ring::{digest, hmac};
use thiserror::Error;

/// The only algorithm that CCI accepts.
const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The maximum difference between the date of a request and the gateway's clock.
const TOLERANCE_SECONDS: i64 = 15 * 60;

/// A received request with its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReceivedRequest<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// A parsed `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    pub(super) access_key: &'a str,
    signed_headers: Vec<&'a str>,
    signature: &'a str,
}

/// The reason why a signature is invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Mismatch {
    #[error("verify aksk signature fail, the Authorization header is malformed")]
    Authorization,
    #[error("verify aksk signature fail, {0} must be signed")]
    Unsigned(&'static str),
    #[error("verify aksk signature fail, {0} is signed, but not sent once as text")]
    NotSentOnce(String),
    #[error("verify aksk signature fail, the date is not of the form YYYYMMDDTHHMMSSZ")]
    Date,
    #[error(
        "calc aksk signature fail:signature expired, signature time:{signed},server time:{now}"
    )]
    Expired { signed: String, now: String },
    #[error("verify aksk signature fail, the path or the query is not percent-encoded UTF-8")]
    Encoding,
    #[error(
        "verify aksk signature fail, the body is not the one that X-Sdk-Content-Sha256 announces"
    )]
    Content,
    /// The canonical request that the gateway computes.
    #[error("verify aksk signature fail, canonicalRequest:{}", .0.replace('\n', "|"))]
    Signature(String),
}

// === impl Authorization ===

impl<'a> Authorization<'a> {
    /// Parses `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`; the order and the commas are fixed.
    pub(super) fn parse(value: &'a str) -> Result<Self, Mismatch> {
        let parts = || {
            let rest = value.strip_prefix(ALGORITHM)?.strip_prefix(" Access=")?;
            let (access_key, rest) = rest.split_once(", SignedHeaders=")?;
            let (names, signature) = rest.split_once(", Signature=")?;
            let signed_headers: Vec<_> = names.split(';').collect();
            let ascending = signed_headers.windows(2).all(|pair| pair[0] < pair[1]);
            let lower_case =
                |name: &&str| !name.is_empty() && !name.bytes().any(|b| b.is_ascii_uppercase());
            let hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
            (!access_key.is_empty()
                && ascending
                && signed_headers.iter().all(lower_case)
                && signature.len() == 64
                && signature.bytes().all(hex))
            .then_some(Self {
                access_key,
                signed_headers,
                signature,
            })
        };
        parts().ok_or(Mismatch::Authorization)
    }

    /// Checks that `secret_key` signed this request, and that its date is close to `now`.
    ///
    /// Headers that affect permissions must be signed if the request has them.
    pub(super) fn check(
        &self,
        request: ReceivedRequest<'_>,
        secret_key: &str,
        now: Timestamp,
    ) -> Result<(), Mismatch> {
        if !self.signed_headers.contains(&"x-sdk-date") {
            return Err(Mismatch::Unsigned("x-sdk-date"));
        }
        for name in ["x-project-id", "x-security-token", "x-sdk-content-sha256"] {
            if request.headers.contains_key(name) && !self.signed_headers.contains(&name) {
                return Err(Mismatch::Unsigned(name));
            }
        }
        let date = header(request.headers, "x-sdk-date")?;
        let signed = timestamp(date).ok_or(Mismatch::Date)?;
        if (now.as_second() - signed.as_second()).abs() > TOLERANCE_SECONDS {
            return Err(Mismatch::Expired {
                signed: date.to_owned(),
                now: now.strftime("%Y%m%dT%H%M%SZ").to_string(),
            });
        }
        let canonical = self.canonical_request(request)?;
        let to_sign = format!("{ALGORITHM}\n{date}\n{}", sha256(canonical.as_bytes()));
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret_key.as_bytes());
        let expected = hex(hmac::sign(&key, to_sign.as_bytes()).as_ref());
        if expected != self.signature {
            return Err(Mismatch::Signature(canonical));
        }
        Ok(())
    }

    fn canonical_request(&self, request: ReceivedRequest<'_>) -> Result<String, Mismatch> {
        let mut canonical = format!(
            "{}\n{}\n{}\n",
            request.method,
            canonical_path(request.uri.path())?,
            canonical_query(request.uri.query().unwrap_or_default())?,
        );
        for name in &self.signed_headers {
            let value = header(request.headers, name)?;
            let _ = writeln!(canonical, "{name}:{}", value.trim());
        }
        let names = self.signed_headers.join(";");
        let _ = write!(canonical, "\n{names}\n{}", content_hash(request)?);
        Ok(canonical)
    }
}

/// The value of a header that must occur once.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Mismatch> {
    let unsent = || Mismatch::NotSentOnce(name.to_owned());
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsent())?;
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(unsent());
    };
    str::from_utf8(value.as_bytes()).map_err(|_| unsent())
}

fn timestamp(date: &str) -> Option<Timestamp> {
    // The pattern alone also accepts numbers with fewer digits.
    if date.len() != "YYYYMMDDTHHMMSSZ".len() {
        return None;
    }
    let date = DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    TimeZone::UTC.to_timestamp(date).ok()
}

/// The path with each segment decoded and encoded again, and with a slash at the end.
fn canonical_path(path: &str) -> Result<String, Mismatch> {
    let segments: Result<Vec<_>, _> = path.split('/').map(encode_again).collect();
    let mut path = segments?.join("/");
    if !path.ends_with('/') {
        path.push('/');
    }
    Ok(path)
}

/// The pairs sorted by name, then value, each decoded and encoded again. A plus sign is not a space.
fn canonical_query(query: &str) -> Result<String, Mismatch> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((encode_again(name)?, encode_again(value)?))
    };
    let mut pairs = pairs.map(pair).collect::<Result<Vec<_>, Mismatch>>()?;
    pairs.sort();
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    Ok(pairs.join("&"))
}

/// The hash of the body, or `UNSIGNED-PAYLOAD` if the client sends that.
fn content_hash(request: ReceivedRequest<'_>) -> Result<String, Mismatch> {
    let actual = sha256(request.body);
    if !request.headers.contains_key("x-sdk-content-sha256") {
        return Ok(actual);
    }
    let announced = header(request.headers, "x-sdk-content-sha256")?;
    if announced == "UNSIGNED-PAYLOAD" || announced == actual {
        Ok(announced.to_owned())
    } else {
        Err(Mismatch::Content)
    }
}

/// Decodes percent-encoded text and encodes it by the rules of signatures: everything except `A-Z a-z 0-9 - _ . ~`, in upper-case
/// hex.
fn encode_again(text: &str) -> Result<String, Mismatch> {
    let mut encoded = String::with_capacity(text.len());
    for &byte in decode(text)?.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Ok(encoded)
}

fn decode(text: &str) -> Result<String, Mismatch> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(Mismatch::Encoding);
        };
        decoded.push(u8::try_from(high * 16 + low).map_err(|_| Mismatch::Encoding)?);
    }
    String::from_utf8(decoded).map_err(|_| Mismatch::Encoding)
}

fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
