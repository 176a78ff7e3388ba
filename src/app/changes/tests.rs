//! Which keys a new configuration changes.

use crate::config::{self, Inputs};

use super::*;

fn load(yaml: &str) -> Config {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("exporter.yaml");
    std::fs::write(&file, yaml).unwrap();
    let inputs = Inputs {
        file: Some(file),
        ..Inputs::default()
    };
    config::load(&inputs).unwrap_or_else(|error| panic!("{error}"))
}

/// The keys that are applied, and those that need a restart.
fn changed(old: &str, new: &str) -> (Vec<&'static str>, Vec<&'static str>) {
    let (_, changes) = merge(&load(old), load(new));
    (changes.applied, changes.need_restart)
}

#[test]
fn each_key_is_applied_or_needs_a_restart() {
    for (key, setting) in [
        ("sharding", "sharding: {shards: 4, shard: 2}"),
        ("labels", "labels: {team: team}"),
        ("label_scope", "label_scope: all"),
        ("workload_label", "workload_label: app"),
        ("thresholds", "thresholds: {max_duration: 1h}"),
        ("limits", "limits: {workloads: 7}"),
        (
            "overrides",
            "overrides: [{match: {workload: a}, set: {severity: page}}]",
        ),
        ("retain_deleted", "retain_deleted: 1m"),
        ("retain_workloads", "retain_workloads: 1m"),
        ("stale_after", "stale_after: 5m"),
        ("metrics", "metrics: {per_job: active}"),
        ("metrics", "metrics: {spec: false}"),
        ("events", "events: {log: true}"),
        ("log.level", "log: {level: debug}"),
        ("web.kubernetes_auth", "web: {kubernetes_auth: {}}"),
        (
            "web.authenticate_probes",
            "web: {authenticate_probes: true}",
        ),
    ] {
        assert_eq!(changed("{}", setting), (vec![key], vec![]), "{setting}");
        assert_eq!(changed(setting, "{}"), (vec![key], vec![]), "{setting}");
        assert_eq!(changed(setting, setting), (vec![], vec![]), "{setting}");
    }
    for (key, setting) in [
        ("web.listen_address", "web: {listen_address: \":1234\"}"),
        (
            "web.probe_listen_address",
            "web: {probe_listen_address: \":1234\"}",
        ),
        ("web.telemetry_path", "web: {telemetry_path: /m}"),
        ("web.external_url", "web: {external_url: 'http://host'}"),
        ("web.route_prefix", "web: {route_prefix: /jobs}"),
        ("web.max_connections", "web: {max_connections: 7}"),
        ("web.ready_grace", "web: {ready_grace: 7s}"),
        ("web.shutdown_timeout", "web: {shutdown_timeout: 7s}"),
        ("web.enable_lifecycle", "web: {enable_lifecycle: true}"),
        (
            "metrics.run_duration_buckets",
            "metrics: {run_duration_buckets: [1s]}",
        ),
        (
            "metrics.native_histograms",
            "metrics: {native_histograms: both}",
        ),
        ("history", "history: {path: /a}"),
        ("history", "history: {postgres: {url_file: /a}}"),
    ] {
        assert_eq!(changed("{}", setting), (vec![], vec![key]), "{setting}");
        assert_eq!(changed(setting, "{}"), (vec![], vec![key]), "{setting}");
        assert_eq!(changed(setting, setting), (vec![], vec![]), "{setting}");
    }
}

#[test]
fn a_history_keeps_its_file_and_takes_other_limits() {
    let old = load("history: {path: /a, runs_per_workload: 10}");
    let new = load("history: {path: /b, runs_per_workload: 20}");
    let (merged, changes) = merge(&old, new);
    assert_eq!(changes.applied, ["history"]);
    assert_eq!(changes.need_restart, ["history.path"]);
    let history = merged.history.unwrap();
    assert_eq!(history.storage, HistoryStorage::File("/a".into()));
    assert_eq!(history.runs_per_workload, 20);
}

#[test]
fn another_database_needs_a_restart() {
    let (file, database) = ("path: /a", "postgres: {url_file: /a}");
    for (from, to, keys) in [
        (
            database,
            "postgres: {url_file: /b}",
            &["history.postgres"][..],
        ),
        (
            database,
            "postgres: {url_file: /a, reader_url_file: /b}",
            &["history.postgres"],
        ),
        (
            database,
            "postgres: {url_file: /a, schema: b}",
            &["history.postgres"],
        ),
        (
            database,
            "postgres: {url_file: /a, ca_file: /b}",
            &["history.postgres"],
        ),
        (file, database, &["history.path", "history.postgres"]),
        (database, file, &["history.postgres", "history.path"]),
    ] {
        let old = load(&format!("history: {{{from}}}"));
        let new = load(&format!("history: {{{to}, max_age: 30d}}"));
        let (merged, changes) = merge(&old, new);
        assert_eq!(changes.applied, ["history"], "{to}");
        assert_eq!(changes.need_restart, keys, "{to}");
        let (merged, old) = (merged.history.unwrap(), old.history.unwrap());
        assert_eq!(merged.storage, old.storage, "{to}");
        assert_ne!(merged.max_age, old.max_age, "{to}");
    }
}

#[test]
fn what_needs_a_restart_is_said_again_at_each_reload() {
    let (old, new) = (
        load("{}"),
        "web: {listen_address: \":1234\", authenticate_probes: true}",
    );
    let (merged, first) = merge(&old, load(new));
    assert_eq!(first.applied, ["web.authenticate_probes"]);
    let (merged, second) = merge(&merged, load(new));
    assert_eq!(second.applied, Vec::<&str>::new());
    assert_eq!(second.need_restart, ["web.listen_address"]);
    assert_eq!(merged.web.listen_addresses, old.web.listen_addresses);
}

#[test]
fn changes_are_one_line_each() {
    let changes = Changes {
        added: vec!["a".to_owned()],
        removed: vec!["b".to_owned(), "c".to_owned()],
        reread: vec!["d".to_owned()],
        applied: vec!["labels", "thresholds"],
        need_restart: vec!["history.path"],
    };
    let expected = "\
targets added: a
targets removed: b, c
targets read again: d
changed: labels, thresholds
needs a restart: history.path
";
    assert_eq!(changes.to_string(), expected);
    assert_eq!(Changes::default().to_string(), "nothing changed\n");
}

#[test]
fn other_objects_are_those_of_another_api_namespace_or_selector() {
    let target = |settings: &str| {
        let config = load(&format!("targets: [{{name: a, {settings}}}]"));
        config.targets.into_iter().next().unwrap()
    };
    let base = target("label_selector: a=b");
    assert!(!selects_other_objects(&base, &base));
    assert!(!selects_other_objects(
        &base,
        &target("label_selector: a=b, controller_time_zone: Europe/Berlin")
    ));
    for other in [
        "label_selector: a=c",
        "namespaces: {include: [a]}",
        "kubernetes: {context: other}, label_selector: a=b",
        "mode: poll, label_selector: a=b",
    ] {
        assert!(selects_other_objects(&base, &target(other)), "{other}");
    }
}

#[test]
fn a_target_that_is_not_read_again_names_the_keys_that_changed_once() {
    let target = |settings: &str| {
        let config = load(&format!("targets: [{{name: a, {settings}}}]"));
        config.targets.into_iter().next().unwrap()
    };
    let base = target("mode: watch");
    let (zone, probes) = (
        target("controller_time_zone: Europe/Berlin"),
        target("poll: {probe_any: true}"),
    );
    let mut changes = Changes::default();
    for (other, keys) in [
        (&base, &[][..]),
        (&zone, &["targets[].controller_time_zone"]),
        (&probes, &["targets[].poll"]),
    ] {
        assert_eq!(applied_in_place(&base, other), keys);
        assert_eq!(applied_in_place(other, &base), keys);
        changes.add_applied(keys);
        changes.add_applied(keys);
    }
    assert_eq!(
        changes.to_string(),
        "changed: targets[].controller_time_zone, targets[].poll\n"
    );
}
