//! The Job of a pod: its controlling owner, or what its labels say.

use crate::{
    decode::{
        string_map::StringMap,
        wire::{PodMetadata, PodOwner},
    },
    model::{JobName, Uid},
};

/// The labels with the name of the Job. Servers before 1.27 set only the second one.
///
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#batch-kubernetes-io-job-name>
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];

/// The labels with the uid of the Job.
const UID_LABELS: [&str; 2] = ["batch.kubernetes.io/controller-uid", "controller-uid"];

/// The name and uid of the Job.
///
/// A pod without a controlling owner may have lost its Job, which was deleted without its pods. The labels still say which one
/// it was. A controlling owner of another kind is never overruled: other controllers use similar labels.
pub(super) fn of_pod(metadata: &PodMetadata<'_>) -> serde_json::Result<Option<(JobName, Uid)>> {
    let mut owners = metadata.owner_references.iter().flatten();
    match owners.find(|owner| owner.controller == Some(true)) {
        Some(owner) if !is_job(owner) => Ok(None),
        Some(owner) => match job(owner.name.as_deref(), owner.uid.as_deref()) {
            Some(job) => Ok(Some(job)),
            None => of_labels(metadata),
        },
        None => of_labels(metadata),
    }
}

/// The API requires `apiVersion`. Without it nothing speaks against the usual group.
fn is_job(owner: &PodOwner<'_>) -> bool {
    let version = owner.api_version.as_deref().unwrap_or("batch/v1");
    owner.kind.as_deref() == Some("Job") && version.starts_with("batch/")
}

fn of_labels(metadata: &PodMetadata<'_>) -> serde_json::Result<Option<(JobName, Uid)>> {
    let is_known = |key: &str| NAME_LABELS.contains(&key) || UID_LABELS.contains(&key);
    let labels = StringMap::read(metadata.labels, &is_known)?;
    let first = |keys: [&str; 2]| keys.into_iter().find_map(|key| labels.get(key));
    Ok(job(first(NAME_LABELS), first(UID_LABELS)))
}

/// `None` if a part is missing: another Job may have the same name, and a uid alone cannot be shown.
fn job(name: Option<&str>, uid: Option<&str>) -> Option<(JobName, Uid)> {
    let name = name.filter(|name| !name.is_empty())?;
    let uid = uid.filter(|uid| !uid.is_empty())?;
    Some((JobName::from(name), Uid::parse(uid)))
}
