//! The metrics, by default at `/metrics`.
//!
//! A HEAD request gets the headers of the GET request without a scrape.

use http::{Method, Request, Response, StatusCode};

use super::Site;
use crate::server::{
    body::Content,
    negotiation::{self, Encoding},
    query, response,
};

pub(super) fn respond(request: &Request<()>, site: &Site) -> Response<Content> {
    let format = negotiation::format(request.headers());
    let encoding = negotiation::encoding(request.headers());
    if request.method() == Method::HEAD {
        return response::metrics(format, encoding, Content::EMPTY);
    }
    let families = query::families(request.uri().query());
    let content = match encoding {
        Encoding::Identity => site.data.scrape(format, &families).map(Content::plain),
        Encoding::Gzip => {
            let chunks = site.data.scrape_compressed(format, &families);
            chunks.map(Content::Stream)
        }
    };
    match content {
        Ok(content) => response::metrics(format, encoding, content),
        Err(unknown) => response::text(StatusCode::BAD_REQUEST, format!("{unknown}\n")),
    }
}
