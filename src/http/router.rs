//! From a request to its response. Knows paths and methods; knows no sockets.
//!
//! Invariant: a HEAD gets the headers of the GET, and a scrape is not even begun for it.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
        VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::readiness::State;

use super::{
    Pages,
    body::Content,
    gzip::Gzip,
    landing,
    negotiation::{self, Encoding},
};

const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";
const LANDING: &str = "/";

/// For a client that was told to come back: places get free within seconds when scrapes end.
const RETRY_SECONDS: &str = "5";

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Answers requests. Cheap to clone: each connection has one.
#[derive(Clone)]
pub(super) struct Router {
    pages: Arc<dyn Pages>,
    telemetry_path: Arc<str>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    Metrics,
    Livez,
    Readyz,
    Landing,
}

impl Router {
    pub(super) fn new(pages: Arc<dyn Pages>, telemetry_path: String) -> Self {
        Self {
            pages,
            telemetry_path: telemetry_path.into(),
        }
    }

    pub(super) fn respond<B>(&self, request: &Request<B>) -> Response<Content> {
        let Some(route) = self.route(request.uri().path()) else {
            return text(StatusCode::NOT_FOUND, "not found\n");
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match route {
            Route::Metrics => self.metrics(request.method(), request.headers()),
            Route::Livez => text(StatusCode::OK, "ok\n"),
            Route::Readyz => self.readyz(),
            Route::Landing => self.landing(),
        }
    }

    /// For a connection beyond the cap: no page, but the truth about health, since a probe that fails because scrapers keep us
    /// busy would make the kubelet restart a process that is well.
    pub(super) fn decline<B>(&self, request: &Request<B>) -> Response<Content> {
        let mut response = match self.route(request.uri().path()) {
            Some(Route::Livez | Route::Readyz) => self.respond(request),
            _ => {
                let mut response = text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many connections, try again later\n",
                );
                response
                    .headers_mut()
                    .insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
                response
            }
        };
        response
            .headers_mut()
            .insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn route(&self, path: &str) -> Option<Route> {
        match path {
            _ if path == &*self.telemetry_path => Some(Route::Metrics),
            LIVEZ => Some(Route::Livez),
            READYZ => Some(Route::Readyz),
            LANDING => Some(Route::Landing),
            _ => None,
        }
    }

    fn metrics(&self, method: &Method, headers: &HeaderMap) -> Response<Content> {
        let format = negotiation::format(headers);
        let encoding = negotiation::encoding(headers);
        let content = if method == Method::HEAD {
            Content::EMPTY
        } else {
            let chunks = self.pages.metrics(format);
            Content::Streamed(match encoding {
                Encoding::Identity => Box::new(chunks.map(Ok)),
                Encoding::Gzip => Box::new(Gzip::new(chunks)),
            })
        };
        let mut response = Response::new(content);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        );
        headers.insert(VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
        if encoding == Encoding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    fn readyz(&self) -> Response<Content> {
        match self.pages.readiness() {
            State::Ready => text(StatusCode::OK, "ready\n"),
            State::Draining => text(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n"),
            State::Waiting(targets) => {
                let mut body = "waiting for the first read of:\n".to_owned();
                for target in targets {
                    body.push_str(&target);
                    body.push('\n');
                }
                text(StatusCode::SERVICE_UNAVAILABLE, body)
            }
        }
    }

    fn landing(&self) -> Response<Content> {
        let page = landing::render(&self.telemetry_path, &self.pages.targets());
        let mut response = Response::new(Content::Whole(Bytes::from(page)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HTML);
        headers.insert(
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
        );
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

fn text(status: StatusCode, body: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, PLAIN);
    response
}

#[cfg(test)]
mod tests;
