//! Builds responses.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS},
};

use super::body::Content;

/// HTML pages have inline styles and load nothing.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A plain text response.
pub(super) fn text(status: StatusCode, body: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    with_header(response, CONTENT_TYPE, "text/plain; charset=utf-8")
}

/// An HTML page.
pub(super) fn html(page: String) -> Response<Content> {
    let response = Response::new(Content::from(page));
    let response = with_header(response, CONTENT_TYPE, "text/html; charset=utf-8");
    let response = with_header(response, CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    with_header(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// `response` with one more header.
pub(super) fn with_header(
    mut response: Response<Content>,
    name: HeaderName,
    value: &'static str,
) -> Response<Content> {
    let value = HeaderValue::from_static(value);
    response.headers_mut().insert(name, value);
    response
}
