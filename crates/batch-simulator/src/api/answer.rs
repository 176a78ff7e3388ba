//! From a request to its answer: path, rights, and then a list, a watch, one object or a document.
//!
//! Called by [`super::server`] for each request. Everything that is not a watch is answered in one piece, under one lock.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::{
    CronJobsVersion, SimulatedApi,
    access::Attempt,
    list,
    object::Kind,
    options::{Options, asks_for_watch},
    refusal::Refusal,
    selector::Filter,
    watch,
};

/// The body of any answer.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

const PLAIN_TEXT: &str = "text/plain; charset=utf-8";

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route<'a> {
    Health,
    Version,
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
    /// Nothing, in the part of the tree that answers in JSON.
    Resourceless,
    Nowhere,
}

/// Answers one request.
pub(super) fn answer<B>(api: &SimulatedApi, request: &Request<B>) -> Response<Body> {
    try_answer(api, request).unwrap_or_else(|refusal| {
        let body = format!("{}\n", refusal.status());
        respond(refusal.code, "application/json", body)
    })
}

/// Whether the answer goes on until its client has enough.
pub(super) fn is_watch<B>(request: &Request<B>) -> bool {
    asks_for_watch(request.uri().query().unwrap_or_default())
}

fn try_answer<B>(api: &SimulatedApi, request: &Request<B>) -> Result<Response<Body>, Refusal> {
    let route = Route::of(request.uri().path(), api.options().cronjobs);
    let query = request.uri().query().unwrap_or_default();
    let may = |attempt: Option<&Attempt<'_>>| api.access().check(request.headers(), attempt);
    if !matches!(route, Route::Collection { .. } | Route::Object { .. }) {
        may(None)?;
    }
    let get = request.method() == Method::GET;
    if !get && !matches!(route, Route::Nowhere | Route::Resourceless) {
        return Err(Refusal::method_not_allowed());
    }
    let document = |value: &Value| Ok(json_response(format!("{value}\n")));
    match route {
        Route::Nowhere => Ok(respond(
            StatusCode::NOT_FOUND,
            PLAIN_TEXT,
            "404 page not found\n".to_owned(),
        )),
        Route::Resourceless => Err(Refusal::no_such_resource()),
        Route::Health => Ok(respond(StatusCode::OK, PLAIN_TEXT, "ok".to_owned())),
        Route::Version => document(&version(api.options().minor_version)),
        Route::Group => document(&group(api.options().cronjobs)),
        Route::GroupVersion { beta } => document(&group_version(api.options().cronjobs, beta)),
        Route::Object {
            kind,
            namespace,
            name,
            status,
        } => {
            may(Some(&Attempt {
                verb: "get",
                kind,
                status,
                namespace: Some(namespace),
                name: Some(name),
            }))?;
            accepts_json(request.headers())?;
            object(api, kind, namespace, name)
        }
        Route::Collection { kind, namespace } => {
            let options = Options::parse(query, api.options().watch_list);
            let verb = if asks_for_watch(query) {
                "watch"
            } else {
                "list"
            };
            may(Some(&Attempt {
                verb,
                kind,
                status: false,
                namespace,
                name: None,
            }))?;
            accepts_json(request.headers())?;
            collection(api, kind, namespace, &options?)
        }
    }
}

fn object(
    api: &SimulatedApi,
    kind: Kind,
    namespace: &str,
    name: &str,
) -> Result<Response<Body>, Refusal> {
    let registry = api.registry();
    let object = registry.objects(kind).get(&format!("{namespace}/{name}"));
    let object = object.ok_or_else(|| Refusal::no_such_object(kind, name))?;
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
) -> Result<Response<Body>, Refusal> {
    let (labels, fields) = (&options.label_selector, &options.field_selector);
    let filter = Filter::parse(kind, namespace, labels, fields)?;
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
        let (version, resource, rest) = match parts.as_slice() {
            ["livez" | "readyz" | "healthz"] => return Self::Health,
            ["version"] => return Self::Version,
            ["apis", "batch"] => return Self::Group,
            ["apis", "batch", "v1"] => return Self::GroupVersion { beta: false },
            ["apis", "batch", "v1beta1"] if beta => return Self::GroupVersion { beta },
            [
                "apis",
                "batch",
                version,
                "namespaces",
                namespace,
                resource,
                rest @ ..,
            ] => (*version, resource, Some((*namespace, rest))),
            ["apis", "batch", version, resource] => (*version, resource, None),
            ["apis", "batch", ..] => return Self::Resourceless,
            _ => return Self::Nowhere,
        };
        let home = |kind| match (kind, cronjobs) {
            (Kind::Job, _) | (Kind::CronJob, CronJobsVersion::V1) => Some("v1"),
            (Kind::CronJob, CronJobsVersion::V1Beta1) => Some("v1beta1"),
            (Kind::CronJob, CronJobsVersion::None) => None,
        };
        let kind = Kind::of_resource(resource).filter(|kind| home(*kind) == Some(version));
        let Some(kind) = kind else {
            return Self::Resourceless;
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
            Some(_) => Self::Resourceless,
        }
    }
}

/// JSON has to be among what the client takes; tables and protobuf are not spoken here.
fn accepts_json(headers: &HeaderMap) -> Result<(), Refusal> {
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
    Err(Refusal::not_acceptable())
}

fn respond(code: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

fn json_response(body: String) -> Response<Body> {
    respond(StatusCode::OK, "application/json", body)
}

fn version(minor: u32) -> Value {
    json!({
        "major": "1",
        "minor": minor.to_string(),
        "emulationMajor": "1",
        "emulationMinor": minor.to_string(),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": minor.saturating_sub(1).to_string(),
        "gitVersion": format!("v1.{minor}.3"),
        "gitCommit": "$Format:%H$",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.8",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn group(cronjobs: CronJobsVersion) -> Value {
    let version = json!({"groupVersion": "batch/v1", "version": "v1"});
    let mut versions = vec![version.clone()];
    if cronjobs == CronJobsVersion::V1Beta1 {
        versions.push(json!({"groupVersion": "batch/v1beta1", "version": "v1beta1"}));
    }
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "batch",
        "versions": versions,
        "preferredVersion": version,
    })
}

/// What is in `batch/v1`, or in `batch/v1beta1`.
fn group_version(place: CronJobsVersion, beta: bool) -> Value {
    let verbs = [
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    ];
    let status = |kind: Kind| {
        json!({
            "name": format!("{}/status", kind.resource()), "singularName": "", "namespaced": true,
            "kind": kind.as_str(), "verbs": ["get", "patch", "update"],
        })
    };
    let mut cronjobs = json!({
        "name": "cronjobs", "singularName": "cronjob", "namespaced": true, "kind": "CronJob", "verbs": verbs,
        "categories": ["all"], "storageVersionHash": "sd5LIXh4Fjs=",
    });
    let mut jobs = cronjobs.clone();
    cronjobs["shortNames"] = json!(["cj"]);
    jobs["name"] = json!("jobs");
    jobs["singularName"] = json!("job");
    jobs["kind"] = json!("Job");
    jobs["storageVersionHash"] = json!("mudhfqk/qZY=");
    let cronjobs = [cronjobs, status(Kind::CronJob)];
    let jobs = [jobs, status(Kind::Job)];
    let resources = match (place, beta) {
        (CronJobsVersion::V1, _) => [cronjobs, jobs].concat(),
        (_, true) => cronjobs.to_vec(),
        (_, false) => jobs.to_vec(),
    };
    let version = if beta { "batch/v1beta1" } else { "batch/v1" };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    })
}
