//! What labels and annotations of an object are read for.
//!
//! Objects carry many, and long ones; only those are looked at that the program or its configuration has a use for.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{interner::Interner, wire::Text};
use crate::{
    config::{self, AllowList, KsmConfig, Origin},
    model::{MappedLabels, Seconds, WorkloadAnnotations},
};

/// What the annotations of this program begin with.
const PREFIX: &str = "job-status-exporter/";
/// When the run was due, in Jobs that a `CronJob` made.
const DUE: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// How the Job came to be, where that was not by its schedule.
const INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";

/// Of a value that makes no sense, as much as this many characters is told.
const TOLD: usize = 100;

/// What is wanted of labels and annotations beside what the program itself has a use for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataFilter {
    /// Where the values of the configured labels come from, in their order.
    pub mapped: Vec<Origin>,
    /// The label by whose value Jobs are grouped that do not belong to a `CronJob`.
    pub workload_label: Option<String>,
    /// What the families of kube-state-metrics show, where they are wanted.
    pub kube_state_metrics: Option<KsmConfig>,
}

/// The wanted ones of an object's labels or annotations.
#[derive(Debug, Default)]
pub(super) struct Pairs<'a>(Vec<(Cow<'a, str>, Text<'a>)>);

/// What the annotations of an object say.
#[derive(Debug, Default)]
pub(super) struct ParsedAnnotations {
    pub(super) due: Option<Seconds>,
    pub(super) manual: bool,
    pub(super) ignored: bool,
    pub(super) annotations: Option<Box<WorkloadAnnotations>>,
}

// === impl Wanted ===

impl From<&config::Config> for MetadataFilter {
    fn from(settings: &config::Config) -> Self {
        let mapping = settings.labels.mapping.iter();
        Self {
            mapped: mapping.map(|label| label.origin.clone()).collect(),
            workload_label: settings.workload_label.clone(),
            kube_state_metrics: settings.metrics.kube_state_metrics.clone(),
        }
    }
}

impl MetadataFilter {
    /// Picks the labels that there is a use for, `shown` ones included.
    pub(super) fn labels<'a>(
        &self,
        raw: Option<&'a RawValue>,
        shown: Option<&AllowList>,
    ) -> serde_json::Result<Pairs<'a>> {
        let shown = shown.filter(|list| !list.is_empty());
        let mapped = |key: &str| {
            let is = |origin: &Origin| matches!(origin, Origin::Label(label) if label == key);
            self.mapped.iter().any(is)
        };
        let grouping = |key: &str| self.workload_label.as_deref() == Some(key);
        if self.mapped.is_empty() && self.workload_label.is_none() && shown.is_none() {
            return Ok(Pairs::default());
        }
        Pairs::read(raw, &|key| {
            mapped(key) || grouping(key) || shown.is_some_and(|list| list.allows(key))
        })
    }

    /// Picks the annotations that there is a use for, `shown` ones included.
    pub(super) fn annotations<'a>(
        &self,
        raw: Option<&'a RawValue>,
        shown: Option<&AllowList>,
    ) -> serde_json::Result<Pairs<'a>> {
        let mapped = |key: &str| {
            let is = |origin: &Origin| matches!(origin, Origin::Annotation(annotation) if annotation == key);
            self.mapped.iter().any(is)
        };
        Pairs::read(raw, &|key| {
            key.starts_with(PREFIX)
                || key == DUE
                || key == INSTANTIATE
                || mapped(key)
                || shown.is_some_and(|list| list.allows(key))
        })
    }

    /// The group that an object belongs to, if it says so.
    pub(super) fn group<'l>(&self, labels: &'l Pairs<'_>) -> Option<&'l str> {
        let label = self.workload_label.as_deref()?;
        labels.get(label).filter(|group| !group.is_empty())
    }

    /// The values of the configured labels.
    pub(super) fn map(
        &self,
        labels: &Pairs<'_>,
        annotations: &Pairs<'_>,
        names: &mut Interner,
    ) -> MappedLabels {
        if self.mapped.is_empty() {
            return None;
        }
        let value = |origin: &Origin| match origin {
            Origin::Label(key) => labels.get(key),
            Origin::Annotation(key) => annotations.get(key),
        };
        let values = self
            .mapped
            .iter()
            .map(|origin| value(origin).unwrap_or_default());
        Some(names.share_all(values))
    }
}

// === impl Pairs ===

impl<'a> Pairs<'a> {
    /// Reads a map of strings; null and nothing are an empty one.
    pub(super) fn read(
        raw: Option<&'a RawValue>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> serde_json::Result<Self> {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
            return Ok(Self::default());
        };
        let mut json = serde_json::Deserializer::from_str(raw.get());
        let pairs = Filter(wanted).deserialize(&mut json)?;
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| &**value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

/// Reads the entries of a map whose keys are wanted and which are not null; the values of others are skipped unread.
struct Filter<'f>(&'f dyn Fn(&str) -> bool);

impl<'de> DeserializeSeed<'de> for Filter<'_> {
    type Value = Vec<(Cow<'de, str>, Text<'de>)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Filter<'_> {
    type Value = Vec<(Cow<'de, str>, Text<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            if !(self.0)(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = map.next_value()? {
                pairs.push((key.into_inner(), value));
            }
        }
        Ok(pairs)
    }
}

// === impl Said ===

impl ParsedAnnotations {
    /// Reads the annotations that there is a use for. What makes no sense is kept apart, so that it can be told.
    pub(super) fn of(annotations: &Pairs<'_>, names: &mut Interner) -> Self {
        let mut said = Self::default();
        let mut workload = WorkloadAnnotations::default();
        for (key, value) in annotations.iter() {
            match key {
                DUE => said.due = value.parse().ok().map(Timestamp::as_second),
                INSTANTIATE => said.manual = value == "manual",
                _ => {}
            }
            let Some(name) = key.strip_prefix(PREFIX) else {
                continue;
            };
            let mut complain = |annotation, value: &str| {
                let told: String = value.chars().take(TOLD).collect();
                workload.invalid.push((annotation, names.share(&told)));
            };
            let mut seconds = |annotation, least| {
                let seconds = config::parse_duration(value)
                    .ok()
                    .filter(|duration| duration.subsec_nanos() == 0)
                    .and_then(|duration| Seconds::try_from(duration.as_secs()).ok())
                    .filter(|seconds| *seconds >= least);
                if seconds.is_none() {
                    complain(annotation, value);
                }
                seconds
            };
            match name {
                "max-duration" => workload.max_duration = seconds("max-duration", 1),
                "max-success-age" => workload.max_success_age = seconds("max-success-age", 1),
                "start-grace" => workload.start_grace = seconds("start-grace", 0),
                "severity" => workload.severity = Some(names.share(value)),
                "runbook" => workload.runbook = Some(names.share(value)),
                "ignore" if value == "true" => said.ignored = true,
                "ignore" if value == "false" => {}
                "ignore" => complain("ignore", value),
                // A misspelt name would else be without effect and without a word.
                _ => complain("unknown", key),
            }
        }
        if workload != WorkloadAnnotations::default() {
            said.annotations = Some(Box::new(workload));
        }
        said
    }

    /// The same with what `others` say where these say nothing.
    pub(super) fn over(mut self, others: Self) -> Self {
        self.annotations = match (self.annotations, others.annotations) {
            (Some(these), Some(others)) => Some(Box::new(these.with_fallback(*others))),
            (these, others) => these.or(others),
        };
        self
    }
}

#[cfg(test)]
mod tests;
