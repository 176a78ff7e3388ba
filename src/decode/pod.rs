//! A Pod object → [`Pod`].
//!
//! | module | role |
//! |---|---|
//! | `job` | the Job of a pod |
//! | `status` | the parts of a pod that its state follows from |
//! | `cause` | why a pod failed, and why its containers were restarted |
//! | `wait` | why a pod that has not finished does not work |

mod cause;
mod job;
mod status;
mod wait;

use self::status::Status;
use super::{
    interner::Interner,
    wire::{PodObject, check_pod_type},
};
use crate::model::{JobName, Pod, PodState, Uid};

/// Makes the record of `object`. `None` if no Job controls it.
pub(super) fn decode(
    object: PodObject<'_>,
    interner: &mut Interner,
) -> serde_json::Result<Option<Pod>> {
    let PodObject {
        kind,
        api_version,
        metadata,
        spec,
        status,
    } = object;
    check_pod_type(kind.as_ref(), api_version.as_ref())?;
    let Some((job_name, job_uid)) = job::of_pod(&metadata)? else {
        return Ok(None);
    };
    let (spec, api_status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let status = Status::new(&metadata, &spec, &api_status);
    let last_restart = cause::last_restart(&status);
    let restarted_code = last_restart.map(|ending| ending.code);
    let (state, since, exit_code) = match status.phase {
        "Succeeded" => (PodState::Succeeded, None, restarted_code),
        "Failed" => {
            let failure = cause::failure(&status);
            let state = PodState::Failed(failure.cause);
            (state, failure.since, failure.exit_code)
        }
        _ => match wait::reason(&status) {
            Some((reason, since)) => (PodState::Waiting(reason), since, restarted_code),
            None => (PodState::Running, None, restarted_code),
        },
    };
    Ok(Some(Pod {
        namespace: interner.intern(&metadata.namespace),
        name: JobName::from(&*metadata.name),
        uid: Uid::parse(metadata.uid.as_deref().unwrap_or_default()),
        job_name,
        job_uid,
        state,
        since: since.into(),
        exit_code,
        restarts: status.restarts(),
        retried: last_restart.and_then(|ending| ending.cause()),
    }))
}

#[cfg(test)]
mod tests;
