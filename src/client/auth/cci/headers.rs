//! HTTP headers that several authentication methods need.

use http::{HeaderValue, header::InvalidHeaderValue};

pub(super) use crate::client::headers::date;

/// A header value that `Debug` does not show.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}
