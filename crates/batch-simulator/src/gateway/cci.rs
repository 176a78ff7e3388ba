//! CCI itself: who asks, what the gateway lets through, and the Kubernetes API behind it.
//!
//! Called by [`super::server`]. The objects are those of a [`crate::api::SimulatedApi`]; [`super::level`] makes its answers look
//! like those of Kubernetes 1.19.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use percent_encoding::percent_decode_str;

use super::{
    Gateway,
    error::{ErrorBody, NAMESPACE_WANTED},
    journal::Credential,
    level::{self, Version},
    signature::Received,
};
use crate::api::{Body, Kind};

/// What a path means at CCI.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Group,
    Version(Version),
    /// Jobs or cronjobs under the version that has them.
    Objects {
        kind: Kind,
        version: Version,
        namespace: Option<&'a str>,
        /// What the API behind would call it.
        path: String,
    },
    /// In the part of the tree that Kubernetes answers for, but not there.
    Resourceless,
    /// Not published by the gateway.
    Nowhere,
}

/// Answers a request, and says whose it was.
pub(super) async fn answer(
    gateway: &Gateway,
    request: Received<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let credential = match authenticate(gateway, request) {
        Ok(credential) => credential,
        Err(error) => return (Credential::None, Err(error)),
    };
    let answer = serve(gateway, request).await;
    (credential, answer)
}

fn authenticate(gateway: &Gateway, request: Received<'_>) -> Result<Credential, ErrorBody> {
    let headers = request.headers;
    if let Some(token) = text(headers, "x-auth-token") {
        return gateway.identity().authenticate(token);
    }
    let authorization = text(headers, "authorization").unwrap_or_default();
    if let Some(token) = authorization.strip_prefix("Bearer ")
        && gateway.options().bearer
    {
        return gateway.identity().authenticate(token);
    }
    if !authorization.starts_with("SDK-HMAC-SHA256") {
        return Err(ErrorBody::unauthenticated("x-auth-token not found"));
    }
    let now = gateway.now();
    let access = gateway.keys().authenticate(request, authorization, now)?;
    check_project(gateway, headers)?;
    Ok(Credential::AccessKey(access))
}

/// A project that is named has to be the right one; a sub-project has to be named.
fn check_project(gateway: &Gateway, headers: &HeaderMap) -> Result<(), ErrorBody> {
    let options = gateway.options();
    match text(headers, "x-project-id") {
        Some(id) if id == options.project.id => Ok(()),
        None if !options.sub_project => Ok(()),
        _ => {
            let message = "The project is unavailable.";
            Err(ErrorBody::gateway(403, "APIGW.0310", message))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

async fn serve(gateway: &Gateway, request: Received<'_>) -> Result<Response<Body>, ErrorBody> {
    let path = request.uri.path();
    if request.method == Method::GET
        && let Some(document) = gateway.faults().pinned(path)
    {
        return Ok(json(document));
    }
    let query = request.uri.query().unwrap_or_default();
    let route = Route::of(path);
    let get = request.method == Method::GET;
    if !get && !matches!(route, Route::Nowhere | Route::Resourceless) {
        let message = "the server does not allow this method on the requested resource";
        return Err(ErrorBody::kubernetes(405, "MethodNotAllowed", message));
    }
    match route {
        Route::Nowhere => {
            let message = "The API does not exist or has not been published in the environment";
            Err(ErrorBody::gateway(404, "APIGW.0101", message))
        }
        Route::Resourceless => {
            let message = "the server could not find the requested resource";
            Err(ErrorBody::kubernetes(404, "NotFound", message))
        }
        Route::Group => Ok(json(level::group().to_string())),
        Route::Version(version) => Ok(json(level::resources(version).to_string())),
        Route::Objects {
            kind,
            version,
            namespace,
            path: inner,
        } => {
            let watch = asks_for_watch(query);
            if watch && namespace.is_none() {
                let code = "CCI.01.400105";
                return Err(ErrorBody::cci(400, "BadRequest", code, NAMESPACE_WANTED));
            }
            let query = known_parameters(query);
            let inner = ask(gateway, &format!("{inner}?{query}"), request.headers).await?;
            let shape = level::Shape {
                kind,
                version,
                path: path.to_owned(),
            };
            Ok(shape.response(inner, watch).await)
        }
    }
}

/// Passes a request on, without its credentials.
async fn ask(
    gateway: &Gateway,
    address: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ErrorBody> {
    let uri: Uri = address.parse().map_err(|_| bad_request())?;
    let mut request = Request::new(());
    *request.uri_mut() = uri;
    for value in headers.get_all(header::ACCEPT) {
        request.headers_mut().append(header::ACCEPT, value.clone());
    }
    Ok(gateway.api().respond(&request).await)
}

fn bad_request() -> ErrorBody {
    ErrorBody::gateway(400, "APIGW.0201", "Bad request")
}

fn asks_for_watch(query: &str) -> bool {
    let yes = |value: &str| !matches!(value, "0" | "false");
    query.split('&').any(|pair| match pair.split_once('=') {
        Some((name, value)) => name == "watch" && yes(value),
        None => pair == "watch",
    })
}

/// The query without what came after 1.19, which such a server does not see.
fn known_parameters(query: &str) -> String {
    let known = |pair: &&str| !pair.starts_with("sendInitialEvents=");
    query.split('&').filter(known).collect::<Vec<_>>().join("&")
}

fn json(body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    let content_type = HeaderValue::from_static("application/json");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    response
}

// === impl Route ===

impl<'a> Route<'a> {
    fn of(path: &'a str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (version, rest) = match parts.as_slice() {
            ["apis", "batch"] => return Self::Group,
            ["apis", "batch", "v1", rest @ ..] => (Version::V1, rest),
            ["apis", "batch", "v1beta1", rest @ ..] => (Version::V1Beta1, rest),
            ["apis", "batch", ..] => return Self::Resourceless,
            _ => return Self::Nowhere,
        };
        let (namespace, resource, rest) = match rest {
            [] => return Self::Version(version),
            ["namespaces", namespace, resource, rest @ ..] => (Some(*namespace), *resource, rest),
            [resource] => (None, *resource, &[][..]),
            _ => return Self::Resourceless,
        };
        let kind = match (version, resource) {
            (Version::V1, "jobs") => Kind::Job,
            (Version::V1Beta1, "cronjobs") => Kind::CronJob,
            _ => return Self::Resourceless,
        };
        let mut inner = "/apis/batch/v1".to_owned();
        let namespaced = namespace.map(|namespace| ["namespaces", namespace]);
        let parts = namespaced.iter().flatten().chain([&resource]).chain(rest);
        for part in parts {
            inner.push('/');
            // The API behind takes names as they are.
            inner.push_str(&percent_decode_str(part).decode_utf8_lossy());
        }
        Self::Objects {
            kind,
            version,
            namespace,
            path: inner,
        }
    }
}
