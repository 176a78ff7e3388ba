//! The metrics, by default at `/metrics`.
//!
//! A HEAD request gets the headers of the GET request without a scrape.

use http::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_TYPE, VARY},
};

use super::Site;
use crate::server::{
    body::Content,
    gzip::Gzip,
    negotiation::{self, Encoding},
    query,
    response::{self, with_header},
};

pub(super) fn respond(request: &Request<()>, site: &Site) -> Response<Content> {
    let format = negotiation::format(request.headers());
    let encoding = negotiation::encoding(request.headers());
    let content = if request.method() == Method::HEAD {
        Content::EMPTY
    } else {
        let families = query::families(request.uri().query());
        match (site.data.scrape(format, &families), encoding) {
            (Err(unknown), _) => {
                return response::text(StatusCode::BAD_REQUEST, format!("{unknown}\n"));
            }
            (Ok(chunks), Encoding::Identity) => Content::Stream(Box::new(chunks.map(Ok))),
            (Ok(chunks), Encoding::Gzip) => Content::Stream(Box::new(Gzip::new(chunks))),
        }
    };
    let response = with_header(Response::new(content), CONTENT_TYPE, format.content_type());
    let response = with_header(response, VARY, "Accept, Accept-Encoding");
    match encoding {
        Encoding::Identity => response,
        Encoding::Gzip => with_header(response, CONTENT_ENCODING, "gzip"),
    }
}
