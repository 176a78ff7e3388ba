//! The configured headers of all responses.
//!
//! They replace headers of the same name that a page sets. Only responses that hyper makes itself, to requests that it cannot
//! read, are without them.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::AccessError;

/// Headers that are added to every response.
#[derive(Debug, Default)]
pub(super) struct ResponseHeaders(Vec<(HeaderName, HeaderValue)>);

impl ResponseHeaders {
    /// The headers with these names and values. Blank values are left out, as the exporter-toolkit does.
    pub(super) fn new(headers: &[(&'static str, String)]) -> Result<Self, AccessError> {
        let configured = headers.iter().filter(|(_, value)| !value.is_empty());
        let parse = |(name, value): &(&'static str, String)| {
            let parsed = (name.parse().ok()).zip(value.parse().ok());
            parsed.ok_or(AccessError::InvalidHeader { name })
        };
        configured.map(parse).collect::<Result<_, _>>().map(Self)
    }

    /// Adds the headers to those of a response.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.0 {
            headers.insert(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_replace_those_of_a_page_and_blank_ones_are_left_out() {
        let configured = [
            ("X-Frame-Options", "deny".to_owned()),
            ("Content-Security-Policy", "default-src 'self'".to_owned()),
            ("X-XSS-Protection", String::new()),
        ];
        let added = ResponseHeaders::new(&configured).unwrap();
        let page = (
            HeaderName::from_static("content-security-policy"),
            HeaderValue::from_static("x"),
        );
        let mut headers = HeaderMap::from_iter([page]);
        added.add_to(&mut headers);
        assert_eq!(headers.len(), 2, "{headers:?}");
        assert_eq!(headers["content-security-policy"], "default-src 'self'");
        assert_eq!(headers["x-frame-options"], "deny");
    }

    #[test]
    fn a_value_that_is_no_header_value_is_an_error() {
        let error = ResponseHeaders::new(&[("X-Frame-Options", "deny\nX: y".to_owned())]);
        let error = error.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the value of the header `X-Frame-Options` has characters that a header cannot carry"
        );
        assert!(error.hint().is_some());
    }
}
