//! The API gateway and CCI: authenticates a request, and forwards it to the Kubernetes API behind the gateway.
//!
//! The objects are those of a [`crate::api::SimulatedApi`]. [`super::downgrade`] turns its responses into those of Kubernetes 1.19.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use percent_encoding::percent_decode_str;

use super::{
    Gateway,
    downgrade::{self, Downgrade, GroupVersion},
    error::{ErrorBody, NAMESPACE_REQUIRED},
    identity::Credential,
    signature::ReceivedRequest,
};
use crate::api::{Body, Kind, is_watch};

/// The resource behind a path.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Group,
    Version(GroupVersion),
    /// Jobs or cronjobs.
    Objects {
        kind: Kind,
        version: GroupVersion,
        namespace: Option<&'a str>,
        /// The path at the API behind the gateway.
        path: String,
    },
    /// An unknown path below `/apis/batch`, which Kubernetes responds to.
    UnknownResource,
    /// A path that the gateway does not publish.
    Unpublished,
}

/// Responds to a request. Also returns its credential.
pub(super) async fn respond(
    gateway: &Gateway,
    request: ReceivedRequest<'_>,
) -> (Credential, Result<Response<Body>, ErrorBody>) {
    let credential = match authenticate(gateway, request) {
        Ok(credential) => credential,
        Err(error) => return (Credential::None, Err(error)),
    };
    let result = forward(gateway, request).await;
    (credential, result)
}

fn authenticate(gateway: &Gateway, request: ReceivedRequest<'_>) -> Result<Credential, ErrorBody> {
    let headers = request.headers;
    if let Some(token) = text(headers, "x-auth-token") {
        return gateway.identities().authenticate(token);
    }
    let authorization = text(headers, "authorization").unwrap_or_default();
    if let Some(token) = authorization.strip_prefix("Bearer ")
        && gateway.options().bearer
    {
        return gateway.identities().authenticate(token);
    }
    if !authorization.starts_with("SDK-HMAC-SHA256") {
        return Err(ErrorBody::unauthenticated("x-auth-token not found"));
    }
    let now = gateway.now();
    let access = gateway
        .access_keys()
        .authenticate(request, authorization, now)?;
    check_project(gateway, headers)?;
    Ok(Credential::AccessKey(access))
}

/// A named project must be the gateway's. Requests to a sub-project must name it.
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

async fn forward(
    gateway: &Gateway,
    request: ReceivedRequest<'_>,
) -> Result<Response<Body>, ErrorBody> {
    let path = request.uri.path();
    if request.method == Method::GET
        && let Some(document) = gateway.faults().document(path)
    {
        return Ok(json(document));
    }
    let query = request.uri.query().unwrap_or_default();
    let route = Route::of(path);
    let get = request.method == Method::GET;
    if !get && !matches!(route, Route::Unpublished | Route::UnknownResource) {
        let message = "the server does not allow this method on the requested resource";
        return Err(ErrorBody::kubernetes(405, "MethodNotAllowed", message));
    }
    match route {
        Route::Unpublished => {
            let message = "The API does not exist or has not been published in the environment";
            Err(ErrorBody::gateway(404, "APIGW.0101", message))
        }
        Route::UnknownResource => {
            let message = "the server could not find the requested resource";
            Err(ErrorBody::kubernetes(404, "NotFound", message))
        }
        Route::Group => Ok(json(downgrade::group().to_string())),
        Route::Version(version) => Ok(json(downgrade::resources(version).to_string())),
        Route::Objects {
            kind,
            version,
            namespace,
            path: inner,
        } => {
            let watch = is_watch(query);
            if watch && namespace.is_none() {
                let code = "CCI.01.400105";
                return Err(ErrorBody::cci(400, "BadRequest", code, NAMESPACE_REQUIRED));
            }
            let query = known_parameters(query);
            let response = send(gateway, &format!("{inner}?{query}"), request.headers).await?;
            let downgrade = Downgrade {
                kind,
                version,
                path: path.to_owned(),
            };
            Ok(downgrade.response(response, watch).await)
        }
    }
}

/// Sends a request to the API behind the gateway, without its credentials.
async fn send(
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

/// The query without the parameters that Kubernetes 1.19 does not have.
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
            ["apis", "batch", "v1", rest @ ..] => (GroupVersion::V1, rest),
            ["apis", "batch", "v1beta1", rest @ ..] => (GroupVersion::V1Beta1, rest),
            ["apis", "batch", ..] => return Self::UnknownResource,
            _ => return Self::Unpublished,
        };
        let (namespace, resource, rest) = match rest {
            [] => return Self::Version(version),
            ["namespaces", namespace, resource, rest @ ..] => (Some(*namespace), *resource, rest),
            [resource] => (None, *resource, &[][..]),
            _ => return Self::UnknownResource,
        };
        let kind = match (version, resource) {
            (GroupVersion::V1, "jobs") => Kind::Job,
            (GroupVersion::V1Beta1, "cronjobs") => Kind::CronJob,
            _ => return Self::UnknownResource,
        };
        let mut inner = "/apis/batch/v1".to_owned();
        let namespaced = namespace.map(|namespace| ["namespaces", namespace]);
        let parts = namespaced.iter().flatten().chain([&resource]).chain(rest);
        for part in parts {
            inner.push('/');
            // The API behind the gateway does not decode paths.
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
