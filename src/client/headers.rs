//! HTTP headers of responses.

use http::{HeaderMap, header};
use jiff::{Timestamp, fmt::rfc2822};

/// The `Date` header: the server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse_date(headers.get(header::DATE)?.to_str().ok()?)
}

/// Parses a date in a header.
pub(super) fn parse_date(date: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}
