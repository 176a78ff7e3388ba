//! `labels` and `label_scope`: which Kubernetes labels and annotations become metric labels, and where.
//!
//! A mapped label can never be one that its series have already: [`OWN_LABELS`] lists those of all families.

use super::{
    reader::{Node, Section},
    syntax,
};

/// The labels of the families that mapped labels are added to; none of them can be mapped.
pub const OWN_LABELS: &[&str] = &[
    "annotation",
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

/// What Prometheus adds to every series that it scrapes.
const SCRAPE_LABELS: [&str; 2] = ["job", "instance"];

/// What the origin of a label begins with when it is an annotation.
const ANNOTATION: &str = "annotation:";

/// The scopes by their names in the configuration.
const SCOPES: [(&str, LabelScope); 2] = [("info", LabelScope::Info), ("all", LabelScope::All)];

/// Metric labels that come from the objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelsConfig {
    /// By metric label, in alphabetical order.
    pub mapping: Vec<MappedLabel>,
    /// Which families have them.
    pub scope: LabelScope,
}

/// A metric label and where its value is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedLabel {
    /// The metric label: well-formed, unique, and none of [`OWN_LABELS`].
    pub label: String,
    /// What its value is.
    pub origin: Origin,
}

/// Where the value of a metric label is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The Kubernetes label with this key.
    Label(String),
    /// The annotation with this key.
    Annotation(String),
}

/// Which families have the mapped labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabelScope {
    /// The `_info` families only, to be joined in queries.
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
        scope.choice("a scope", &SCOPES)
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
        Err("is not the key of a Kubernetes label such as `app.kubernetes.io/part-of`")
    })
}

/// Reads `labels`.
fn mapping(node: &Node<'_>) -> Vec<MappedLabel> {
    let entries = node.entries().unwrap_or_default();
    let mapped = |(label, node): (&str, Node<'_>)| {
        let is_free = check_name(&node, label);
        let origin = node.parsed(origin)?;
        is_free.then(|| MappedLabel {
            label: label.to_owned(),
            origin,
        })
    };
    entries.into_iter().filter_map(mapped).collect()
}

/// Whether `label`, the key of `node`, may be a metric label of its own.
fn check_name(node: &Node<'_>, label: &str) -> bool {
    if !is_metric_label(label) {
        let suggestion = suggestion(label);
        // Only Kubernetes has such keys: the two are the wrong way round.
        let is_key = label.contains(['.', '/']) && syntax::is_label_key(label);
        node.problem_with_hint(
            "is not the name of a metric label: letters, digits and `_`, with no digit first",
            if is_key {
                format!("the metric label comes first, for example `{suggestion}: {label}`")
            } else {
                format!("choose another name, such as `{suggestion}`")
            },
        );
    } else if label.starts_with("__") {
        node.problem_with_hint(
            "begins with `__`, as only the internal labels of Prometheus do",
            format!("choose another name, such as `{}`", suggestion(label)),
        );
    } else if SCRAPE_LABELS.contains(&label) {
        node.problem_with_hint(
            "is a label that Prometheus adds to all that it scrapes",
            format!("choose another name, such as `label_{label}`"),
        );
    } else if OWN_LABELS.contains(&label) {
        node.problem_with_hint(
            "is a label that these metrics have already",
            format!("choose another name, such as `label_{label}`"),
        );
    } else {
        return true;
    }
    false
}

/// Whether `text` has the form of a metric label.
fn is_metric_label(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The metric label that comes nearest to `text`, which is none.
fn suggestion(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = text.chars().map(plain).collect();
    let name = name.trim_start_matches('_');
    if is_metric_label(name) && !OWN_LABELS.contains(&name) && !SCRAPE_LABELS.contains(&name) {
        return name.to_owned();
    }
    format!("label_{name}")
}

/// Reads a label key, or `annotation:` and the key of an annotation.
fn origin(text: &str) -> Result<Origin, &'static str> {
    match text.strip_prefix(ANNOTATION) {
        Some(key) if syntax::is_annotation_key(key) => Ok(Origin::Annotation(key.to_owned())),
        Some(_) => Err("names no annotation; write for example `annotation:example.com/owner`"),
        None if syntax::is_label_key(text) => Ok(Origin::Label(text.to_owned())),
        None => Err(
            "is not the key of a Kubernetes label such as `app.kubernetes.io/name`, or of an annotation: `annotation:KEY`",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_label_keys_or_marked_annotation_keys() {
        let label = |key: &str| Ok(Origin::Label(key.to_owned()));
        let annotation = |key: &str| Ok(Origin::Annotation(key.to_owned()));
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
            assert_eq!(origin(text), expected, "{text}");
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
            assert!(origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn metric_labels_have_the_form_that_prometheus_wants() {
        for good in ["team", "_team", "Team2", "a__b"] {
            assert!(is_metric_label(good), "{good}");
        }
        for bad in ["", "2team", "a-b", "a.b", "a:b", "é", "a b", "a\n"] {
            assert!(!is_metric_label(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_suggested_would_be_accepted() {
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
