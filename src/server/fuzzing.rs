//! What the fuzz targets need of this stage.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a harness reports what it finds"
)]

use http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING},
};

use super::{
    negotiation::{Encoding, encoding, format},
    query,
};
use crate::metrics::Format;

/// Three lines: `Accept`, `Accept-Encoding` and the query of a scrape. The order of the elements of a header does not matter,
/// and compression and format are used only if the client names them.
pub(crate) fn request(input: &[u8]) {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut header = || HeaderValue::from_bytes(lines.next().unwrap_or_default());
    let (Ok(accept), Ok(accept_encoding)) = (header(), header()) else {
        return;
    };
    let headers = |accept: &HeaderValue, accept_encoding: &HeaderValue| {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.clone());
        headers.insert(ACCEPT_ENCODING, accept_encoding.clone());
        headers
    };
    let chosen = headers(&accept, &accept_encoding);
    let reordered = headers(&reversed(&accept), &reversed(&accept_encoding));
    assert_eq!(encoding(&chosen), encoding(&reordered));
    let named = |header: &HeaderValue, name: &str| {
        let text = header.to_str().unwrap_or_default().to_ascii_lowercase();
        text.contains(name)
    };
    if encoding(&chosen) == Encoding::Gzip {
        assert!(named(&accept_encoding, "gzip") || named(&accept_encoding, "*"));
    }
    assert_eq!(format(&chosen), format(&reordered));
    if format(&chosen) == Format::Protobuf {
        assert!(named(&accept, "application/vnd.google.protobuf"));
    }
    if format(&chosen) == Format::OpenMetrics {
        assert!(named(&accept, "application/") || named(&accept, "*/*"));
    }
    if let Ok(text) = str::from_utf8(lines.next().unwrap_or_default()) {
        let patterns = query::families(Some(text));
        assert!(patterns.len() <= text.split('&').count());
        for pattern in patterns {
            let length = pattern.as_str().len();
            // Bytes that are not UTF-8 become characters of three bytes.
            assert!(length <= 3 * text.len(), "{pattern}");
            let _ = pattern.matches("batch_job_info");
        }
    }
}

/// The elements of a list in reverse.
fn reversed(header: &HeaderValue) -> HeaderValue {
    let bytes = header.as_bytes();
    let mut elements: Vec<_> = bytes.split(|byte| *byte == b',').collect();
    elements.reverse();
    HeaderValue::from_bytes(&elements.join(&b',')).unwrap()
}
