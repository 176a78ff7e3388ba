//! Which labels and annotations of an object are kept.
//!
//! Objects carry many labels and annotations, some of them long. The filter keeps those that the configuration uses and
//! those that [`super::annotations`] parses; the rest is skipped without a copy.

use std::cell::Cell;

use super::{annotations, interner::Interner, ksm::MAX_VALUE, string_map::StringMap, wire::RawMap};
use crate::{
    config::{AllowList, Config, KsmConfig, LabelSource},
    model::{MAX_EVALUATED_SCHEDULE, MAX_INVALID, MappedLabels},
};

/// The labels and annotations that the configuration uses, and how long their values may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataFilter {
    /// The sources of the mapped metric labels, in the order of [`MappedLabels`].
    pub mapped_labels: Vec<LabelSource>,
    /// The label whose value groups Jobs without a controlling owner.
    pub workload_label: Option<String>,
    /// The labels and annotations of the kube-state-metrics families; `None` when these are disabled.
    pub kube_state_metrics: Option<KsmConfig>,
    /// The longest label value in bytes. Longer ones are cut.
    pub label_value_bytes: usize,
}

impl Default for MetadataFilter {
    /// The filter of an empty configuration.
    fn default() -> Self {
        Self::from_config(&Config::default())
    }
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
            label_value_bytes: config.limits.label_value_bytes,
        }
    }

    /// The longest schedule that is kept, in bytes. One that is cut stays too long to be evaluated.
    pub(super) fn max_schedule(&self) -> usize {
        match self.kube_state_metrics {
            Some(_) => MAX_VALUE,
            None => 2 * MAX_EVALUATED_SCHEDULE,
        }
    }

    pub(super) fn job_labels<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.labels(raw, ksm.map(|ksm| &ksm.job_labels))
    }

    pub(super) fn cronjob_labels<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.labels(raw, ksm.map(|ksm| &ksm.cronjob_labels))
    }

    pub(super) fn job_annotations<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.annotations(raw, ksm.map(|ksm| &ksm.job_annotations))
    }

    pub(super) fn cronjob_annotations<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        let ksm = self.kube_state_metrics.as_ref();
        self.annotations(raw, ksm.map(|ksm| &ksm.cronjob_annotations))
    }

    /// Reads the labels of a job template, which have no kube-state-metrics family.
    pub(super) fn template_labels<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        self.labels(raw, None)
    }

    /// Reads the annotations of a job template, which have no kube-state-metrics family.
    pub(super) fn template_annotations<'a>(
        &self,
        raw: Option<RawMap<'a>>,
    ) -> serde_json::Result<StringMap<'a>> {
        self.annotations(raw, None)
    }

    /// Reads the mapped labels, the workload label, and the labels that `allowed` selects.
    fn labels<'a>(
        &self,
        raw: Option<RawMap<'a>>,
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

    /// Reads the known annotations, the mapped ones, those that `allowed` selects, and some unknown ones that are reported.
    fn annotations<'a>(
        &self,
        raw: Option<RawMap<'a>>,
        allowed: Option<&AllowList>,
    ) -> serde_json::Result<StringMap<'a>> {
        let is_mapped = |key: &str| {
            let is_key = |source: &LabelSource| matches!(source, LabelSource::Annotation(annotation) if annotation == key);
            self.mapped_labels.iter().any(is_key)
        };
        let unknown_left = Cell::new(MAX_INVALID);
        let is_reported = |key: &str| {
            let left = unknown_left.get();
            let reported = left > 0 && annotations::has_prefix(key);
            unknown_left.set(left - usize::from(reported));
            reported
        };
        StringMap::read(raw, &|key| {
            annotations::is_known(key)
                || is_mapped(key)
                || allowed.is_some_and(|list| list.allows(key))
                || is_reported(key)
        })
    }

    /// The workload label and its value, unless it is absent or empty.
    pub(super) fn workload_group<'l>(
        &'l self,
        labels: &'l StringMap<'_>,
    ) -> Option<(&'l str, &'l str)> {
        let label = self.workload_label.as_deref()?;
        let group = labels.get(label).filter(|group| !group.is_empty())?;
        Some((label, group))
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
            let (key, value) = sources
                .iter()
                .filter_map(|(labels, annotations)| match source {
                    LabelSource::Label(key) => Some((key.as_str(), labels.get(key)?)),
                    LabelSource::Annotation(key) => Some((key.as_str(), annotations.get(key)?)),
                })
                .find(|(_, value)| !value.is_empty())
                .unwrap_or_default();
            interner.label(key, value)
        };
        let values = self.mapped_labels.iter().map(value).collect();
        Some(interner.intern_list(values))
    }
}

#[cfg(test)]
mod tests;
