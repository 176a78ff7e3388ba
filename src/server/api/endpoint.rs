//! Which resource a path names.
//!
//! A path is split at its slashes before it is decoded: `%2F` is part of a name. The document has the same paths.

use super::{
    PREFIX,
    answer::{ApiError, quoted},
};
use crate::server::workload_path::WorkloadPath;

/// A resource of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint {
    Workloads,
    Workload(WorkloadPath),
    Runs(WorkloadPath),
    Jobs,
    CronJobs,
    Targets,
    Config,
    Document,
}

impl Endpoint {
    /// The resource of a path that begins with [`PREFIX`].
    pub(super) fn parse(path: &str) -> Result<Self, ApiError> {
        let unknown = || {
            let path = quoted(path);
            ApiError::NotFound(format!(
                "there is no {path}: {PREFIX}/openapi.json has all paths"
            ))
        };
        let rest = path.strip_prefix(PREFIX).ok_or_else(unknown)?;
        let rest = rest.strip_prefix('/').ok_or_else(unknown)?;
        let segments: Vec<_> = rest.split('/').collect();
        Ok(match segments[..] {
            ["workloads"] => Self::Workloads,
            ["workloads", target, namespace, kind, name] => {
                Self::Workload(decode([target, namespace, kind, name])?)
            }
            ["workloads", target, namespace, kind, name, "runs"] => {
                Self::Runs(decode([target, namespace, kind, name])?)
            }
            ["jobs"] => Self::Jobs,
            ["cronjobs"] => Self::CronJobs,
            ["targets"] => Self::Targets,
            ["config"] => Self::Config,
            ["openapi.json"] => Self::Document,
            _ => return Err(unknown()),
        })
    }
}

/// The workload that four segments name.
fn decode(segments: [&str; 4]) -> Result<WorkloadPath, ApiError> {
    WorkloadPath::decode(segments).ok_or_else(|| {
        let path = quoted(&segments.join("/"));
        ApiError::BadData(format!("the path {path} is not UTF-8"))
    })
}

/// The error for a workload that does not exist.
pub(super) fn not_found(path: &WorkloadPath) -> ApiError {
    let id = &path.id;
    let path = [&*path.target, &*id.namespace, &*id.kind, &*id.name].join("/");
    ApiError::NotFound(format!("there is no workload {}", quoted(&path)))
}

#[cfg(test)]
mod tests;
