//! Logs annotations that have no effect.

use crate::{
    decode::known_annotations,
    model::{Name, UNKNOWN_ANNOTATION, WorkloadId},
};

/// Logs annotations that are invalid and were not before: workload, annotation and value of each. For an annotation that is
/// not known, the value is its name.
pub(super) fn warn(target: Option<&str>, invalid: Vec<(WorkloadId, &'static str, Name)>) {
    for (workload, annotation, value) in invalid {
        let (namespace, kind, name) = (&*workload.namespace, &*workload.kind, &*workload.name);
        if annotation == UNKNOWN_ANNOTATION {
            tracing::warn!(
                target,
                namespace,
                kind,
                name,
                annotation = &*value,
                known = known_annotations(),
                "ignoring an unknown annotation"
            );
        } else {
            tracing::warn!(
                target,
                namespace,
                kind,
                name,
                annotation,
                value = &*value,
                "ignoring an invalid annotation"
            );
        }
    }
}
