//! Labels, thresholds, history and families.

use super::*;

/// Sets every key about series.
const SERIES: &str = r#"
        sharding: {shards: 4, shard: 3}
        labels: {team: team, owner: "annotation:example.com/owner", app: app.kubernetes.io/name}
        label_scope: all
        workload_label: app.kubernetes.io/part-of
        thresholds: {max_duration: 6h, max_success_age: 1d, start_grace: 2m, max_failures: 3}
        retain_workloads: 0s
        history: {path: history.redb, runs_per_workload: 10000, max_age: 1h}
        events: {log: true}
        metrics:
          per_job: none
          spec: false
          include: [batch_*, kube_*]
          exclude: [batch_job_*]
          run_duration_buckets: [100ms, 1s, 1m30s]
          cache_size: 64MiB
          native_histograms: only
          kube_state_metrics:
            enabled: true
            job_labels: ["*"]
            job_annotations: [example.com/owner]
            cronjob_labels: [app.kubernetes.io/*, team]
            cronjob_annotations: []
    "#;

#[test]
fn all_settings_of_series_are_loaded() {
    let (config, directory) = load_all(SERIES, &[], Flags::default());
    let mapped = |label: &str, source| MappedLabel {
        label: label.to_owned(),
        source,
    };
    let keys = |keys: &[&str]| AllowList { keys: named(keys) };
    let expected = Config {
        sharding: Shard::new(3, 4),
        labels: LabelsConfig {
            mapping: vec![
                mapped(
                    "app",
                    LabelSource::Label("app.kubernetes.io/name".to_owned()),
                ),
                mapped(
                    "owner",
                    LabelSource::Annotation("example.com/owner".to_owned()),
                ),
                mapped("team", LabelSource::Label("team".to_owned())),
            ],
            scope: LabelScope::All,
        },
        workload_label: Some("app.kubernetes.io/part-of".to_owned()),
        thresholds: ThresholdsConfig {
            max_duration: Some(Duration::from_hours(6)),
            max_success_age: Some(Duration::from_hours(24)),
            start_grace: Duration::from_mins(2),
            max_failures: 3,
        },
        retain_workloads: Duration::ZERO,
        history: Some(HistoryConfig {
            storage: HistoryStorage::File(directory.join("history.redb")),
            runs_per_workload: 10_000,
            max_age: Duration::from_hours(1),
        }),
        events: EventsConfig { log: true },
        metrics: MetricsConfig {
            per_job: PerJob::None,
            spec: false,
            families: FamilyFilter {
                include: named(&["batch_*", "kube_*"]),
                exclude: named(&["batch_job_*"]),
            },
            run_duration_buckets: vec![0.1, 1.0, 90.0],
            cache_size: Some(64 << 20),
            native_histograms: NativeHistograms::Only,
            kube_state_metrics: Some(KsmConfig {
                job_labels: keys(&["*"]),
                job_annotations: keys(&["example.com/owner"]),
                cronjob_labels: keys(&["app.kubernetes.io/*", "team"]),
                cronjob_annotations: keys(&[]),
            }),
        },
        ..Config::default()
    };
    assert_eq!(config.unwrap(), expected);
}

#[test]
fn a_history_needs_only_a_path() {
    let config = load_text("history: {path: /var/lib/history.redb}").unwrap();
    assert_eq!(
        config.history,
        Some(HistoryConfig {
            storage: HistoryStorage::File("/var/lib/history.redb".into()),
            runs_per_workload: 50,
            max_age: Duration::from_hours(90 * 24),
        })
    );
}

#[test]
fn a_history_in_postgresql_needs_only_the_file_of_the_url() {
    let least = PostgresConfig {
        url_file: "/etc/url".into(),
        reader_url_file: None,
        schema: "job_status_exporter".to_owned(),
        ca_file: None,
    };
    let every = PostgresConfig {
        reader_url_file: Some("/etc/reader".into()),
        schema: "_b4".to_owned(),
        ca_file: Some("/etc/ca.crt".into()),
        ..least.clone()
    };
    for (yaml, expected) in [
        ("url_file: /etc/url", &least),
        (
            "url_file: /etc/url, schema: , ca_file: , reader_url_file: ",
            &least,
        ),
        (
            "url_file: /etc/url, reader_url_file: /etc/reader, schema: _b4, ca_file: /etc/ca.crt",
            &every,
        ),
    ] {
        let config = load_text(&format!("history: {{path: , postgres: {{{yaml}}}}}")).unwrap();
        let history = config.history.unwrap();
        assert_eq!(history.runs_per_workload, 50, "{yaml}");
        assert_eq!(history.storage, HistoryStorage::Postgres(expected.clone()));
    }
    let (config, directory) = load_all(
        "history: {postgres: {url_file: secrets/url}}",
        &[],
        Flags::default(),
    );
    let history = config.unwrap().history.unwrap();
    let files: Vec<_> = history.files().collect();
    assert_eq!(files, [directory.join("secrets/url")]);
}

#[cfg(not(feature = "postgres"))]
#[test]
fn a_build_without_postgresql_says_so() {
    let error = load_text("history: {postgres: {url_file: /etc/url}}").unwrap_err();
    let [problem] = error.problems() else {
        panic!("{error}");
    };
    assert_eq!(problem.path(), "history.postgres");
    let text = error.to_string();
    assert!(text.contains("this build has no support for PostgreSQL"));
    assert!(text.contains("build with `--features postgres`"));
}

/// Names of schemas are part of SQL statements.
#[test]
fn the_name_of_a_schema_is_valid_without_quotes() {
    let long = ["a".repeat(63), "a".repeat(64)];
    for (name, valid) in [
        ("public", true),
        ("_", true),
        ("a1_", true),
        (&long[0], true),
        (&long[1], false),
        ("", false),
        ("1a", false),
        ("Batch", false),
        ("a-b", false),
        ("a.b", false),
        ("a; drop", false),
        ("a\"b", false),
        ("ä", false),
        ("pg_batch", false),
    ] {
        let yaml = format!("history: {{postgres: {{url_file: /u, schema: '{name}'}}}}");
        let problems = match load_text(&yaml) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems().to_vec(),
        };
        let is_about_name = |problem: &Problem| problem.path() == "history.postgres.schema";
        assert_eq!(!problems.iter().any(is_about_name), valid, "{name}");
    }
}

#[test]
fn the_default_buckets_equal_their_documented_form() {
    let written = load_text(
        "metrics: {run_duration_buckets: [1s, 5s, 15s, 30s, 1m, 2m, 5m, 10m, 30m, 1h, 2h, 4h, 8h, 1d, 2d]}",
    );
    assert_eq!(written.unwrap(), Config::default());
}

#[test]
fn excluding_families_keeps_all_others() {
    let families = load_text("metrics: {exclude: [kube_*]}")
        .unwrap()
        .metrics
        .families;
    assert!(families.selects("batch_job_info"));
    assert!(!families.selects("kube_job_info"));
}

#[test]
fn the_families_of_kube_state_metrics_are_disabled_by_default() {
    for (yaml, warnings) in [
        ("{}", [].as_slice()),
        ("{enabled: false}", &[]),
        ("{enabled: false, job_labels: []}", &[]),
        (
            "{job_labels: ['*'], cronjob_annotations: [a]}",
            &["job_labels", "cronjob_annotations"],
        ),
        ("{enabled: 'false', job_labels: ['*']}", &["job_labels"]),
    ] {
        let config = load_text(&format!("metrics: {{kube_state_metrics: {yaml}}}")).unwrap();
        assert_eq!(config.metrics.kube_state_metrics, None, "{yaml}");
        let paths: Vec<_> = config.warnings.iter().map(Problem::path).collect();
        let expected: Vec<_> = warnings
            .iter()
            .map(|key| format!("metrics.kube_state_metrics.{key}"))
            .collect();
        assert_eq!(paths, expected, "{yaml}");
    }
}

#[test]
fn a_scope_without_labels_is_a_warning() {
    let config = load_text("label_scope: all").unwrap();
    assert_eq!(config.labels.scope, LabelScope::All);
    let [warning] = config.warnings.as_slice() else {
        panic!("{:?}", config.warnings);
    };
    assert_eq!(warning.path(), "label_scope");
}

#[test]
fn reserved_labels_cannot_be_mapped() {
    for label in RESERVED_LABELS {
        let error = load_text(&format!("labels: {{{label}: team}}")).unwrap_err();
        assert_eq!(error.problems()[0].path(), format!("labels.{label}"));
        let text = error.to_string();
        let hint = format!("hint: choose another name, such as `label_{label}`");
        assert!(text.ends_with(&hint), "{text}");
        assert!(load_text(&format!("labels: {{label_{label}: team}}")).is_ok());
    }
}
