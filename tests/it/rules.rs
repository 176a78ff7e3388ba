//! The alert rules of `config/rules`, as far as no Prometheus is needed. `scripts/check-rules` runs their tests.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::promql::{Families, references};

mod daylight_saving;

/// The names and default severities that users rely on, in the order of the file.
const ALERTS: [(&str, &str); 30] = [
    ("BatchRunFailed", "warning"),
    ("BatchRunsOutOfMemory", "warning"),
    ("BatchFailingRepeatedly", "critical"),
    ("BatchRunOverdue", "warning"),
    ("BatchRunsMissed", "warning"),
    ("BatchRunTooLong", "warning"),
    ("BatchRunSlowerThanUsual", "info"),
    ("BatchNoRecentSuccess", "critical"),
    ("BatchScheduleBlocked", "warning"),
    ("BatchRunPending", "warning"),
    ("BatchRunStuckEnding", "warning"),
    ("BatchRunsPilingUp", "warning"),
    ("BatchCronJobSuspended", "info"),
    ("BatchScheduleInvalid", "warning"),
    ("BatchConfiguredJobMissing", "warning"),
    ("BatchAnnotationInvalid", "info"),
    ("JobStatusTargetDown", "critical"),
    ("JobStatusTargetPartlyDown", "warning"),
    ("JobStatusReplicaBlind", "warning"),
    ("JobStatusTargetNotSynced", "warning"),
    ("JobStatusPodsUnreadable", "warning"),
    ("JobStatusCredentialExpiring", "warning"),
    ("JobStatusCredentialExpiring", "critical"),
    ("JobStatusHistoryDegraded", "warning"),
    ("JobStatusObjectsUndecodable", "warning"),
    ("JobStatusWorkloadsDropped", "warning"),
    ("JobStatusConfigReloadFailed", "warning"),
    ("JobStatusExporterAbsent", "critical"),
    ("JobStatusShardsMissing", "critical"),
    ("JobStatusShardsDisagree", "warning"),
];

fn file(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The rules of all groups.
fn rules() -> Vec<Value> {
    let text = file("config/rules/job-status.rules.yaml");
    let file: Value = serde_saphyr::from_str(&text).unwrap();
    let groups = file["groups"].as_array().unwrap();
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    rules.cloned().collect()
}

fn alerts() -> Vec<Value> {
    let rules = rules().into_iter();
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

fn text<'a>(rule: &'a Value, path: &str) -> &'a str {
    rule.pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[test]
fn every_family_and_label_of_the_rules_exists() {
    let families = Families::documented();
    let rules = rules();
    let records: BTreeSet<_> = rules.iter().map(|rule| text(rule, "/record")).collect();
    for rule in &rules {
        let queries = queries(text(rule, "/annotations/description"));
        for expression in queries.into_iter().chain([text(rule, "/expr").to_owned()]) {
            let references = references(&expression).unwrap();
            let problems = families.problems(&references, &|name| records.contains(name));
            assert!(problems.is_empty(), "{rule}: {problems:?}");
        }
    }
}

/// The expressions that a description queries: formats between backquotes.
fn queries(description: &str) -> Vec<String> {
    let formats = description.split('`').skip(1).step_by(2);
    formats.map(|it| it.replace("%q", "\"x\"")).collect()
}

#[test]
fn descriptions_query_what_only_pods_say_of_their_own_workload() {
    let alerts = alerts();
    let queries = alerts.iter().flat_map(|alert| {
        let of_alert = queries(text(alert, "/annotations/description"));
        of_alert
            .into_iter()
            .map(|query| (text(alert, "/alert"), query))
    });
    let mut found = Vec::new();
    for (alert, query) in queries {
        let references = references(&query).unwrap();
        let selector = &references.selectors[0];
        let labels: Vec<_> = selector
            .matchers
            .iter()
            .map(|it| it.label.as_str())
            .collect();
        let workload = [
            "cluster",
            "target",
            "namespace",
            "workload_type",
            "workload",
        ];
        assert_eq!(labels[..5], workload, "{alert}: {query}");
        found.push((alert, selector.family.clone()));
    }
    let expected = [
        (
            "BatchRunFailed",
            "job_status:workload_last_run_failure_cause",
        ),
        ("BatchRunFailed", "batch_workload_last_run_exit_code"),
        (
            "BatchRunPending",
            "batch_job_pending_since_timestamp_seconds",
        ),
    ];
    assert_eq!(
        found,
        expected.map(|(alert, family)| (alert, family.to_owned()))
    );
}

#[test]
fn alerts_have_the_names_and_severities_that_users_rely_on() {
    let alerts = alerts();
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| (text(alert, "/alert"), default_severity(alert)))
        .collect();
    assert_eq!(found, ALERTS);
}

/// The severity without that of the workload.
fn default_severity(alert: &Value) -> &str {
    let severity = text(alert, "/labels/severity");
    let template = severity.strip_prefix("{{ with $labels.severity }}{{ . }}{{ else }}");
    template.map_or(severity, |rest| rest.trim_end_matches("{{ end }}"))
}

#[test]
fn alerts_name_a_command_and_their_runbook() {
    let runbooks = file("docs/runbooks.md");
    let table = file("docs/alerts.md");
    for alert in alerts() {
        let name = text(&alert, "/alert");
        let summary = text(&alert, "/annotations/summary");
        assert!(!summary.is_empty() && summary.ends_with('.'), "{name}");
        let description = text(&alert, "/annotations/description");
        let (_, first_step) = description.split_once('\n').unwrap();
        assert!(
            first_step.contains("kubectl") || first_step.starts_with("Start with a new"),
            "{name}"
        );
        assert!(runbooks.contains(&format!("\n## {name}\n")), "{name}");
        assert!(table.contains(&format!("\n| [{name}] | ")), "{name}");
        let anchor = format!("docs/runbooks.md#{}", name.to_lowercase());
        let url = text(&alert, "/annotations/runbook_url");
        // An alert about a workload uses its runbook and severity, and keeps the runbook out of its labels.
        if alert["labels"]["runbook"].is_null() {
            assert_eq!(url, anchor);
            assert!(!text(&alert, "/labels/severity").contains('{'), "{name}");
        } else {
            let expected = format!(
                "{{{{ with $labels.runbook }}}}{{{{ . }}}}{{{{ else }}}}{anchor}{{{{ end }}}}"
            );
            assert_eq!(url, expected);
            assert_eq!(text(&alert, "/labels/runbook"), "");
            assert!(
                text(&alert, "/labels/severity").contains("$labels.severity"),
                "{name}"
            );
            assert!(alert["keep_firing_for"].is_null(), "{name}: docs/adr/0014");
        }
    }
}
