//! From a request to its response. Knows paths and methods; knows no sockets.
//!
//! Invariant: a HEAD gets the headers of the GET, and a scrape is not even begun for it.

use std::sync::Arc;

use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
        RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
    },
};

use crate::server::readiness::State;

use super::{
    Pages,
    body::Content,
    gzip::Gzip,
    landing,
    negotiation::{self, Encoding},
    query,
};

const LIVEZ: &str = "/livez";
const READYZ: &str = "/readyz";
const LANDING: &str = "/";

/// For a client that was told to come back: places get free within seconds when scrapes end.
const RETRY_SECONDS: &str = "5";

const PLAIN: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// The landing page brings its style, and nothing else may come in.
const CONTENT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

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
            let refused = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            return with(refused, ALLOW, "GET, HEAD");
        }
        match route {
            Route::Metrics => self.metrics(request),
            Route::Livez => text(StatusCode::OK, "ok\n"),
            Route::Readyz => self.readyz(),
            Route::Landing => self.landing(),
        }
    }

    /// For a connection beyond the cap: no page, but the truth about health, since a probe that fails because scrapers keep us
    /// busy would make the kubelet restart a process that is well.
    pub(super) fn decline<B>(&self, request: &Request<B>) -> Response<Content> {
        let response = if let Some(Route::Livez | Route::Readyz) = self.route(request.uri().path())
        {
            self.respond(request)
        } else {
            let full = "too many connections, try again later\n";
            let declined = text(StatusCode::SERVICE_UNAVAILABLE, full);
            with(declined, RETRY_AFTER, RETRY_SECONDS)
        };
        with(response, CONNECTION, "close")
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

    fn metrics<B>(&self, request: &Request<B>) -> Response<Content> {
        let format = negotiation::format(request.headers());
        let encoding = negotiation::encoding(request.headers());
        let families = query::families(request.uri().query());
        let content = if request.method() == Method::HEAD {
            Content::EMPTY
        } else {
            match (self.pages.metrics(format, &families), encoding) {
                (Err(unknown), _) => return text(StatusCode::BAD_REQUEST, format!("{unknown}\n")),
                (Ok(chunks), Encoding::Identity) => Content::Streamed(Box::new(chunks.map(Ok))),
                (Ok(chunks), Encoding::Gzip) => Content::Streamed(Box::new(Gzip::new(chunks))),
            }
        };
        let response = with(Response::new(content), CONTENT_TYPE, format.content_type());
        let response = with(response, VARY, "Accept, Accept-Encoding");
        match encoding {
            Encoding::Identity => response,
            Encoding::Gzip => with(response, CONTENT_ENCODING, "gzip"),
        }
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
        let response = with(Response::new(Content::from(page)), CONTENT_TYPE, HTML);
        let response = with(response, CONTENT_SECURITY_POLICY, CONTENT_POLICY);
        with(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
    }
}

fn text(status: StatusCode, body: impl Into<Content>) -> Response<Content> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    with(response, CONTENT_TYPE, PLAIN)
}

fn with(
    mut response: Response<Content>,
    name: HeaderName,
    value: &'static str,
) -> Response<Content> {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
    response
}

#[cfg(test)]
mod tests;
