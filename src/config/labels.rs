//! `labels` and `label_scope`: which Kubernetes labels and annotations become metric labels, and of which families.
//!
//! A mapped label must not collide with a label of the families; [`RESERVED_LABELS`] lists these.

use super::{
    reader::{Node, Section},
    syntax,
};

/// The labels that the families have themselves. They cannot be mapped.
pub const RESERVED_LABELS: &[&str] = &[
    "annotation",
    "cause",
    "completion_mode",
    "concurrency_policy",
    "cronjob",
    "job_name",
    "le",
    "managed_by",
    "namespace",
    "quantile",
    "reason",
    "result",
    "runbook",
    "schedule",
    "severity",
    "state",
    "target",
    "threshold",
    "time_zone",
    "uid",
    "workload",
    "workload_type",
];

/// The labels that Prometheus adds to every scraped series.
const SCRAPE_LABELS: [&str; 2] = ["job", "instance"];

/// The prefix of an annotation key in `labels`.
const ANNOTATION_PREFIX: &str = "annotation:";

/// The values of `label_scope`.
const SCOPES: [(&str, LabelScope); 2] = [("info", LabelScope::Info), ("all", LabelScope::All)];

/// Metric labels that are mapped from Kubernetes labels and annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsConfig {
    /// The mapped labels, sorted by metric label.
    pub mapping: Vec<MappedLabel>,
    /// The families that get the labels.
    pub scope: LabelScope,
}

impl LabelsConfig {
    /// The names of the metric labels, in the order of their values in objects.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.mapping.iter().map(|mapped| mapped.label.clone())
    }
}

/// A metric label and the source of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedLabel {
    /// The metric label: valid, unique, and not one of [`RESERVED_LABELS`].
    pub label: String,
    /// The source of its value.
    pub source: LabelSource,
}

/// The source of the value of a metric label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// The Kubernetes label with this key.
    Label(String),
    /// The annotation with this key.
    Annotation(String),
}

/// The families that get the mapped labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LabelScope {
    /// The `_info` families only; queries join them.
    #[default]
    Info,
    /// All families about Jobs, CronJobs and workloads.
    All,
}

/// Reads `labels` and `label_scope` of the root.
pub(super) fn read(root: &Section<'_>) -> LabelsConfig {
    let node = root.get("labels");
    let mapping = node.as_ref().map_or_else(Vec::new, mapping);
    let scope = root.get("label_scope").and_then(|scope| {
        if node.is_none() {
            scope.warn("has no effect without `labels`");
        }
        scope.choice(&SCOPES)
    });
    LabelsConfig {
        mapping,
        scope: scope.unwrap_or_default(),
    }
}

/// Reads `workload_label`.
pub(super) fn workload_label(node: &Node<'_>) -> Option<String> {
    node.parsed(|text| {
        if syntax::is_label_key(text) {
            return Ok(text.to_owned());
        }
        Err("is not a Kubernetes label key such as `app.kubernetes.io/part-of`")
    })
}

/// Reads `labels`.
fn mapping(node: &Node<'_>) -> Vec<MappedLabel> {
    let entries = node.entries().unwrap_or_default();
    let mapped = |(label, node): (&str, Node<'_>)| {
        let is_valid = check_name(&node, label);
        let source = node.parsed(source)?;
        is_valid.then(|| MappedLabel {
            label: label.to_owned(),
            source,
        })
    };
    entries.into_iter().filter_map(mapped).collect()
}

/// Whether `label`, the key of `node`, can be a new metric label. Reports a problem if not.
fn check_name(node: &Node<'_>, label: &str) -> bool {
    if !is_metric_label(label) {
        let suggestion = suggestion(label);
        // Only Kubernetes labels look like this: the user swapped the two sides.
        let is_swapped = label.contains(['.', '/']) && syntax::is_label_key(label);
        node.problem_with_hint(
            "is not a valid metric label: letters, digits and `_`, without a leading digit",
            if is_swapped {
                format!("the metric label comes first, for example `{suggestion}: {label}`")
            } else {
                format!("choose another name, such as `{suggestion}`")
            },
        );
    } else if label.starts_with("__") {
        node.problem_with_hint(
            "starts with `__`, which Prometheus reserves for internal labels",
            format!("choose another name, such as `{}`", suggestion(label)),
        );
    } else if SCRAPE_LABELS.contains(&label) {
        node.problem_with_hint(
            "is a label that Prometheus adds to every scraped series",
            format!("choose another name, such as `label_{label}`"),
        );
    } else if RESERVED_LABELS.contains(&label) {
        node.problem_with_hint(
            "is a label that the metrics already have",
            format!("choose another name, such as `label_{label}`"),
        );
    } else {
        return true;
    }
    false
}

/// Whether `text` is a valid metric label.
fn is_metric_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A valid metric label that resembles `text`.
fn suggestion(text: &str) -> String {
    let replace = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = text.chars().map(replace).collect();
    let name = name.trim_start_matches('_');
    if is_metric_label(name) && !RESERVED_LABELS.contains(&name) && !SCRAPE_LABELS.contains(&name) {
        return name.to_owned();
    }
    format!("label_{name}")
}

/// Parses a label key, or an annotation key after `annotation:`.
fn source(text: &str) -> Result<LabelSource, &'static str> {
    match text.strip_prefix(ANNOTATION_PREFIX) {
        Some(key) if syntax::is_annotation_key(key) => Ok(LabelSource::Annotation(key.to_owned())),
        Some(_) => Err("is not a valid annotation key; write it as `annotation:example.com/owner`"),
        None if syntax::is_label_key(text) => Ok(LabelSource::Label(text.to_owned())),
        None => Err(
            "is neither a Kubernetes label key such as `app.kubernetes.io/name` nor an annotation key such as `annotation:example.com/owner`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_label_keys_or_prefixed_annotation_keys() {
        let label = |key: &str| Ok(LabelSource::Label(key.to_owned()));
        let annotation = |key: &str| Ok(LabelSource::Annotation(key.to_owned()));
        for (text, expected) in [
            ("team", label("team")),
            ("app.kubernetes.io/name", label("app.kubernetes.io/name")),
            ("annotation", label("annotation")),
            ("annotation:team", annotation("team")),
            (
                "annotation:Example.com/onCall",
                annotation("Example.com/onCall"),
            ),
        ] {
            assert_eq!(source(text), expected, "{text}");
        }
        for bad in [
            "",
            "a b",
            "label:team",
            "annotations:team",
            "annotation:",
            "annotation: team",
            "annotation:a/b/c",
            "App.io/name",
            "*",
        ] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metric_labels_follow_the_prometheus_syntax() {
        for good in ["team", "_team", "Team2", "a__b"] {
            assert!(is_metric_label(good), "{good}");
        }
        for bad in ["", "2team", "a-b", "a.b", "a:b", "é", "a b", "a\n"] {
            assert!(!is_metric_label(bad), "{bad}");
        }
    }

    #[test]
    fn suggestions_are_valid_metric_labels() {
        for (text, suggested) in [
            ("app.kubernetes.io/name", "app_kubernetes_io_name"),
            ("__meta", "meta"),
            ("__job", "label_job"),
            ("/namespace", "label_namespace"),
            ("2nd", "label_2nd"),
            ("", "label_"),
        ] {
            assert_eq!(suggestion(text), suggested);
            assert!(is_metric_label(suggested), "{suggested}");
        }
    }
}
