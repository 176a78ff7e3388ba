//! The prefix of all paths, for a proxy that does not remove its own.
//!
//! The other modules see requests without it.

use std::borrow::Cow;

use http::{
    HeaderValue, Request, Response, StatusCode, Uri,
    header::LOCATION,
    uri::{Parts, PathAndQuery},
};

use super::{body::Content, response::text};

/// A prefix: empty, or a path with a leading and no trailing slash.
#[derive(Clone, Debug)]
pub(super) struct Prefix(String);

impl Prefix {
    pub(super) fn new(prefix: &str) -> Self {
        Self(prefix.to_owned())
    }

    /// The request without the prefix; `None` if its path does not begin with it.
    pub(super) fn remove<'a>(&self, request: &'a Request<()>) -> Option<Cow<'a, Request<()>>> {
        if self.0.is_empty() {
            return Some(Cow::Borrowed(request));
        }
        let path = request.uri().path_and_query()?.as_str();
        let inner = path.strip_prefix(&self.0)?;
        if !inner.starts_with('/') {
            return None;
        }
        let mut parts: Parts = request.uri().clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(inner).ok()?);
        let mut inner = request.clone();
        *inner.uri_mut() = Uri::from_parts(parts).ok()?;
        Some(Cow::Owned(inner))
    }

    /// The response to a request outside of the prefix. Who asks for the root, or forgets the trailing slash, is sent to the
    /// pages.
    pub(super) fn respond_outside(&self, request: &Request<()>) -> Response<Content> {
        let path = request.uri().path();
        let location = HeaderValue::try_from(format!("{}/", self.0));
        match location {
            Ok(location) if path == "/" || path == self.0 => {
                let mut response = text(StatusCode::FOUND, "");
                response.headers_mut().insert(LOCATION, location);
                response
            }
            _ => text(
                StatusCode::NOT_FOUND,
                format!("not found: all paths begin with {}\n", self.0),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(uri: &str) -> Request<()> {
        Request::builder().uri(uri).body(()).expect("a request")
    }

    fn removed(prefix: &str, uri: &str) -> Option<String> {
        let request = request(uri);
        let inner = Prefix::new(prefix).remove(&request)?;
        Some(inner.uri().to_string())
    }

    #[test]
    fn the_prefix_is_removed_from_whole_segments() {
        for (uri, inner) in [
            ("/jobs/", Some("/")),
            ("/jobs/metrics?a=/jobs", Some("/metrics?a=/jobs")),
            ("http://host/jobs/livez", Some("http://host/livez")),
            ("/jobs", None),
            ("/jobs?a", None),
            ("/jobsmetrics", None),
            ("/metrics", None),
            ("/", None),
            ("*", None),
        ] {
            assert_eq!(removed("/jobs", uri).as_deref(), inner, "{uri}");
        }
        assert_eq!(removed("", "/a?b").as_deref(), Some("/a?b"));
    }

    #[test]
    fn the_root_and_the_prefix_alone_lead_to_the_pages() {
        let prefix = Prefix::new("/a/b");
        for uri in ["/", "/a/b", "/a/b?q=1"] {
            let response = prefix.respond_outside(&request(uri));
            assert_eq!(response.status(), 302, "{uri}");
            assert_eq!(response.headers()[LOCATION], "/a/b/");
        }
        let response = prefix.respond_outside(&request("/metrics"));
        assert_eq!(response.status(), 404);
    }
}
