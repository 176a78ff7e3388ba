//! `/livez`: the process runs.

use http::{Request, Response, StatusCode};

use super::Site;
use crate::server::{body::Content, response};

pub(super) fn respond(_: &Request<()>, _: &Site) -> Response<Content> {
    response::text(StatusCode::OK, "ok\n")
}
