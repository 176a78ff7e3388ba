//! What configurations mean for the series: labels, limits, history, families.

use super::*;

#[test]
fn all_settings_of_what_is_served_are_taken() {
    let yaml = r#"
        labels: {team: team, owner: "annotation:example.com/owner", app: app.kubernetes.io/name}
        label_scope: all
        workload_label: app.kubernetes.io/part-of
        thresholds: {max_duration: 6h, max_success_age: 1d, start_grace: 2m}
        retain_workloads: 0s
        history: {path: history.redb, runs_per_workload: 10000, max_age: 1h}
        metrics:
          per_job: none
          include: [batch_*, kube_*]
          exclude: [batch_job_*]
          run_duration_buckets: [100ms, 1s, 1m30s]
          kube_state_metrics:
            enabled: true
            job_labels: ["*"]
            job_annotations: [example.com/owner]
            cronjob_labels: [app.kubernetes.io/*, team]
            cronjob_annotations: []
    "#;
    let (settings, directory) = load_all(yaml, &[], Flags::default());
    let mapped = |label: &str, origin| MappedLabel {
        label: label.to_owned(),
        origin,
    };
    let keys = |keys: &[&str]| AllowList { keys: named(keys) };
    let expected = Config {
        labels: LabelsConfig {
            mapping: vec![
                mapped("app", Origin::Label("app.kubernetes.io/name".to_owned())),
                mapped("owner", Origin::Annotation("example.com/owner".to_owned())),
                mapped("team", Origin::Label("team".to_owned())),
            ],
            scope: LabelScope::All,
        },
        workload_label: Some("app.kubernetes.io/part-of".to_owned()),
        thresholds: ThresholdsConfig {
            max_duration: Some(Duration::from_hours(6)),
            max_success_age: Some(Duration::from_hours(24)),
            start_grace: Duration::from_mins(2),
        },
        retain_workloads: Duration::ZERO,
        history: Some(HistoryConfig {
            path: directory.join("history.redb"),
            runs_per_workload: 10_000,
            max_age: Duration::from_hours(1),
        }),
        metrics: MetricsConfig {
            per_job: PerJob::None,
            families: FamilyFilter {
                include: named(&["batch_*", "kube_*"]),
                exclude: named(&["batch_job_*"]),
            },
            run_duration_buckets: vec![0.1, 1.0, 90.0],
            kube_state_metrics: Some(KsmConfig {
                job_labels: keys(&["*"]),
                job_annotations: keys(&["example.com/owner"]),
                cronjob_labels: keys(&["app.kubernetes.io/*", "team"]),
                cronjob_annotations: keys(&[]),
            }),
        },
        ..Config::default()
    };
    assert_eq!(settings.unwrap(), expected);
}

#[test]
fn a_history_needs_no_more_than_a_path() {
    let settings = load_text("history: {path: /var/lib/history.redb}").unwrap();
    assert_eq!(
        settings.history,
        Some(HistoryConfig {
            path: PathBuf::from("/var/lib/history.redb"),
            runs_per_workload: 50,
            max_age: Duration::from_hours(90 * 24),
        })
    );
}

#[test]
fn the_default_buckets_could_have_been_written() {
    let written = load_text(
        "metrics: {run_duration_buckets: [1s, 5s, 15s, 30s, 1m, 2m, 5m, 10m, 30m, 1h, 2h, 4h, 8h, 1d, 2d]}",
    );
    assert_eq!(written.unwrap(), Config::default());
}

#[test]
fn exclusion_alone_leaves_all_other_families() {
    let families = load_text("metrics: {exclude: [kube_*]}")
        .unwrap()
        .metrics
        .families;
    assert!(families.selects("batch_job_info"));
    assert!(!families.selects("kube_job_info"));
}

#[test]
fn the_families_of_kube_state_metrics_are_off_unless_enabled() {
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
        let settings = load_text(&format!("metrics: {{kube_state_metrics: {yaml}}}")).unwrap();
        assert_eq!(settings.metrics.kube_state_metrics, None, "{yaml}");
        let paths: Vec<_> = settings.warnings.iter().map(Problem::path).collect();
        let expected: Vec<_> = warnings
            .iter()
            .map(|key| format!("metrics.kube_state_metrics.{key}"))
            .collect();
        assert_eq!(paths, expected, "{yaml}");
    }
}

#[test]
fn a_scope_without_labels_is_a_warning() {
    let settings = load_text("label_scope: all").unwrap();
    assert_eq!(settings.labels.scope, LabelScope::All);
    let [warning] = settings.warnings.as_slice() else {
        panic!("{:?}", settings.warnings);
    };
    assert_eq!(warning.path(), "label_scope");
}

#[test]
fn labels_of_our_own_metrics_are_refused() {
    for label in OWN_LABELS {
        let error = load_text(&format!("labels: {{{label}: team}}")).unwrap_err();
        assert_eq!(error.problems()[0].path(), format!("labels.{label}"));
        let text = error.to_string();
        let hint = format!("hint: choose another name, such as `label_{label}`");
        assert!(text.ends_with(&hint), "{text}");
        assert!(load_text(&format!("labels: {{label_{label}: team}}")).is_ok());
    }
}
