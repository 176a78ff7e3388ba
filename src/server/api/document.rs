//! `openapi.json`: the `OpenAPI` document, from the types of the answers.
//!
//! It is made once, when it is first asked for. It changes with the version of the exporter only, so clients may keep it: its
//! `ETag` is a hash of it.

use std::{fmt::Write as _, sync::LazyLock};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY},
};
use ring::digest;
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content as BodyContent, HeaderBuilder, ObjectBuilder, Ref, RefOr,
        Response as DocumentedResponse, ResponseBuilder, Schema, Type,
    },
};

use super::{
    answer::{Failure, json},
    config, cronjobs, jobs, targets, workload_page, workloads,
};
use crate::server::{body::Content, negotiation::Encoding, response::with_header};

/// Bytes of the hash that are part of the `ETag`.
const TAG_BYTES: usize = 12;

static DOCUMENT: LazyLock<Document> = LazyLock::new(Document::new);

/// The document as it is sent.
struct Document {
    body: Bytes,
    etag: Option<HeaderValue>,
}

/// The document of the API.
///
/// The server is relative to the document, without a slash at its end: `…/api/v1/openapi.json` and `../v1` make `…/api/v1`,
/// behind any path prefix.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "job-status-exporter",
        description = "The status of Kubernetes Jobs and CronJobs, as JSON. Names of fields are those of the metrics. All fields \
            are always there; a value that is unknown or does not apply is null. Times are RFC 3339 in UTC, durations are in \
            seconds. New fields and new values of `enum`s may come with any version."
    ),
    servers((url = "../v1", description = "Where this document comes from.")),
    tags(
        (name = "workloads", description = "CronJobs and other owners of Jobs, with the results of their runs."),
        (name = "objects", description = "Jobs and CronJobs, as the Kubernetes API has them."),
        (name = "exporter", description = "The exporter itself."),
    ),
    paths(
        workloads::workloads,
        workload_page::workload,
        workload_page::runs,
        jobs::jobs,
        cronjobs::cronjobs,
        targets::targets,
        config::config,
        openapi,
    ),
    components(schemas(Failure)),
    modifiers(&ErrorAnswers, &AllRequired)
)]
struct Api;

/// Adds the answers to wrong requests to each path.
struct ErrorAnswers;

/// Requires all properties: an unknown value is null, not absent. Names each type once.
struct AllRequired;

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "exporter",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of a copy that the client has.")),
    responses(
        (
            status = 200,
            description = "The document.",
            body = Object,
            headers(("ETag" = String, description = "A hash of the document."))
        ),
        (status = 304, description = "The client has the document."),
    )
)]
#[allow(dead_code, reason = "it carries the documentation of `respond`")]
fn openapi() {}

/// The response with the document, or that the client has it.
pub(super) fn respond(request: &Request<()>, encoding: Encoding) -> Response<Content> {
    let document = &*DOCUMENT;
    let mut response = if document.is_known(request) {
        let mut response = Response::new(Content::EMPTY);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json(document.body.clone(), encoding)
    };
    if let Some(etag) = document.etag.clone() {
        response.headers_mut().insert(ETAG, etag);
    }
    let response = with_header(response, VARY, "Accept-Encoding");
    with_header(response, CACHE_CONTROL, "no-cache")
}

impl Document {
    fn new() -> Self {
        // The library writes its own types; an error would be a mistake in it.
        let body = Api::openapi().to_json().unwrap_or_default();
        let hash = digest::digest(&digest::SHA256, body.as_bytes());
        // Weak: it is the same for a compressed body.
        let mut etag = "W/\"".to_owned();
        for byte in hash.as_ref().iter().take(TAG_BYTES) {
            // Writing to a string cannot fail.
            let _ = write!(etag, "{byte:02x}");
        }
        etag.push('"');
        Self {
            etag: HeaderValue::try_from(etag).ok(),
            body: body.into(),
        }
    }

    /// Whether the client has this document.
    fn is_known(&self, request: &Request<()>) -> bool {
        let Some(etag) = self.etag.as_ref().and_then(|etag| etag.to_str().ok()) else {
            return false;
        };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        let own = opaque(etag);
        let headers = request.headers().get_all(IF_NONE_MATCH).into_iter();
        let mut tags = headers
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        tags.any(|tag| tag.trim() == "*" || opaque(tag) == own)
    }
}

impl Modify for ErrorAnswers {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut api.paths.paths {
            let Some(operation) = &mut item.get else {
                continue;
            };
            let responses = &mut operation.responses.responses;
            let mut add = |status: &str, response: DocumentedResponse| {
                responses.insert(status.to_owned(), RefOr::T(response));
            };
            add(
                "400",
                failure("A parameter is unknown or has a wrong value."),
            );
            if !["/targets", "/config", "/openapi.json"].contains(&path.as_str()) {
                add("404", failure("There is no such target or workload."));
            }
            let allow = header("The methods that are allowed.");
            let mut not_allowed = failure("The API only reads.");
            not_allowed.headers.insert("Allow".to_owned(), allow);
            add("405", not_allowed);
            let retry = header("After how many seconds to try again.");
            let mut unavailable = failure("The exporter is too busy.");
            unavailable.headers.insert("Retry-After".to_owned(), retry);
            // A server with too many connections answers before the API does.
            let text = BodyContent::new(Some(ObjectBuilder::new().schema_type(Type::String)));
            unavailable.content.insert("text/plain".to_owned(), text);
            add("503", unavailable);
        }
    }
}

fn failure(description: &str) -> DocumentedResponse {
    let content = BodyContent::new(Some(Ref::from_schema_name("Failure")));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", content)
        .build()
}

fn header(description: &str) -> utoipa::openapi::Header {
    HeaderBuilder::new()
        .schema(ObjectBuilder::new().schema_type(Type::String))
        .description(Some(description))
        .build()
}

impl Modify for AllRequired {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let Some(components) = &mut api.components else {
            return;
        };
        let names: Vec<_> = components.schemas.keys().cloned().collect();
        for (name, schema) in &mut components.schemas {
            let RefOr::T(schema) = schema else {
                continue;
            };
            require_all(schema);
            // The derived schema of a generic type repeats that of its argument.
            let data = name.strip_prefix("Success_").map(ToOwned::to_owned);
            if let (Schema::Object(envelope), Some(data)) = (schema, data)
                && names.contains(&data)
            {
                let data = RefOr::Ref(Ref::from_schema_name(data));
                envelope.properties.insert("data".to_owned(), data);
            }
        }
    }
}

fn require_all(schema: &mut Schema) {
    match schema {
        Schema::Object(object) => {
            object.required = object.properties.keys().cloned().collect();
        }
        Schema::AllOf(all) => {
            for item in &mut all.items {
                if let RefOr::T(schema) = item {
                    require_all(schema);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
