//! Builds responses.

use http::{
    HeaderValue, Response, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
        HeaderName, REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use bytes::Bytes;

use super::{body::Content, gzip, negotiation::Encoding};
use crate::metrics::Format;

/// Value of `Retry-After` when the server is full. Connections become free within seconds, when scrapes end.
pub(super) const RETRY_SECONDS: &str = "5";

/// Shorter bodies are not compressed: they fit into one packet.
const MIN_COMPRESSED: usize = 1024;

/// HTML pages load their own stylesheet, script and icon, and the script loads pages. Nothing else runs, whatever names say.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                              form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A plain text response.
pub(super) fn text(status: StatusCode, body: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    with_header(response, CONTENT_TYPE, "text/plain; charset=utf-8")
}

/// A complete body, compressed if the client accepts that and it pays.
pub(super) fn encoded(body: impl Into<Bytes>, encoding: Encoding) -> Response<Content> {
    let body = body.into();
    let is_large = body.len() >= MIN_COMPRESSED;
    let compressed = (encoding == Encoding::Gzip && is_large).then(|| gzip::compress(&body));
    let (body, is_compressed) = match compressed {
        Some(Ok(compressed)) => (compressed.into(), true),
        _ => (body, false),
    };
    let response = with_header(Response::new(Content::Full(body)), VARY, "Accept-Encoding");
    if is_compressed {
        return with_header(response, CONTENT_ENCODING, "gzip");
    }
    response
}

/// An HTML page.
pub(super) fn html(page: String, encoding: Encoding) -> Response<Content> {
    let response = encoded(page, encoding);
    let response = with_header(response, CONTENT_TYPE, "text/html; charset=utf-8");
    let response = with_header(response, CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    let response = with_header(response, REFERRER_POLICY, "no-referrer");
    let response = with_header(response, CACHE_CONTROL, "no-store");
    with_header(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// Metrics in the format and with the compression that a client asks for. The content is compressed already.
pub(super) fn metrics(format: Format, encoding: Encoding, content: Content) -> Response<Content> {
    let response = with_header(Response::new(content), CONTENT_TYPE, format.content_type());
    let response = with_header(response, VARY, "Accept, Accept-Encoding");
    match encoding {
        Encoding::Identity => response,
        Encoding::Gzip => with_header(response, CONTENT_ENCODING, "gzip"),
    }
}

/// The response when the server is full.
pub(super) fn unavailable(message: &'static str) -> Response<Content> {
    let response = text(StatusCode::SERVICE_UNAVAILABLE, message);
    with_header(response, RETRY_AFTER, RETRY_SECONDS)
}

/// The response to a HEAD request: the headers alone, with the length of a body that is known. hyper leaves the body out of
/// HTTP/1 only, and a client of HTTP/2 rejects it.
pub(super) fn without_body(mut response: Response<Content>) -> Response<Content> {
    if let Content::Full(body) = response.body()
        && !body.is_empty()
    {
        let length = HeaderValue::from(body.len());
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    response.map(|_| Content::EMPTY)
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
