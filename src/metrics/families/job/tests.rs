//! The samples of each family about a Job.

use jiff::Timestamp;

use crate::{
    metrics::{
        example::{failed_job, suspended_job},
        families::job::{ConfiguredJobs, Jobs},
        table::testing::lines,
    },
    model::{CompletionMode, FailureReason, Job, JobExtra, JobState, PodCounts, Uid},
    store::ConfiguredJob,
};

/// The labels that every series of the failed example has.
const FAILED: &str = r#"namespace="reports",job_name="nightly-report-29924095",workload_type="cronjob",workload="nightly-report""#;

/// The labels that every series of the suspended example has.
const SUSPENDED: &str =
    r#"namespace="etl",job_name="import",workload_type="job",workload="import""#;

#[test]
fn each_family_has_its_sample() {
    let cases = [
        (
            "batch_job_info",
            r#",uid="4ba7b5e6-d01a-4327-95ea-e845886801bc",completion_mode="Indexed",managed_by="""#,
            1,
        ),
        ("batch_job_state", r#",state="failed""#, 1),
        ("batch_job_active_pods", "", 0),
        ("batch_job_ready_pods", "", 0),
        ("batch_job_terminating_pods", "", 0),
        ("batch_job_succeeded_pods", "", 4),
        ("batch_job_failed_pods", "", 2),
        ("batch_job_created_timestamp_seconds", "", 1_795_445_699),
        ("batch_job_start_timestamp_seconds", "", 1_795_445_700),
        ("batch_job_end_timestamp_seconds", "", 1_795_445_736),
        ("batch_job_failed", r#",reason="FailedIndexes""#, 1),
        ("batch_job_parallelism", "", 3),
        ("batch_job_completions", "", 5),
        ("batch_job_backoff_limit", "", 6),
        ("batch_job_active_deadline_seconds", "", 3600),
        ("batch_job_completed_indexes", "", 4),
        ("batch_job_failed_indexes", "", 1),
    ];
    let expected = cases.map(|(name, labels, value)| format!("{name}{{{FAILED}{labels}}} {value}"));
    assert_eq!(lines::<Jobs>(&failed_job()), expected);
}

#[test]
fn values_that_the_api_omits_are_absent() {
    let info = format!(
        r#"batch_job_info{{{SUSPENDED},uid="0c8aa9b5-5d5e-4b22-8a83-5f3cbb0a1ad4",completion_mode="",managed_by=""}} 1"#
    );
    let expected = [
        info,
        format!(r#"batch_job_state{{{SUSPENDED},state="suspended"}} 1"#),
        format!("batch_job_active_pods{{{SUSPENDED}}} 0"),
        format!("batch_job_succeeded_pods{{{SUSPENDED}}} 0"),
        format!("batch_job_failed_pods{{{SUSPENDED}}} 0"),
        format!("batch_job_suspended_timestamp_seconds{{{SUSPENDED}}} 1795445640"),
    ];
    assert_eq!(lines::<Jobs>(&suspended_job()), expected);
}

#[test]
fn every_state_has_its_name() {
    let states = [
        (JobState::Suspended, "suspended"),
        (JobState::Pending, "pending"),
        (JobState::Running, "running"),
        (JobState::Succeeding, "succeeding"),
        (JobState::Failing, "failing"),
        (JobState::Complete, "complete"),
        (JobState::Failed, "failed"),
    ];
    for (state, name) in states {
        let job = Job {
            state,
            ..suspended_job()
        };
        let expected = format!(r#"batch_job_state{{{SUSPENDED},state="{name}"}} 1"#);
        assert!(lines::<Jobs>(&job).contains(&expected), "{state:?}");
    }
}

#[test]
fn every_reason_has_its_name() {
    for reason in [
        "BackoffLimitExceeded",
        "DeadlineExceeded",
        "PodFailurePolicy",
        "FailedIndexes",
        "MaxFailedIndexesExceeded",
        "Other",
    ] {
        let job = Job {
            failure: Some(FailureReason::parse(reason)),
            ..failed_job()
        };
        let expected = format!(r#"batch_job_failed{{{FAILED},reason="{reason}"}} 1"#);
        assert!(lines::<Jobs>(&job).contains(&expected), "{reason}");
    }
}

#[test]
fn extreme_numbers_and_labels_are_written_in_full() {
    let job = Job {
        uid: Uid::parse("a \"uid\"\\"),
        pods: PodCounts {
            active: -1,
            ..PodCounts::default()
        },
        ..suspended_job()
    }
    .with_template(|template| {
        template.managed_by = Some("kueue.x-k8s.io/multikueue\n".into());
        template.completion_mode = Some(CompletionMode::Other);
        template.active_deadline = Some(i64::MAX).into();
    })
    .with_extra(JobExtra {
        completed_indexes: Some(u64::MAX),
        ..JobExtra::default()
    });
    let lines = lines::<Jobs>(&job);
    for expected in [
        format!(
            r#"batch_job_info{{{SUSPENDED},uid="a \"uid\"\\",completion_mode="Other",managed_by="kueue.x-k8s.io/multikueue\n"}} 1"#
        ),
        format!("batch_job_active_pods{{{SUSPENDED}}} -1"),
        format!("batch_job_active_deadline_seconds{{{SUSPENDED}}} 9223372036854775807"),
        format!("batch_job_completed_indexes{{{SUSPENDED}}} 18446744073709551615"),
    ] {
        assert!(lines.contains(&expected), "{expected} not in {lines:#?}");
    }
}

#[test]
fn a_configured_job_has_the_same_labels_whether_or_not_it_exists() {
    for (exists, value) in [(false, 0), (true, 1)] {
        let job = ConfiguredJob {
            exists: Some(exists),
            ..configured_job()
        };
        let expected =
            format!(r#"batch_job_exists{{namespace="reports",job_name="weekly"}} {value}"#);
        assert_eq!(lines::<ConfiguredJobs>(&job), [expected]);
    }
}

#[test]
fn a_configured_job_shows_its_polls_even_when_its_existence_is_unknown() {
    assert!(lines::<ConfiguredJobs>(&configured_job()).is_empty());
    let labels = r#"{namespace="reports",job_name="weekly"}"#;
    for (up, value) in [(false, 0), (true, 1)] {
        let job = ConfiguredJob {
            poll_up: Some(up),
            last_poll: Timestamp::from_millisecond(1_795_445_740_125).ok(),
            ..configured_job()
        };
        let expected = [
            format!("batch_job_poll_up{labels} {value}"),
            format!("batch_job_last_poll_timestamp_seconds{labels} 1795445740.125"),
        ];
        assert_eq!(lines::<ConfiguredJobs>(&job), expected);
    }
}

/// A configured job that was never polled.
fn configured_job() -> ConfiguredJob {
    ConfiguredJob {
        namespace: "reports".into(),
        name: "weekly".into(),
        exists: None,
        poll_up: None,
        last_poll: None,
    }
}
