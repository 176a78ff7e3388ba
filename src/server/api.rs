//! `/api/v1/…`: the JSON API, for scripts and pages.
//!
//! It answers from the same snapshots of the store as the pages, so both agree. The names of fields are those of the metrics;
//! `docs/api.md` has the rules. The command `status` writes the same types.
//!
//! ```text
//! request ──► endpoint (path) ──► parameters (query) ──► status or store ──► entries (types with a schema) ──► answer (JSON)
//! ```
//!
//! - [`endpoint`]: which resource a path names
//! - [`parameters`]: the query: its names are those of the `OpenAPI` document, and it refuses all others
//! - [`workloads`], [`workload_page`], [`jobs`], [`cronjobs`], [`targets`], [`config`]: the resources and their types
//! - [`workload`], [`finding`], [`value`]: types that several resources share
//! - [`answer`]: the envelope, errors and headers
//! - [`document`]: the `OpenAPI` document, from the types
//!
//! Invariant: every answer is JSON that matches the document, errors included. Live answers are never cached: they change with
//! each second, so an `ETag` would never match. Only the document has one.

use http::{Method, Request, Response};

use super::{
    body::Content,
    data::PageData,
    negotiation::{self, Encoding},
};

mod answer;
mod config;
mod cronjobs;
mod document;
mod endpoint;
mod finding;
mod jobs;
mod paging;
mod parameters;
mod targets;
mod value;
mod workload;
mod workload_page;
mod workloads;

pub use finding::FindingCode;
pub use targets::TargetEntry;
pub use workload::WorkloadEntry;
pub use workloads::WorkloadCounts;

use answer::{ApiError, Body, failure, success};
use endpoint::Endpoint;

/// The path of the API. All its paths begin with this and a slash.
pub(super) const PREFIX: &str = "/api/v1";

/// Whether a path is one of the API.
pub(super) fn is_path(path: &str) -> bool {
    let rest = path.strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether the answer of this path reads the history.
pub(super) fn reads_history(path: &str) -> bool {
    let rest = path.strip_prefix(PREFIX);
    rest.is_some_and(|rest| rest.starts_with("/workloads/"))
}

/// The response to a request for a path of the API. It reads all workloads, and possibly the history, so it is not called on
/// the task of a connection.
pub(super) fn respond(request: &Request<()>, data: &dyn PageData) -> Response<Content> {
    let encoding = negotiation::encoding(request.headers());
    match find(request, data) {
        Ok(Found::Document) => document::respond(request, encoding),
        Ok(Found::Data(body)) => success(body, encoding),
        Err(error) => failure(&error, encoding),
    }
}

/// The response when too many requests are answered at once.
pub(super) fn unavailable() -> Response<Content> {
    failure(&ApiError::Unavailable, Encoding::Identity)
}

/// What a path names.
enum Found {
    Data(Body),
    Document,
}

fn find(request: &Request<()>, data: &dyn PageData) -> Result<Found, ApiError> {
    let endpoint = Endpoint::parse(request.uri().path())?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(ApiError::MethodNotAllowed);
    }
    let query = request.uri().query();
    let body = match endpoint {
        Endpoint::Workloads => Body::new(workloads::workloads(data, query)?),
        Endpoint::Workload(path) => Body::new(workload_page::workload(data, &path, query)?),
        Endpoint::Runs(path) => Body::new(workload_page::runs(data, &path, query)?),
        Endpoint::Jobs => Body::new(jobs::jobs(data, query)?),
        Endpoint::CronJobs => Body::new(cronjobs::cronjobs(data, query)?),
        Endpoint::Targets => Body::new(targets::targets(data, query)?),
        Endpoint::Config => Body::new(config::config(data, query)?),
        Endpoint::Document => {
            parameters::Parameters::parse::<parameters::NoParameters>(query)?;
            return Ok(Found::Document);
        }
    };
    Ok(Found::Data(body))
}

#[cfg(test)]
mod tests;
