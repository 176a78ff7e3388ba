//! `/readyz`: whether every target was read once.

use http::{Request, Response, StatusCode};

use super::Site;
use crate::server::{body::Content, readiness::State, response};

pub(super) fn respond(_: &Request<()>, site: &Site) -> Response<Content> {
    match site.data.readiness() {
        State::Ready => response::text(StatusCode::OK, "ready\n"),
        State::Draining => response::text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
        State::Waiting(targets) => {
            let mut body = "waiting for the first read of:\n".to_owned();
            for target in targets {
                body.push_str(&target);
                body.push('\n');
            }
            response::text(StatusCode::SERVICE_UNAVAILABLE, body)
        }
    }
}
