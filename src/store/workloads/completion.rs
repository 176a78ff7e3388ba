//! What the store adds to Jobs before it compares them with those that are known.

use super::{Workloads, jobs::workload_key};
use crate::{
    model::{Job, MappedLabels, WorkloadAnnotations},
    store::objects::Key,
};

impl Workloads {
    /// Sets what the API does not know of a Job: the labels of its `CronJob`, and whether the configuration ignores it.
    pub(in crate::store) fn complete_job(&self, job: &mut Job) {
        self.inherit_labels(job);
        job.ignored |= self.is_ignored(workload_key(job), job.annotations());
    }

    /// Whether the configuration ignores a workload, and the annotations of the object do not say otherwise.
    pub(super) fn is_ignored(
        &self,
        (kind, namespace, name): Key<'_>,
        annotations: Option<&WorkloadAnnotations>,
    ) -> bool {
        let annotated = annotations.and_then(|annotations| annotations.ignore);
        let overrides = &self.settings.overrides;
        annotated.is_none() && overrides.ignores(self.target.as_deref(), namespace, kind, name)
    }

    /// Sets the labels that a Job inherits from its `CronJob`.
    fn inherit_labels(&self, job: &mut Job) {
        job.merged_labels = self.merged_labels(job, &job.template.labels);
    }

    /// The labels of a Job that has these of its `own`, with those of its `CronJob` where it has none; `None` if it inherits
    /// nothing.
    pub(in crate::store) fn merged_labels(&self, job: &Job, own: &MappedLabels) -> MappedLabels {
        let own = own.as_ref()?;
        let workload = self.find_of(job);
        let workload = workload.and_then(|slot| self.records.get(slot))?;
        let inherited = workload.inherited_labels.as_ref()?;
        if own.iter().all(|value| value.is_empty()) {
            return Some(inherited.clone());
        }
        if own.iter().all(|value| !value.is_empty()) {
            return None;
        }
        let merged = own.iter().zip(inherited.iter());
        let merged = merged.map(|(own, inherited)| {
            let value = if own.is_empty() { inherited } else { own };
            value.clone()
        });
        Some(merged.collect())
    }
}
