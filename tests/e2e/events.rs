//! Events of runs, compared with the counters.

use std::collections::{BTreeMap, BTreeSet};

use crate::{metrics::Metrics, testbed::Testbed};

/// Asserts that each counted run has one event, and that events of failed runs have the causes that the metrics have.
pub(crate) fn expect_events(testbed: &Testbed, seen: &Metrics) {
    let namespace = ("namespace", &*testbed.namespace.name);
    let mut uids = BTreeSet::new();
    let mut counts = BTreeMap::<&str, f64>::new();
    let mut explained = 0;
    let events = testbed.exporter.events();
    for event in &events {
        let kind = event["event"].as_str().unwrap();
        *counts.entry(kind).or_default() += 1.0;
        assert!(
            uids.insert(event["uid"].as_str().unwrap()),
            "twice: {event}"
        );
        if kind == "run_failed" {
            let workload = event["workload"].as_str().unwrap();
            // Unknown if the last pod that failed was seen after its Job.
            let Some(cause) = event["cause"].as_str() else {
                continue;
            };
            explained += 1;
            let labels = [namespace, ("workload", workload), ("cause", cause)];
            let shown = seen.samples("batch_workload_last_run_failure_cause", &labels);
            assert_eq!(shown.len(), 1, "{event}");
        }
    }
    for (kind, result) in [("run_succeeded", "succeeded"), ("run_failed", "failed")] {
        let counted = seen.samples(
            "batch_workload_runs_total",
            &[namespace, ("result", result)],
        );
        let counted: f64 = counted.values().sum();
        let reported = counts.get(kind).copied().unwrap_or_default();
        assert!((counted - reported).abs() < 0.5, "{counted}: {events:#?}");
    }
    assert!(explained > 0, "{events:#?}");
}
