//! Routes a request and builds its response.
//!
//! [`super::server`] calls [`respond`] for each request. Every response except a watch is built in one piece, under one lock.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::Value;

use super::{
    CronJobsVersion, SimulatedApi, discovery, error::ApiError, list, object::Kind,
    options::Options, selector::Filter, watch,
};

/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// The resource behind a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Health,
    Version,
    /// `/api`.
    CoreVersions,
    /// `/api/v1`.
    CoreVersion,
    Group,
    GroupVersion {
        beta: bool,
    },
    Collection {
        kind: Kind,
        namespace: Option<&'a str>,
    },
    Object {
        kind: Kind,
        namespace: &'a str,
        name: &'a str,
        status: bool,
    },
    /// An unknown path below `/apis/batch` or `/api`, which gets a `Status`.
    UnknownResource,
    /// Any other unknown path, which gets plain text.
    NotFound,
}

/// Responds to one request.
pub(super) fn respond<B>(api: &SimulatedApi, request: &Request<B>) -> Response<Body> {
    try_respond(api, request).unwrap_or_else(|error| {
        let body = format!("{}\n", error.status());
        response(error.code, "application/json", body)
    })
}

fn try_respond<B>(api: &SimulatedApi, request: &Request<B>) -> Result<Response<Body>, ApiError> {
    let route = Route::of(request.uri().path(), api.options().cronjobs);
    api.faults().authorize(request, &route)?;
    let get = request.method() == Method::GET;
    if !get && !matches!(route, Route::NotFound | Route::UnknownResource) {
        return Err(ApiError::method_not_allowed());
    }
    let document = |value: &Value| Ok(json_response(format!("{value}\n")));
    let cronjobs = api.options().cronjobs;
    match route {
        Route::NotFound => Ok(response(
            StatusCode::NOT_FOUND,
            PLAIN_TEXT,
            "404 page not found\n".to_owned(),
        )),
        Route::UnknownResource => Err(ApiError::no_such_resource()),
        Route::Health => Ok(response(StatusCode::OK, PLAIN_TEXT, "ok".to_owned())),
        Route::Version => document(&discovery::version(api.options().minor_version)),
        Route::CoreVersions => document(&discovery::core_versions()),
        Route::CoreVersion => document(&discovery::core_version()),
        Route::Group => document(&discovery::group(cronjobs)),
        Route::GroupVersion { beta } => document(&discovery::group_version(cronjobs, beta)),
        Route::Object {
            kind,
            namespace,
            name,
            status: _,
        } => {
            accepts_json(request.headers())?;
            object(api, kind, namespace, name)
        }
        Route::Collection { kind, namespace } => {
            accepts_json(request.headers())?;
            let query = request.uri().query().unwrap_or_default();
            let options = Options::parse(query, api.options().watch_list)?;
            collection(api, kind, namespace, &options)
        }
    }
}

fn object(
    api: &SimulatedApi,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Response<Body>, ApiError> {
    let registry = api.registry();
    let object = registry.objects(kind).get(&format!("{namespace}/{name}"));
    let object = object.ok_or_else(|| ApiError::no_such_object(kind, name))?;
    let mut body = String::new();
    object.write(&mut body);
    body.push('\n');
    Ok(json_response(body))
}

fn collection(
    api: &SimulatedApi,
    kind: Kind,
    namespace: Option<&str>,
    options: &Options,
) -> Result<Response<Body>, ApiError> {
    let (labels, fields) = (&options.label_selector, &options.field_selector);
    let shards = api
        .options()
        .sharded_lists
        .then_some(&*options.shard_selector);
    let filter = Filter::parse(kind, namespace, labels, fields)?.of_shards(shards)?;
    if !options.watch {
        return list::list(&api.registry(), &filter, options).map(json_response);
    }
    let events = watch::events(api, filter, options)?.map(|data| Ok(Frame::data(data)));
    let mut response = json_response(String::new());
    *response.body_mut() = StreamBody::new(events).boxed_unsync();
    Ok(response)
}

// === impl Route ===

impl<'a> Route<'a> {
    fn of(path: &'a str, cronjobs: CronJobsVersion) -> Self {
        let path = path.trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let beta = cronjobs == CronJobsVersion::V1Beta1;
        let (group, version, rest) = match parts.as_slice() {
            ["livez" | "readyz" | "healthz"] => return Self::Health,
            ["version"] => return Self::Version,
            ["api"] => return Self::CoreVersions,
            ["api", "v1"] => return Self::CoreVersion,
            ["apis", "batch"] => return Self::Group,
            ["apis", "batch", "v1"] => return Self::GroupVersion { beta: false },
            ["apis", "batch", "v1beta1"] if beta => return Self::GroupVersion { beta },
            ["apis", "batch", version, rest @ ..] => ("batch", *version, rest),
            ["api", version, rest @ ..] => ("", *version, rest),
            _ => return Self::NotFound,
        };
        let (resource, rest) = match rest {
            ["namespaces", namespace, resource, rest @ ..] => (*resource, Some((*namespace, rest))),
            [resource] => (*resource, None),
            _ => return Self::UnknownResource,
        };
        let version_of = |kind| match (kind, cronjobs) {
            (Kind::Job | Kind::Pod | Kind::Namespace, _) | (Kind::CronJob, CronJobsVersion::V1) => {
                Some("v1")
            }
            (Kind::CronJob, CronJobsVersion::V1Beta1) => Some("v1beta1"),
            (Kind::CronJob, CronJobsVersion::None) => None,
        };
        let served = |kind: &Kind| kind.group() == group && version_of(*kind) == Some(version);
        let Some(kind) = Kind::of_resource(resource).filter(served) else {
            return Self::UnknownResource;
        };
        let object = |namespace, name, status| Self::Object {
            kind,
            namespace,
            name,
            status,
        };
        match rest {
            None => Self::Collection {
                kind,
                namespace: None,
            },
            Some((namespace, [])) => Self::Collection {
                kind,
                namespace: Some(namespace),
            },
            Some((namespace, [name])) => object(namespace, name, false),
            Some((namespace, [name, "status"])) => object(namespace, name, true),
            Some(_) => Self::UnknownResource,
        }
    }
}

/// Fails unless the client accepts JSON. Tables and protobuf are not simulated.
fn accepts_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut accepted = headers.get_all(ACCEPT).iter().peekable();
    let json = |range: &str| {
        let (media, parameters) = range.split_once(';').unwrap_or((range, ""));
        matches!(media.trim(), "application/json" | "application/*" | "*/*")
            && !parameters.contains("as=")
    };
    let any = |value: &HeaderValue| value.to_str().is_ok_and(|text| text.split(',').any(json));
    if accepted.peek().is_none() || accepted.any(any) {
        return Ok(());
    }
    Err(ApiError::not_acceptable())
}

fn response(code: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn json_response(body: String) -> Response<Body> {
    response(StatusCode::OK, "application/json", body)
}
