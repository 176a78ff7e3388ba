//! Owner, labels and names of a Job → its workload.

use super::{
    interner::Interner,
    wire::{MAX_IDENTIFIER, Metadata, OwnerReference},
};
use crate::model::{Name, Uid};

/// The API group of `CronJob` and `Job`.
const BATCH: &str = "batch";

/// The `workload_type` of Jobs that a label groups.
const GROUP: &str = "group";

/// The `workload_type` of Jobs with a common `generateName`.
const GENERATED: &str = "generated";

/// The `workload_type` of a Job that is its own workload.
const JOB: &str = "job";

/// The `workload_type` of a `CronJob`.
const CRONJOB: &str = "cronjob";

/// API groups and kinds in lower case of owners whose Jobs are a run each: they start Jobs again and again, as a `CronJob` does.
/// The kind `CronJob` is one of them in every group. A Job that owns Jobs is a run itself, so its uid is taken.
const RUN_PER_JOB: [(&str, &str); 4] = [
    (BATCH, JOB),
    ("keda.sh", "scaledjob"),
    ("apps.kruise.io", "advancedcronjob"),
    ("batch.gresearch.co.uk", "controlledjob"),
];

/// The uid of the controlling owner, if all its Jobs are one run.
pub(super) fn owner_run(metadata: &Metadata<'_>) -> Option<Uid> {
    let owner = metadata.controller()?;
    // Anybody may write a longer text.
    let uid = owner.uid.as_deref();
    let uid = uid.filter(|uid| (1..=MAX_IDENTIFIER).contains(&uid.len()))?;
    let kind = owner.kind.to_lowercase();
    let run_per_job = kind == CRONJOB || RUN_PER_JOB.contains(&(group_of(owner), &kind));
    (!run_per_job).then(|| Uid::parse(uid))
}

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
    let group = group_of(owner);
    let is_ambiguous = match kind.as_str() {
        CRONJOB | JOB => group != BATCH,
        GROUP | GENERATED => true,
        _ => false,
    };
    if is_ambiguous {
        format!("{kind}.{group}")
    } else {
        kind
    }
}

/// The API group of an owner.
fn group_of<'a>(owner: &'a OwnerReference<'_>) -> &'a str {
    // The API requires `apiVersion`. Without it nothing speaks against the usual group.
    let version = owner.api_version.as_deref().unwrap_or("batch/v1");
    version.split_once('/').map_or("core", |(group, _)| group)
}

/// `metadata.generateName` without its trailing dash. `None` if nothing is left.
fn generated_prefix<'a>(metadata: &'a Metadata<'_>) -> Option<&'a str> {
    let generate_name = metadata.generate_name.as_deref()?;
    let prefix = generate_name.strip_suffix('-').unwrap_or(generate_name);
    (!prefix.is_empty()).then_some(prefix)
}

#[cfg(test)]
mod tests;
