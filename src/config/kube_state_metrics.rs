//! `metrics.kube_state_metrics`: the families of kube-state-metrics and their allow-lists of labels and annotations.
//!
//! The lists are validated even when the families are disabled, so enabling them cannot fail.

use super::{
    pattern::{self, Pattern, Subject},
    reader::Node,
    syntax,
};

/// Label keys.
const LABELS: Subject = Subject {
    one: "label",
    many: "labels",
    example: "*",
    check: check_label,
};
/// Annotation keys.
const ANNOTATIONS: Subject = Subject {
    one: "annotation",
    many: "annotations",
    example: "*",
    check: check_annotation,
};

/// The settings of the kube-state-metrics families.
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

/// The keys of the labels or annotations that become metric labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList {
    /// Keys and patterns of keys; empty to allow none.
    pub keys: Vec<Pattern>,
}

impl AllowList {
    /// Whether the list allows this key.
    #[must_use]
    pub fn allows(&self, key: &str) -> bool {
        pattern::any(&self.keys, key)
    }

    /// Whether the list allows no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Reads `kube_state_metrics`. `None` means disabled.
pub(super) fn read(node: &Node<'_>) -> Option<KsmConfig> {
    let section = node.section()?;
    let enabled = section.get("enabled").map(|node| node.boolean());
    let list = |key, subject| {
        section.get(key).map_or_else(AllowList::default, |node| {
            let keys = pattern::list(&node, subject);
            if !keys.is_empty() && matches!(enabled, None | Some(Some(false))) {
                node.warn("has no effect without `enabled: true`");
            }
            AllowList { keys }
        })
    };
    let ksm = KsmConfig {
        job_labels: list("job_labels", LABELS),
        job_annotations: list("job_annotations", ANNOTATIONS),
        cronjob_labels: list("cronjob_labels", LABELS),
        cronjob_annotations: list("cronjob_annotations", ANNOTATIONS),
    };
    (enabled == Some(Some(true))).then_some(ksm)
}

/// Checks that `text` is a label key or a pattern of label keys.
fn check_label(text: &str) -> Result<(), &'static str> {
    if is_key_pattern(text) || syntax::is_label_key(text) {
        return Ok(());
    }
    Err(
        "is neither a label key such as `app.kubernetes.io/name` nor a pattern with `*` for any characters",
    )
}

/// Checks that `text` is an annotation key or a pattern of annotation keys.
fn check_annotation(text: &str) -> Result<(), &'static str> {
    if is_key_pattern(text) || syntax::is_annotation_key(text) {
        return Ok(());
    }
    Err(
        "is neither an annotation key such as `example.com/owner` nor a pattern with `*` for any characters",
    )
}

/// Whether `text` has a `*` and otherwise only characters of keys.
fn is_key_pattern(text: &str) -> bool {
    let is_valid = |c: char| c.is_ascii_alphanumeric() || "-_./*".contains(c);
    text.contains('*') && text.chars().all(is_valid)
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
    fn a_list_allows_keys_patterns_or_everything() {
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
    fn keys_follow_the_kubernetes_syntax() {
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
