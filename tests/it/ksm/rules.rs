//! The rules of kubernetes-mixin, with series of Jobs from their start to their end.
//!
//! The test writes the input of `promtool test rules`, which `scripts/check-golden` runs. The clock of promtool starts in
//! 1970, and so do these Jobs.

use super::*;
use crate::metrics::assert_golden;

/// The families that the rules read.
const FAMILIES: [&str; 4] = [
    "kube_job_failed",
    "kube_job_owner",
    "kube_job_status_active",
    "kube_job_status_start_time",
];

/// The labels that Prometheus adds.
const SCRAPED: &str = r#"cluster="prod",instance="exporter:9806",job="kube-state-metrics""#;

/// The number of minutes for which the Jobs do not change.
type Minutes = usize;

fn job(name: &str, owners: &Value, status: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "billing", "ownerReferences": owners},
        "spec": {"parallelism": 1, "completions": 1},
        "status": status,
    })
}

/// The Jobs in each phase.
fn phases() -> Vec<(Minutes, Vec<Value>)> {
    let running = json!({"startTime": "1970-01-01T00:00:00Z", "active": 1, "ready": 1});
    let complete = json!({
        "startTime": "1970-01-01T00:00:00Z", "completionTime": "1970-01-01T00:30:00Z", "succeeded": 1, "ready": 0,
        "conditions": [{"type": "SuccessCriteriaMet", "status": "True"}, {"type": "Complete", "status": "True"}],
    });
    let failed = json!({
        "startTime": "1970-01-01T00:00:00Z", "failed": 1, "ready": 0,
        "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}],
    });
    let suspended = json!({"ready": 0, "conditions": [{"type": "Suspended", "status": "True"}]});
    let cronjob = json!([{"kind": "CronJob", "name": "nightly", "uid": "1", "controller": true}]);
    let slow = |status: &Value| job("slow", &json!(null), status);
    let nightly = |status: &Value| job("nightly-1", &cronjob, status);
    let fine = |status: &Value| job("fine", &json!(null), status);
    let paused = || job("paused", &json!(null), &suspended);
    vec![
        (
            30,
            vec![slow(&running), nightly(&running), fine(&running), paused()],
        ),
        (
            750,
            vec![slow(&running), nightly(&failed), fine(&complete), paused()],
        ),
        (60, vec![slow(&complete), fine(&complete), paused()]),
    ]
}

/// The series of pods, which the exporter does not serve, and the expected results of the rules.
const EXPECTED: &str = r#"
      - series: kube_pod_owner{cluster="prod",instance="ksm",job="kube-state-metrics",namespace="billing",pod="slow-x",owner_kind="Job",owner_name="slow"}
        values: "1x840"
      - series: kube_pod_owner{cluster="prod",instance="ksm",job="kube-state-metrics",namespace="billing",pod="nightly-1-x",owner_kind="Job",owner_name="nightly-1"}
        values: "1x840"
    alert_rule_test:
      # Failed at minute 30, and for 15 minutes nobody is woken.
      - {eval_time: 44m, alertname: KubeJobFailed}
      - eval_time: 45m
        alertname: KubeJobFailed
        exp_alerts:
          - exp_labels: {cluster: prod, instance: "exporter:9806", job: kube-state-metrics, namespace: billing, job_name: nightly-1, condition: "true", severity: warning}
            exp_annotations:
              summary: Job failed to complete.
              description: Job billing/nightly-1 failed to complete. Removing failed job after investigation should clear this alert.
      # Deleted at minute 780.
      - {eval_time: 13h, alertname: KubeJobFailed}
      - {eval_time: 12h, alertname: KubeJobNotCompleted}
      - eval_time: 12h1m
        alertname: KubeJobNotCompleted
        exp_alerts:
          - exp_labels: {cluster: prod, namespace: billing, job_name: slow, severity: warning}
            exp_annotations:
              summary: Job did not complete in time
              description: Job billing/slow is taking more than 12h 0m 0s to complete.
      # Complete at minute 780.
      - {eval_time: 13h, alertname: KubeJobNotCompleted}
    promql_expr_test:
      - expr: namespace_workload_pod:kube_pod_owner:relabel
        eval_time: 10m
        exp_samples:
          - labels: namespace_workload_pod:kube_pod_owner:relabel{cluster="prod",namespace="billing",pod="slow-x",workload="slow",workload_type="job"}
            value: 1
          - labels: namespace_workload_pod:kube_pod_owner:relabel{cluster="prod",namespace="billing",pod="nightly-1-x",workload="nightly",workload_type="CronJob"}
            value: 1
"#;

/// The samples of one phase by series, in the syntax of promtool.
fn samples(jobs: &[Value]) -> BTreeMap<String, f64> {
    let families = shown(jobs, &[]);
    let samples = FAMILIES
        .iter()
        .filter_map(|family| families.get(*family))
        .flat_map(|family| &family.samples);
    let named = samples.map(|sample| (sample.scraped_series(SCRAPED), sample.value));
    named.collect()
}

#[test]
fn the_rules_of_kubernetes_mixin_get_the_series_they_read() {
    let phases: Vec<_> = phases()
        .into_iter()
        .map(|(minutes, jobs)| (minutes, samples(&jobs)))
        .collect();
    let series: BTreeSet<&String> = phases
        .iter()
        .flat_map(|(_, samples)| samples.keys())
        .collect();
    for family in FAMILIES {
        assert!(
            series.iter().any(|series| series.starts_with(family)),
            "{family}"
        );
    }
    let mut text = "# Written by `UPDATE_GOLDEN=1 cargo test` from what is shown of Jobs, for `promtool test rules`.\n\
        rule_files: [../fixtures/ksm/rules/kubernetes-mixin.yaml]\n\
        evaluation_interval: 1m\n\
        tests:\n  - interval: 1m\n    input_series:\n"
        .to_owned();
    for series in series {
        let mut values = Vec::new();
        let mut there = false;
        for (minutes, samples) in &phases {
            let value = samples.get(series);
            // `1x29` is the value 1 and 29 repetitions; `_x30` is 30 missing samples.
            values.push(match value {
                Some(value) => format!("{value}x{}", minutes - 1),
                None if there => format!("stale _x{}", minutes - 1),
                None => format!("_x{minutes}"),
            });
            there = value.is_some();
        }
        let values = values.join(" ");
        writeln!(
            text,
            "      - series: {series}\n        values: \"{values}\""
        )
        .unwrap();
    }
    text.push_str(EXPECTED.trim_start_matches('\n'));
    assert_golden("tests/golden/kubernetes-mixin.test.yaml", &text);
}
