//! The metrics, by default at `/metrics`.
//!
//! A HEAD request gets the headers of the GET request without a scrape.

use http::{Method, Request, Response, StatusCode};

use super::Site;
use crate::server::{body::Content, negotiation, query, response};

pub(super) fn respond(request: &Request<()>, site: &Site) -> Response<Content> {
    let format = negotiation::format(request.headers());
    let encoding = negotiation::encoding(request.headers());
    if request.method() == Method::HEAD {
        return response::metrics(format, encoding, None);
    }
    let families = query::families(request.uri().query());
    match site.data.scrape(format, &families) {
        Ok(chunks) => response::metrics(format, encoding, Some(chunks)),
        Err(unknown) => response::text(StatusCode::BAD_REQUEST, format!("{unknown}\n")),
    }
}
