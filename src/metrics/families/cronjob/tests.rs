//! The samples of each family about a `CronJob`.

use crate::{
    metrics::{example::cronjob, families::cronjob::CronJobs, table::testing::lines},
    model::{ConcurrencyPolicy, CronJob},
};

const LABELS: &str = r#"namespace="reports",workload_type="cronjob",workload="nightly-report""#;

#[test]
fn each_family_has_its_sample() {
    let cases = [
        (
            "batch_cronjob_info",
            r#",schedule="15 2 * * *",time_zone="Europe/Berlin",concurrency_policy="Forbid""#,
            1,
        ),
        ("batch_cronjob_created_timestamp_seconds", "", 1_795_000_000),
        (
            "batch_cronjob_last_schedule_timestamp_seconds",
            "",
            1_795_445_700,
        ),
        (
            "batch_cronjob_last_success_timestamp_seconds",
            "",
            1_795_359_342,
        ),
        ("batch_cronjob_suspended", "", 0),
        ("batch_cronjob_active_jobs", "", 2),
        ("batch_cronjob_starting_deadline_seconds", "", 600),
        ("batch_cronjob_successful_jobs_history_limit", "", 3),
        ("batch_cronjob_failed_jobs_history_limit", "", 1),
    ];
    let expected = cases.map(|(name, labels, value)| format!("{name}{{{LABELS}{labels}}} {value}"));
    assert_eq!(lines::<CronJobs>(&cronjob()), expected);
}

#[test]
fn values_that_the_api_omits_are_absent() {
    let bare = CronJob {
        time_zone: None,
        concurrency_policy: None,
        suspended: true,
        created: None,
        last_schedule: None,
        last_success: None,
        active_jobs: 0,
        starting_deadline: None,
        successful_history_limit: None,
        failed_history_limit: None,
        ..cronjob()
    };
    let info = format!(
        r#"batch_cronjob_info{{{LABELS},schedule="15 2 * * *",time_zone="",concurrency_policy=""}} 1"#
    );
    let expected = [
        info,
        format!("batch_cronjob_suspended{{{LABELS}}} 1"),
        format!("batch_cronjob_active_jobs{{{LABELS}}} 0"),
    ];
    assert_eq!(lines::<CronJobs>(&bare), expected);
}

#[test]
fn every_policy_has_its_name() {
    for policy in ["Allow", "Forbid", "Replace", "Other"] {
        let cronjob = CronJob {
            concurrency_policy: Some(ConcurrencyPolicy::parse(policy)),
            ..cronjob()
        };
        let expected = format!(r#"concurrency_policy="{policy}""#);
        assert!(
            lines::<CronJobs>(&cronjob)[0].contains(&expected),
            "{policy}"
        );
    }
}
