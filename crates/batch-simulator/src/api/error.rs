//! Error responses: `Status` objects with the texts of a real server.
//!
//! The texts were compared with a kube-apiserver 1.36.

use http::StatusCode;
use serde_json::{Value, json};

use super::object::Kind;

/// An error response.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ApiError {
    pub(super) code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Value>,
    /// A continue token for the rest of an expired list.
    next: Option<String>,
}

/// One invalid list option.
#[derive(Clone, Debug)]
pub(super) struct InvalidField {
    field: &'static str,
    reason: &'static str,
    message: String,
}

// === impl InvalidField ===

impl InvalidField {
    pub(super) fn forbidden(field: &'static str, why: &str) -> Self {
        Self {
            field,
            reason: "FieldValueForbidden",
            message: format!("Forbidden: {why}"),
        }
    }

    pub(super) fn unsupported(field: &'static str, value: &str, supported: &str) -> Self {
        Self {
            field,
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {value:?}: supported values: {supported}"),
        }
    }
}

// === impl ApiError ===

impl ApiError {
    pub(super) fn new(code: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: None,
            next: None,
        }
    }

    pub(super) fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    pub(super) fn no_such_object(kind: Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", qualified(kind));
        let mut details = resource_details(kind);
        details["name"] = json!(name);
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_details(details)
    }

    pub(super) fn no_such_resource() -> Self {
        let message = "the server could not find the requested resource";
        Self::new(StatusCode::NOT_FOUND, "NotFound", message).with_details(json!({}))
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
            .with_details(json!({}))
    }

    pub(super) fn not_acceptable() -> Self {
        let message = "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, \
                       application/vnd.kubernetes.protobuf, application/json;stream=watch, \
                       application/vnd.kubernetes.protobuf;stream=watch";
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message).with_details(json!({}))
    }

    /// The version of a watch does not parse. A real server responds with 500 and without a reason.
    pub(super) fn unparsed_watch_version(version: &str) -> Self {
        let message = unparsed_version(version);
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
    }

    pub(super) fn unparsed_list_version(version: &str) -> Self {
        let why = unparsed_version(version);
        Self::bad_request(format!("invalid resource version: {why}"))
    }

    /// The state that a continue token refers to is expired. `next` continues with the current state.
    pub(super) fn continue_expired(next: String) -> Self {
        let message = "The provided continue parameter is too old to display a consistent list result. \
                       You can start a new list without the continue parameter, or use the continue token in this \
                       response to retrieve the remainder of the results. Continuing with the provided token results \
                       in an inconsistent list - objects that were created, modified, or deleted between the time \
                       the first chunk was returned and now may show up in the list.";
        Self {
            next: Some(next),
            ..Self::new(StatusCode::GONE, "Expired", message)
        }
    }

    pub(super) fn list_expired() -> Self {
        let message = "The resourceVersion for the provided list is too old.";
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn watch_expired(version: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {version} ({oldest})");
        Self::new(StatusCode::GONE, "Expired", message)
    }

    pub(super) fn version_ahead(version: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {version}, current: {current}");
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message).with_details(json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        }))
    }

    /// List options that contradict each other, or that the server does not support. `fields` is not empty.
    pub(super) fn invalid_options(fields: &[InvalidField]) -> Self {
        let line = |field: &InvalidField| format!("{}: {}", field.field, field.message);
        let lines: Vec<String> = fields.iter().map(line).collect();
        let lines = match lines.as_slice() {
            [line] => line.clone(),
            _ => format!("[{}]", lines.join(", ")),
        };
        let cause = |field: &InvalidField| json!({"reason": field.reason, "message": field.message, "field": field.field});
        let causes: Vec<Value> = fields.iter().map(cause).collect();
        let message = format!("ListOptions.meta.k8s.io \"\" is invalid: {lines}");
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message)
            .with_details(json!({"group": "meta.k8s.io", "kind": "ListOptions", "causes": causes}))
    }

    /// The `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "code": self.code.as_u16(),
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = details.clone();
        }
        if let Some(next) = &self.next {
            status["metadata"]["continue"] = json!(next);
        }
        status
    }
}

/// The resource with its group: `jobs.batch`, `pods`.
pub(super) fn qualified(kind: Kind) -> String {
    match (kind.resource(), kind.group()) {
        (resource, "") => resource.to_owned(),
        (resource, group) => format!("{resource}.{group}"),
    }
}

/// The details of an error about a resource.
pub(super) fn resource_details(kind: Kind) -> Value {
    match (kind.resource(), kind.group()) {
        (resource, "") => json!({"kind": resource}),
        (resource, group) => json!({"group": group, "kind": resource}),
    }
}

fn unparsed_version(version: &str) -> String {
    format!(
        "resourceVersion: Invalid value: {version:?}: strconv.ParseUint: parsing {version:?}: invalid syntax"
    )
}
