//! The table of all keys, and suggestions for misspelt ones.
//!
//! The `reader` rejects every key that is not in the table of its file: [`KEYS`], or that of `web_file`. Tests check that each
//! key in them is read by a section and documented in `docs/configuration.md`.

/// The paths of all keys of a file, with `[]` for list items.
pub(super) type Keys = &'static [&'static str];

/// The keys of the configuration. Users choose the keys inside `labels`.
pub const KEYS: &[&str] = &[
    "web",
    "web.config_file",
    "web.listen_address",
    "web.systemd_socket",
    "web.probe_listen_address",
    "web.telemetry_path",
    "web.external_url",
    "web.route_prefix",
    "web.max_connections",
    "web.ready_grace",
    "web.shutdown_timeout",
    "web.kubernetes_auth",
    "web.kubernetes_auth.target",
    "web.kubernetes_auth.outage_grace",
    "web.authenticate_probes",
    "web.enable_lifecycle",
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
    "targets[].poll.probe_any",
    "targets[].jobs",
    "targets[].jobs[].namespace",
    "targets[].jobs[].name",
    "targets[].namespaces",
    "targets[].namespaces.include",
    "targets[].namespaces.exclude",
    "targets[].label_selector",
    "targets[].pods",
    "targets[].pods.enabled",
    "targets[].controller_time_zone",
    "sharding",
    "sharding.shards",
    "sharding.shard",
    "labels",
    "label_scope",
    "workload_label",
    "thresholds",
    "thresholds.max_duration",
    "thresholds.max_success_age",
    "thresholds.start_grace",
    "thresholds.max_failures",
    "limits",
    "limits.workloads",
    "limits.label_value_bytes",
    "limits.list_objects",
    "limits.list_pages",
    "limits.list_bytes",
    "limits.list_duration",
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
    "history.postgres",
    "history.postgres.url_file",
    "history.postgres.reader_url_file",
    "history.postgres.schema",
    "history.postgres.ca_file",
    "history.runs_per_workload",
    "history.max_age",
    "events",
    "events.log",
    "metrics",
    "metrics.cache_size",
    "metrics.per_job",
    "metrics.spec",
    "metrics.include",
    "metrics.exclude",
    "metrics.run_duration_buckets",
    "metrics.native_histograms",
    "metrics.kube_state_metrics",
    "metrics.kube_state_metrics.enabled",
    "metrics.kube_state_metrics.job_labels",
    "metrics.kube_state_metrics.job_annotations",
    "metrics.kube_state_metrics.cronjob_labels",
    "metrics.kube_state_metrics.cronjob_annotations",
    "log",
    "log.level",
];

/// A key with a higher Jaro similarity is a suggestion. clap uses the same threshold for flags.
const MIN_SIMILARITY: f64 = 0.7;

/// A key with a higher Jaro similarity is a suggestion even if another map has the very key.
const TYPO_SIMILARITY: f64 = 0.9;

/// The valid keys of the map at `path`. List indexes in `path` are ignored.
pub(super) fn children(keys: Keys, path: &str) -> impl Iterator<Item = &'static str> {
    let parent = without_indexes(path);
    keys.iter().filter_map(move |key| {
        let child = match parent.as_str() {
            "" => key,
            parent => key.strip_prefix(parent)?.strip_prefix('.')?,
        };
        (!child.contains(['.', '['])).then_some(child)
    })
}

/// Whether `path` is a key of the configuration, or an entry of `labels`. `path` has no indexes.
pub(super) fn is_known(path: &str) -> bool {
    let is_label = path
        .strip_prefix("labels.")
        .is_some_and(|label| !label.is_empty() && !label.contains('.'));
    is_label || KEYS.contains(&path)
}

/// How to fix `key`, which is unknown in the map at `path`.
pub(super) fn hint(keys: Keys, path: &str, key: &str) -> Option<String> {
    let in_other_case = || children(keys, path).find(|known| known.eq_ignore_ascii_case(key));
    // `namespace` is rather `namespaces` than the key of a job with this very name.
    nearest_typo(key, children(keys, path))
        .or_else(in_other_case)
        .map(|near| format!("did you mean `{near}`?"))
        .or_else(|| key_of_inner_map(keys, path, key))
        .or_else(|| key_of_outer_map(keys, path, key))
        .or_else(|| {
            let near = similar(key, children(keys, path))?;
            Some(format!("did you mean `{near}`?"))
        })
}

/// The hint for a key of a map inside the one at `path`, such as `interval` beside `poll`.
fn key_of_inner_map(keys: Keys, path: &str, key: &str) -> Option<String> {
    let parent = without_indexes(path);
    let inside = keys.iter().filter_map(|known| {
        let relative = match parent.as_str() {
            "" => known,
            parent => known.strip_prefix(parent)?.strip_prefix('.')?,
        };
        let (map, name) = relative.rsplit_once('.')?;
        (name == key).then_some(map)
    });
    let depth = |map: &str| map.matches('.').count();
    let least = inside.clone().map(depth).min()?;
    let maps: Vec<_> = inside.filter(|map| depth(map) == least).collect();
    let [map] = maps.as_slice() else {
        return Some(format!("it is a key of `{}`", maps.join("`, `")));
    };
    let nested = map.rsplit('.').fold(format!("{key}: …"), |inner, part| {
        match part.strip_suffix("[]") {
            Some(list) => format!("{list}: [{{{inner}}}]"),
            None => format!("{part}: {{{inner}}}"),
        }
    });
    Some(format!("it is a key of `{map}`; write `{nested}`"))
}

/// The hint for a key of a map around the one at `path`, such as `namespaces` inside `kubernetes`.
fn key_of_outer_map(keys: Keys, path: &str, key: &str) -> Option<String> {
    let mut outer = path;
    while !outer.is_empty() {
        outer = outer.rsplit_once('.').map_or("", |(outer, _)| outer);
        if children(keys, outer).any(|known| known == key) {
            let level = match outer {
                "" => "the top level".to_owned(),
                outer => format!("`{outer}`"),
            };
            return Some(format!("it is a key of {level}; check the indentation"));
        }
    }
    None
}

/// The key of `known` from which `unknown` differs in a few characters.
pub(super) fn nearest_typo<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest(unknown, known, TYPO_SIMILARITY)
}

/// The key or name of `known` that `unknown` may be meant for.
pub(super) fn similar<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest(unknown, known, MIN_SIMILARITY)
}

/// The key of `known` that is most similar to `unknown`, if its similarity is more than `least`.
fn nearest<'a>(
    unknown: &str,
    known: impl IntoIterator<Item = &'a str>,
    least: f64,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|key| (strsim::jaro(unknown, key), key))
        .filter(|(similarity, _)| *similarity > least)
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

    fn children(path: &str) -> impl Iterator<Item = &'static str> {
        super::children(KEYS, path)
    }

    fn hint(path: &str, key: &str) -> Option<String> {
        super::hint(KEYS, path, key)
    }

    #[test]
    fn children_are_the_keys_of_one_level() {
        assert_eq!(
            children("history").collect::<Vec<_>>(),
            ["path", "postgres", "runs_per_workload", "max_age"]
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
        assert_eq!(similar("labelSelector", known), Some("label_selector"));
        assert_eq!(similar("namespace", known), Some("namespaces"));
        assert_eq!(similar("proxy", known), None);
    }

    #[test]
    fn labels_are_known_whatever_their_names() {
        for (path, known) in [
            ("stale_after", true),
            ("web.listen_address", true),
            ("labels", true),
            ("labels.team", true),
            ("labels.", false),
            ("labels.a.b", false),
            ("web.listen", false),
            ("targets[].name", true),
            ("", false),
        ] {
            assert_eq!(is_known(path), known, "{path}");
        }
    }

    #[test]
    fn a_key_of_another_map_is_recognized() {
        for (path, key, expected) in [
            (
                "targets[1]",
                "kubeconfig",
                "it is a key of `kubernetes`; write `kubernetes: {kubeconfig: …}`",
            ),
            (
                "targets[0]",
                "context",
                "it is a key of `kubernetes`; write `kubernetes: {context: …}`",
            ),
            (
                "targets[0]",
                "interval",
                "it is a key of `poll`; write `poll: {interval: …}`",
            ),
            (
                "targets[0]",
                "timeout",
                "it is a key of `poll`; write `poll: {timeout: …}`",
            ),
            (
                "targets[0]",
                "concurrency",
                "it is a key of `poll`; write `poll: {concurrency: …}`",
            ),
            (
                "targets[0]",
                "iam_endpoint",
                "it is a key of `cci.auth.token`; write `cci: {auth: {token: {iam_endpoint: …}}}`",
            ),
            (
                "",
                "kubeconfig",
                "it is a key of `targets[].kubernetes`; write `targets: [{kubernetes: {kubeconfig: …}}]`",
            ),
            (
                "",
                "mode",
                "it is a key of `targets[]`; write `targets: [{mode: …}]`",
            ),
            (
                "",
                "listen_address",
                "it is a key of `web`; write `web: {listen_address: …}`",
            ),
            (
                "overrides[3]",
                "severity",
                "it is a key of `set`; write `set: {severity: …}`",
            ),
            (
                "targets[0].cci",
                "project_id",
                "it is a key of `auth.token`, `auth.aksk`, `auth.ecs_agency`",
            ),
            (
                "targets[2].kubernetes",
                "namespaces",
                "it is a key of `targets[2]`; check the indentation",
            ),
            (
                "targets[2].jobs[0]",
                "mode",
                "it is a key of `targets[2]`; check the indentation",
            ),
            (
                "web",
                "stale_after",
                "it is a key of the top level; check the indentation",
            ),
            ("targets[0]", "namespace", "did you mean `namespaces`?"),
            ("targets[0]", "MODE", "did you mean `mode`?"),
            ("overrides[0].match", "name", "did you mean `namespace`?"),
        ] {
            assert_eq!(hint(path, key).as_deref(), Some(expected), "{path} {key}");
        }
        assert_eq!(hint("targets[0]", "proxy"), None);
    }
}
