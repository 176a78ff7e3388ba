//! The findings agree with the alert rules: the same alerts, the same thresholds, the same severities.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::{
    model::ScheduleState,
    status::judge::{
        MANY_MISSED, MANY_RUNS, MAX_BLOCKED, MAX_ENDING, MAX_PENDING, MAX_SUSPENDED, MIN_SLOW,
        MIN_TOLERATED, MISSED_WITHIN, PILING_UP_FOR, SLOW_FACTOR, USUAL_WITHIN,
    },
};

const RULES: &str = include_str!("../../../config/rules/job-status.rules.yaml");

/// A configured Job that does not exist has no workload.
const WITHOUT_FINDING: &str = "BatchConfiguredJobMissing";

/// The alert about a failed run with the cause `OOMKilled`. Its finding is that of `BatchRunFailed`, which names the cause.
const OUT_OF_MEMORY: &str = "BatchRunsOutOfMemory";

/// The text of each alert about workloads, on one line, and its default severity.
fn alerts() -> BTreeMap<&'static str, (String, &'static str)> {
    let alert = |text: &'static str| {
        let (name, rest) = text.split_once('\n')?;
        let severity = rest.split_once("severity: ")?.1.lines().next()?;
        let severity = severity
            .rsplit_once("{{ else }}")
            .map_or(severity, |it| it.1);
        let severity = severity.split("{{").next()?;
        let text = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        Some((name, (text, severity)))
    };
    let alerts = RULES.split("- alert: ").skip(1).filter_map(alert);
    alerts
        .filter(|(name, _)| name.starts_with("Batch"))
        .collect()
}

/// One of each finding.
fn findings() -> Vec<Finding> {
    let reason = FailureReason::Other;
    let (since, start, runs, active_for) = (None, 0, 0, 0);
    vec![
        Finding::RunFailed {
            cause: None,
            failures: 0,
            tolerated: 0,
            reason,
            since,
        },
        Finding::NotSucceeding {
            runs,
            tolerated: 0,
            last_success: None,
            since,
        },
        Finding::NoRecentSuccess {
            deadline: 0,
            late: 0,
        },
        Finding::Overdue {
            runs,
            since,
            reason: None,
        },
        Finding::InvalidSchedule,
        Finding::TooLong {
            start,
            active_for,
            max_duration: 0,
        },
        Finding::Pending {
            waiting: None,
            job_name: "a".into(),
            start,
            pending_for: 0,
        },
        Finding::StuckEnding {
            job_name: "a".into(),
            since: 0,
            ending_for: 0,
        },
        Finding::Blocked {
            since: 0,
            blocked_for: 0,
        },
        Finding::PilingUp { runs: 0, since: 0 },
        Finding::RunsMissed { since: 0, total: 0 },
        Finding::SlowerThanUsual {
            start,
            active_for,
            longest: 0,
        },
        Finding::Suspended {
            since: 0,
            forgotten: true,
        },
        Finding::InvalidAnnotations { names: Vec::new() },
    ]
}

#[test]
fn every_alert_about_workloads_has_a_finding_of_its_severity() {
    let alerts = alerts();
    let found: BTreeMap<_, _> = findings()
        .iter()
        .map(|it| (it.alert().unwrap(), it.level().as_str()))
        .collect();
    let expected: BTreeMap<_, _> = alerts
        .iter()
        .filter(|(name, _)| ![WITHOUT_FINDING, OUT_OF_MEMORY].contains(name))
        .map(|(name, (_, severity))| (*name, *severity))
        .collect();
    assert_eq!(found, expected);
    assert!(alerts.contains_key(WITHOUT_FINDING));
}

#[test]
fn a_run_that_ran_out_of_memory_is_a_failed_run() {
    let alerts = alerts();
    let (memory, severity) = &alerts[OUT_OF_MEMORY];
    let (failed, of_failed) = &alerts["BatchRunFailed"];
    assert_eq!(severity, of_failed);
    let (condition, _) = memory
        .split_once(" and on (cluster, target, namespace")
        .unwrap();
    assert!(failed.starts_with(condition), "{condition}");
    assert!(memory.contains(r#"_failure_cause{cause="OOMKilled"}"#));
}

#[test]
fn the_thresholds_are_those_of_the_rules() {
    let alerts = alerts();
    for (alert, expected) in [
        ("BatchFailingRepeatedly", format!("), {MIN_TOLERATED} )")),
        ("BatchRunPending", format!("> {MAX_PENDING} )")),
        ("BatchRunStuckEnding", format!("> {MAX_ENDING} )")),
        ("BatchScheduleBlocked", format!("> {MAX_BLOCKED} )")),
        ("BatchRunsPilingUp", format!(">= {MANY_RUNS} )")),
        ("BatchRunsPilingUp", format!("for: {}m", PILING_UP_FOR / 60)),
        (
            "BatchRunsMissed",
            format!("_total[{}h]", MISSED_WITHIN / HOUR),
        ),
        ("BatchRunsMissed", format!(">= {MANY_MISSED} )")),
        (
            "BatchCronJobSuspended",
            format!("> {} * 86400", MAX_SUSPENDED / DAY),
        ),
        (
            "BatchRunSlowerThanUsual",
            format!("clamp_min({SLOW_FACTOR} *"),
        ),
        ("BatchRunSlowerThanUsual", format!(", {MIN_SLOW})")),
        (
            "BatchRunSlowerThanUsual",
            format!("max{}d[", USUAL_WITHIN / DAY),
        ),
    ] {
        let (text, _) = &alerts[alert];
        assert!(
            text.contains(&expected),
            "{alert}: no `{expected}` in {text}"
        );
    }
    assert_eq!(MANY_MISSED, ScheduleState::MAX_MISSED_AT);
}

#[test]
fn every_finding_has_a_phrase_of_its_own() {
    let mut findings = findings();
    findings.push(Finding::Suspended {
        since: 0,
        forgotten: false,
    });
    let phrase = |it| phrases::finding(it, MIDNIGHT, &kube_cron::Zone::UTC);
    let all: BTreeSet<_> = findings.iter().map(phrase).collect();
    assert_eq!(all.len(), findings.len());
    assert!(!all.contains(""));
}
