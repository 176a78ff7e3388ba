//! The samples of each family about pods.

use std::sync::Arc;

use super::*;
use crate::{
    metrics::{
        example::failed_job,
        format::Format,
        table::testing::{lines, section_lines},
    },
    model::{
        Change, FailureReason, FeedId, FeedScope, JobState, NoopJournal, Pod, PodState,
        RestoredState, Sink, Uid, Update, WaitReason,
    },
    store::{StoreSettings, TargetStore},
};

/// The labels that every series of the example has.
const JOB: &str = r#"namespace="reports",job_name="nightly-report-29924095",workload_type="cronjob",workload="nightly-report""#;

fn pod(uid: &str, state: PodState, since: i64) -> Pod {
    Pod {
        since: Some(since).into(),
        restarts: 2,
        ..Pod::new(&failed_job(), uid.into(), Uid::parse(uid), state)
    }
}

/// The example with pods that wait, and one that failed.
fn job_with_pods(state: JobState) -> Job {
    let mut pods = JobPods::default();
    let states = [
        PodState::Waiting(WaitReason::NotReady),
        PodState::Failed(FailureCause::Evicted),
        PodState::Waiting(WaitReason::NotReady),
    ];
    for (id, state) in (0..).zip(states) {
        pods.apply(id, FeedId(0), &pod("p", state, 1_795_445_710));
    }
    Job {
        state,
        observed_pods: Some(Arc::new(pods)),
        ..failed_job()
    }
}

#[test]
fn a_job_has_the_reasons_and_the_causes_of_its_pods() {
    let expected = [
        format!(r#"batch_job_waiting_pods{{{JOB},reason="NotReady"}} 2"#),
        format!(
            r#"batch_job_pending_since_timestamp_seconds{{{JOB},reason="NotReady"}} 1795445710"#
        ),
        format!(r#"batch_job_failed_pods_by_cause{{{JOB},cause="Evicted"}} 1"#),
        format!("batch_job_container_restarts{{{JOB}}} 6"),
    ];
    let shown = lines::<PodsOfJobs>(&job_with_pods(JobState::Running));
    assert_eq!(shown, expected);
    // The pods of a finished Job have nothing to wait for.
    let shown = lines::<PodsOfJobs>(&job_with_pods(JobState::Failed));
    assert_eq!(shown, expected[2..]);
    assert!(lines::<PodsOfJobs>(&failed_job()).is_empty());
}

/// The lines about the workload of the example once its run failed with this reason and these pods.
fn workload_lines(pods: bool, reason: FailureReason, seen: Vec<Pod>) -> Vec<String> {
    let settings = StoreSettings {
        pods,
        ..StoreSettings::default()
    };
    let (restored, journal) = (RestoredState::default(), Arc::new(NoopJournal));
    let target = TargetStore::restored(None, settings.into(), restored, journal);
    let target = Arc::new(target);
    let [jobs, pods] =
        [FeedScope::Jobs(None), FeedScope::Pods(None)].map(|scope| target.clone().register(scope));
    pods.push(Update::Pods(Change::Replaced(seen)));
    let job = Job {
        failure: Some(reason),
        ..failed_job()
    };
    jobs.push(Update::Jobs(Change::Replaced(vec![job])));
    let lines = section_lines::<PodsOfWorkloads>(Format::Text, &target.snapshot());
    let labels = r#"namespace="reports",workload_type="cronjob",workload="nightly-report""#;
    let lines = lines.into_iter().filter(|line| !line.ends_with(" 0"));
    let without = |line: String| line.replace(labels, "").replace("{,", "{");
    lines.map(without).collect()
}

#[test]
fn a_workload_has_the_cause_of_its_last_run() {
    let reason = FailureReason::BackoffLimitExceeded;
    let failed = |uid, cause, at, exit_code| Pod {
        exit_code,
        ..pod(uid, PodState::Failed(cause), at)
    };
    let seen = vec![
        failed("a", FailureCause::Error, 1_795_445_735, Some(3)),
        failed("b", FailureCause::OomKilled, 1_795_445_710, Some(137)),
    ];
    let expected = [
        r#"batch_workload_last_run_failure_cause{cause="Error"} 1"#,
        "batch_workload_last_run_exit_code{} 3",
        r#"batch_workload_pod_failures_total{cause="memory"} 1"#,
        r#"batch_workload_pod_failures_total{cause="exit_code"} 1"#,
    ];
    assert_eq!(workload_lines(true, reason, seen.clone()), expected);
    let unknown = [r#"batch_workload_last_run_failure_cause{cause="Unknown"} 1"#];
    assert_eq!(workload_lines(true, reason, Vec::new()), unknown);
    let policy = [r#"batch_workload_last_run_failure_cause{cause="PodFailurePolicy"} 1"#];
    let by_policy = workload_lines(true, FailureReason::PodFailurePolicy, Vec::new());
    assert_eq!(by_policy, policy);
    assert!(workload_lines(false, reason, seen).is_empty());
}

#[test]
fn the_groups_of_causes_are_there_before_the_first_failure() {
    let settings = StoreSettings {
        pods: true,
        ..StoreSettings::default()
    };
    let target = Arc::new(TargetStore::new(None, settings.into()));
    let jobs = target.clone().register(FeedScope::Jobs(None));
    let job = Job {
        state: JobState::Running,
        failure: None,
        ..failed_job()
    };
    jobs.push(Update::Jobs(Change::Applied(job)));
    let lines = section_lines::<PodsOfWorkloads>(Format::Text, &target.snapshot());
    assert_eq!(lines.len(), CauseGroup::ALL.len());
    assert!(lines.iter().all(|line| line.ends_with(" 0")), "{lines:?}");
}
