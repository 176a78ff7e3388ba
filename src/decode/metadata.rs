//! Which labels and annotations of an object are kept.
//!
//! Objects carry many labels and annotations, some of them long. The filter keeps those that the configuration uses and
//! those that [`super::annotations`] parses; the rest is skipped without a copy.

use serde_json::value::RawValue;

use super::{annotations, interner::Interner, string_map::StringMap};
use crate::{
    config::{AllowList, Config, KsmConfig, LabelSource},
    model::MappedLabels,
};

/// The labels and annotations that the configuration uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataFilter {
    /// The sources of the mapped metric labels, in the order of [`MappedLabels`].
    pub mapped_labels: Vec<LabelSource>,
    /// The label whose value groups Jobs without a controlling owner.
    pub workload_label: Option<String>,
    /// The labels and annotations of the kube-state-metrics families; `None` when these are disabled.
    pub kube_state_metrics: Option<KsmConfig>,
}

impl MetadataFilter {
    /// Returns the filter for `config`.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let mapping = config.labels.mapping.iter();
        Self {
            mapped_labels: mapping.map(|mapped| mapped.source.clone()).collect(),
            workload_label: config.workload_label.clone(),
            kube_state_metrics: config.metrics.kube_state_metrics.clone(),
        }
    }

    pub(super) fn job_labels<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.labels(raw, ksm.map(|ksm| &ksm.job_labels))
    }

    pub(super) fn cronjob_labels<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.labels(raw, ksm.map(|ksm| &ksm.cronjob_labels))
    }

    pub(super) fn job_annotations<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.annotations(raw, ksm.map(|ksm| &ksm.job_annotations))
    }

    pub(super) fn cronjob_annotations<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.annotations(raw, ksm.map(|ksm| &ksm.cronjob_annotations))
    }

    /// Reads the labels of a job template, which have no kube-state-metrics family.
    pub(super) fn template_labels<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        self.labels(raw, None)
    }

    /// Reads the annotations of a job template, which have no kube-state-metrics family.
    pub(super) fn template_annotations<'a>(
        &self,
        raw: Option<&'a RawValue>,
    ) -> serde_json::Result<StringMap<'a>> {
        self.annotations(raw, None)
    }

    /// Reads the mapped labels, the workload label, and the labels that `allowed` selects.
    fn labels<'a>(
        &self,
        raw: Option<&'a RawValue>,
        allowed: Option<&AllowList>,
    ) -> serde_json::Result<StringMap<'a>> {
        let allowed = allowed.filter(|list| !list.is_empty());
        let is_mapped = |key: &str| {
            let is_key =
                |source: &LabelSource| matches!(source, LabelSource::Label(label) if label == key);
            self.mapped_labels.iter().any(is_key)
        };
        let is_workload_label = |key: &str| self.workload_label.as_deref() == Some(key);
        if self.mapped_labels.is_empty() && self.workload_label.is_none() && allowed.is_none() {
            return Ok(StringMap::default());
        }
        StringMap::read(raw, &|key| {
            is_mapped(key) || is_workload_label(key) || allowed.is_some_and(|list| list.allows(key))
        })
    }

    /// Reads the parsed annotations, the mapped ones, and those that `allowed` selects.
    fn annotations<'a>(
        &self,
        raw: Option<&'a RawValue>,
        allowed: Option<&AllowList>,
    ) -> serde_json::Result<StringMap<'a>> {
        let is_mapped = |key: &str| {
            let is_key = |source: &LabelSource| matches!(source, LabelSource::Annotation(annotation) if annotation == key);
            self.mapped_labels.iter().any(is_key)
        };
        StringMap::read(raw, &|key| {
            annotations::is_parsed(key)
                || is_mapped(key)
                || allowed.is_some_and(|list| list.allows(key))
        })
    }

    /// The value of the workload label, unless it is absent or empty.
    pub(super) fn workload_group<'l>(&self, labels: &'l StringMap<'_>) -> Option<&'l str> {
        let label = self.workload_label.as_deref()?;
        labels.get(label).filter(|group| !group.is_empty())
    }

    /// The values of the mapped metric labels, each from the first of `sources` that has it: pairs of labels and annotations.
    /// Absent values are empty strings.
    pub(super) fn mapped_labels(
        &self,
        sources: &[(&StringMap<'_>, &StringMap<'_>)],
        interner: &mut Interner,
    ) -> MappedLabels {
        if self.mapped_labels.is_empty() {
            return None;
        }
        let value = |source: &LabelSource| {
            sources
                .iter()
                .filter_map(|(labels, annotations)| match source {
                    LabelSource::Label(key) => labels.get(key),
                    LabelSource::Annotation(key) => annotations.get(key),
                })
                .find(|value| !value.is_empty())
        };
        let values = self
            .mapped_labels
            .iter()
            .map(|source| value(source).unwrap_or_default());
        Some(interner.intern_list(values))
    }
}

#[cfg(test)]
mod tests;
