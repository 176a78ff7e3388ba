//! Owner, labels and names of a Job → its workload.

use super::{
    interner::Interner,
    wire::{Metadata, OwnerReference},
};
use crate::model::Name;

/// The API group of `CronJob` and `Job`.
const BATCH: &str = "batch";

/// The `workload_type` of Jobs that a label groups.
const GROUP: &str = "group";

/// The `workload_type` of Jobs with a common `generateName`.
const GENERATED: &str = "generated";

/// The `workload_type` of a Job that is its own workload.
const JOB: &str = "job";

/// Kind and name of the workload of a Job: its controlling owner, else the `group` (label and value), else its
/// `generateName`, else the Job. The name is `None` if it is that of the Job.
pub(super) fn of_job(
    metadata: &Metadata<'_>,
    group: Option<(&str, &str)>,
    interner: &mut Interner,
) -> (Name, Option<Name>) {
    let mut workload = |source: &str, kind: &str, name: &str| {
        let kind = interner.label(source, kind);
        let name = interner.label(source, name);
        (kind, Some(name).filter(|name| **name != *metadata.name))
    };
    if let Some(owner) = metadata.controller() {
        return workload("metadata.ownerReferences", &owner_kind(owner), &owner.name);
    }
    if let Some((label, group)) = group {
        return workload(label, GROUP, group);
    }
    if let Some(prefix) = generated_prefix(metadata) {
        return workload("metadata.generateName", GENERATED, prefix);
    }
    (interner.intern(JOB), None)
}

/// The kind in lower case. The words with a meaning of their own get the API group appended if the kind is of another group.
fn owner_kind(owner: &OwnerReference<'_>) -> String {
    let kind = owner.kind.to_lowercase();
    // The API requires `apiVersion`. Without it nothing speaks against the usual group.
    let version = owner.api_version.as_deref().unwrap_or("batch/v1");
    let group = version.split_once('/').map_or("core", |(group, _)| group);
    let is_ambiguous = match kind.as_str() {
        "cronjob" | JOB => group != BATCH,
        GROUP | GENERATED => true,
        _ => false,
    };
    if is_ambiguous {
        format!("{kind}.{group}")
    } else {
        kind
    }
}

/// `metadata.generateName` without its trailing dash. `None` if nothing is left.
fn generated_prefix<'a>(metadata: &'a Metadata<'_>) -> Option<&'a str> {
    let generate_name = metadata.generate_name.as_deref()?;
    let prefix = generate_name.strip_suffix('-').unwrap_or(generate_name);
    (!prefix.is_empty()).then_some(prefix)
}

#[cfg(test)]
mod tests;
