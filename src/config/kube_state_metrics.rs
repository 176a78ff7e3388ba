//! `metrics.kube_state_metrics`: the families of kube-state-metrics, and which labels and annotations they show.
//!
//! The lists are checked even where the families are off, so that switching them on brings no surprise.

use super::{
    pattern::{self, Pattern, Subject},
    reader::Node,
    syntax,
};

/// What the patterns of the lists of labels are about.
const LABELS: Subject = Subject {
    one: "label",
    many: "labels",
    purpose: "show",
    example: "*",
    check: check_label,
};
/// What the patterns of the lists of annotations are about.
const ANNOTATIONS: Subject = Subject {
    one: "annotation",
    many: "annotations",
    purpose: "show",
    example: "*",
    check: check_annotation,
};

/// The families of kube-state-metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KsmConfig {
    /// The labels in `kube_job_labels`.
    pub job_labels: AllowList,
    /// The annotations in `kube_job_annotations`.
    pub job_annotations: AllowList,
    /// The labels in `kube_cronjob_labels`.
    pub cronjob_labels: AllowList,
    /// The annotations in `kube_cronjob_annotations`.
    pub cronjob_annotations: AllowList,
}

/// The keys of labels or annotations that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    /// Names and patterns; with none of them nothing is shown.
    pub keys: Vec<Pattern>,
}

impl AllowList {
    /// Whether the label or annotation with this key is shown.
    #[must_use]
    pub fn allows(&self, key: &str) -> bool {
        pattern::any(&self.keys, key)
    }

    /// Whether nothing is shown.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Reads `kube_state_metrics`. `None` unless it is enabled.
pub(super) fn read(node: &Node<'_>) -> Option<KsmConfig> {
    let section = node.section()?;
    let enabled = section.get("enabled").map(|node| node.switch());
    let list = |key, subject| {
        section.get(key).map_or_else(AllowList::default, |node| {
            let keys = pattern::list(&node, subject);
            if !keys.is_empty() && matches!(enabled, None | Some(Some(false))) {
                node.warn("has no effect without `enabled: true`");
            }
            AllowList { keys }
        })
    };
    let families = KsmConfig {
        job_labels: list("job_labels", LABELS),
        job_annotations: list("job_annotations", ANNOTATIONS),
        cronjob_labels: list("cronjob_labels", LABELS),
        cronjob_annotations: list("cronjob_annotations", ANNOTATIONS),
    };
    (enabled == Some(Some(true))).then_some(families)
}

/// Whether `text` is a label key or a pattern of such keys.
fn check_label(text: &str) -> Result<(), &'static str> {
    if is_key_pattern(text) || syntax::is_label_key(text) {
        return Ok(());
    }
    Err("is not the key of a label such as `app.kubernetes.io/name`, with `*` for any characters")
}

/// Whether `text` is an annotation key or a pattern of such keys.
fn check_annotation(text: &str) -> Result<(), &'static str> {
    if is_key_pattern(text) || syntax::is_annotation_key(text) {
        return Ok(());
    }
    Err("is not the key of an annotation such as `example.com/owner`, with `*` for any characters")
}

/// Whether `text` has a `*` among characters of keys.
fn is_key_pattern(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
    text.contains('*') && text.chars().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow_list(keys: &[&str]) -> AllowList {
        AllowList {
            keys: keys.iter().copied().map(Pattern::from).collect(),
        }
    }

    #[test]
    fn lists_allow_names_patterns_and_all() {
        for (keys, key, allowed) in [
            ([].as_slice(), "team", false),
            (&["team"], "team", true),
            (&["team"], "team2", false),
            (&["*"], "app.kubernetes.io/name", true),
            (
                &["app", "app.kubernetes.io/*"],
                "app.kubernetes.io/name",
                true,
            ),
            (
                &["app", "app.kubernetes.io/*"],
                "batch.kubernetes.io/job-name",
                false,
            ),
        ] {
            assert_eq!(allow_list(keys).allows(key), allowed, "{keys:?} {key}");
            assert_eq!(allow_list(keys).is_empty(), keys.is_empty(), "{keys:?}");
        }
    }

    #[test]
    fn keys_are_those_of_kubernetes() {
        for good in ["team", "*", "app.kubernetes.io/*", "*/name"] {
            assert!(check_label(good).is_ok(), "{good}");
            assert!(check_annotation(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b/c", "[*]", "app=*", "-a"] {
            assert!(check_label(bad).is_err(), "{bad}");
            assert!(check_annotation(bad).is_err(), "{bad}");
        }
        assert!(check_label("Example.com/owner").is_err());
        assert!(check_annotation("Example.com/owner").is_ok());
    }
}
