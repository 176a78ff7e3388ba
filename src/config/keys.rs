//! The table of all keys, and suggestions for misspelt ones.
//!
//! The `reader` rejects every key that is not in the table. Tests check that each key in it is read by a section and
//! documented in `docs/configuration.md`.

/// The paths of all keys, with `[]` for list items. Users choose the keys inside `labels`.
pub const KEYS: &[&str] = &[
    "web",
    "web.listen_address",
    "web.telemetry_path",
    "web.max_connections",
    "web.ready_grace",
    "web.shutdown_timeout",
    "targets",
    "targets[].name",
    "targets[].kubernetes",
    "targets[].kubernetes.kubeconfig",
    "targets[].kubernetes.context",
    "targets[].cci",
    "targets[].cci.endpoint",
    "targets[].cci.ca_file",
    "targets[].cci.auth",
    "targets[].cci.auth.token",
    "targets[].cci.auth.token.iam_endpoint",
    "targets[].cci.auth.token.domain",
    "targets[].cci.auth.token.username",
    "targets[].cci.auth.token.password_file",
    "targets[].cci.auth.token.project",
    "targets[].cci.auth.token.project_id",
    "targets[].cci.auth.token.agency",
    "targets[].cci.auth.token.agency.domain",
    "targets[].cci.auth.token.agency.name",
    "targets[].cci.auth.token.token_header",
    "targets[].cci.auth.aksk",
    "targets[].cci.auth.aksk.access_key",
    "targets[].cci.auth.aksk.access_key_file",
    "targets[].cci.auth.aksk.secret_key_file",
    "targets[].cci.auth.aksk.project_id",
    "targets[].cci.auth.aksk.security_token_file",
    "targets[].cci.auth.ecs_agency",
    "targets[].cci.auth.ecs_agency.project_id",
    "targets[].mode",
    "targets[].poll",
    "targets[].poll.interval",
    "targets[].poll.timeout",
    "targets[].poll.concurrency",
    "targets[].poll.requests_per_second",
    "targets[].poll.by_list",
    "targets[].jobs",
    "targets[].jobs[].namespace",
    "targets[].jobs[].name",
    "targets[].namespaces",
    "targets[].namespaces.include",
    "targets[].namespaces.exclude",
    "targets[].label_selector",
    "targets[].controller_time_zone",
    "labels",
    "label_scope",
    "workload_label",
    "thresholds",
    "thresholds.max_duration",
    "thresholds.max_success_age",
    "thresholds.start_grace",
    "thresholds.max_failures",
    "overrides",
    "overrides[].match",
    "overrides[].match.target",
    "overrides[].match.namespace",
    "overrides[].match.workload_type",
    "overrides[].match.workload",
    "overrides[].set",
    "overrides[].set.max_duration",
    "overrides[].set.max_success_age",
    "overrides[].set.start_grace",
    "overrides[].set.max_failures",
    "overrides[].set.severity",
    "overrides[].set.runbook",
    "overrides[].set.ignore",
    "retain_deleted",
    "retain_workloads",
    "stale_after",
    "history",
    "history.path",
    "history.runs_per_workload",
    "history.max_age",
    "metrics",
    "metrics.per_job",
    "metrics.include",
    "metrics.exclude",
    "metrics.run_duration_buckets",
    "metrics.kube_state_metrics",
    "metrics.kube_state_metrics.enabled",
    "metrics.kube_state_metrics.job_labels",
    "metrics.kube_state_metrics.job_annotations",
    "metrics.kube_state_metrics.cronjob_labels",
    "metrics.kube_state_metrics.cronjob_annotations",
];

/// A key with a higher Jaro similarity is a suggestion. clap uses the same threshold for flags.
const MIN_SIMILARITY: f64 = 0.7;

/// The valid keys of the map at `path`. List indexes in `path` are ignored.
pub(super) fn children(path: &str) -> impl Iterator<Item = &'static str> {
    let parent = without_indexes(path);
    KEYS.iter().filter_map(move |key| {
        let child = match parent.as_str() {
            "" => key,
            parent => key.strip_prefix(parent)?.strip_prefix('.')?,
        };
        (!child.contains(['.', '['])).then_some(child)
    })
}

/// The key of `known` that is most similar to `unknown`, if one is similar enough.
pub(super) fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|key| (strsim::jaro(unknown, key), key))
        .filter(|(similarity, _)| *similarity > MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, key)| key)
}

/// `targets[3].jobs[0]` as `targets[].jobs[]`.
fn without_indexes(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|&c| {
            inside = (inside || c == '[') && c != ']';
            !inside || c == '['
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_the_keys_of_one_level() {
        assert_eq!(
            children("history").collect::<Vec<_>>(),
            ["path", "runs_per_workload", "max_age"]
        );
        let root: Vec<_> = children("").collect();
        assert_eq!(root[..2], ["web", "targets"]);
        assert!(root.iter().all(|key| !key.contains(['.', '['])), "{root:?}");
        assert_eq!(
            children("targets[12].jobs[3]").collect::<Vec<_>>(),
            ["namespace", "name"]
        );
        assert_eq!(children("stale_after").count(), 0);
    }

    #[test]
    fn only_a_similar_key_is_suggested() {
        let known = ["label_selector", "namespaces", "name"];
        assert_eq!(nearest("labelSelector", known), Some("label_selector"));
        assert_eq!(nearest("namespace", known), Some("namespaces"));
        assert_eq!(nearest("proxy", known), None);
    }
}
