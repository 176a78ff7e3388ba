//! Which resource a path names.
//!
//! A path is split at its slashes before it is decoded: `%2F` is part of a name. The document has the same paths.

use percent_encoding::percent_decode_str;

use super::{
    PREFIX,
    answer::{ApiError, quoted},
};
use crate::{model::WorkloadId, status::UNNAMED_TARGET};

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

/// A workload, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WorkloadPath {
    /// The name of the target; [`UNNAMED_TARGET`] for the unnamed one.
    pub(super) target: String,
    pub(super) id: WorkloadId,
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
                Self::Workload(WorkloadPath::decode([target, namespace, kind, name])?)
            }
            ["workloads", target, namespace, kind, name, "runs"] => {
                Self::Runs(WorkloadPath::decode([target, namespace, kind, name])?)
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

impl WorkloadPath {
    fn decode(segments: [&str; 4]) -> Result<Self, ApiError> {
        let mut decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8());
        let [target, namespace, kind, name] = &mut decoded;
        let (Ok(target), Ok(namespace), Ok(kind), Ok(name)) = (target, namespace, kind, name)
        else {
            let path = quoted(&segments.join("/"));
            return Err(ApiError::BadData(format!("the path {path} is not UTF-8")));
        };
        Ok(Self {
            target: target.to_string(),
            id: WorkloadId {
                namespace: (&**namespace).into(),
                kind: (&**kind).into(),
                name: (&**name).into(),
            },
        })
    }

    /// Whether this names a workload of a target.
    pub(super) fn is_of(&self, target: Option<&str>) -> bool {
        target.unwrap_or(UNNAMED_TARGET) == self.target
    }

    /// The error for a workload that does not exist.
    pub(super) fn not_found(&self) -> ApiError {
        let id = &self.id;
        let path = [&*self.target, &*id.namespace, &*id.kind, &*id.name].join("/");
        ApiError::NotFound(format!("there is no workload {}", quoted(&path)))
    }
}

#[cfg(test)]
mod tests;
