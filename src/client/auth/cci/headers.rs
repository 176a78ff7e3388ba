//! HTTP headers that several authentication methods need.

use http::{HeaderMap, HeaderValue, header, header::InvalidHeaderValue};
use jiff::{Timestamp, fmt::rfc2822};

/// A header value that `Debug` does not show.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The `Date` header: the server's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(header::DATE)?.to_str().ok()?;
    rfc2822::DateTimeParser::new().parse_timestamp(date).ok()
}
