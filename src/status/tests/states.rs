//! The one state of a workload, and which finding decides it.

use super::*;

#[test]
fn a_workload_without_a_finding_is_waiting_running_suspended_or_has_succeeded() {
    let scene = Scene::new();
    scene.cronjob(cronjob());
    assert_eq!(scene.state(), OverallState::Waiting);
    scene.at(HOUR).job(running(HOUR));
    assert_eq!(scene.state(), OverallState::Running);
    scene.job(complete(HOUR));
    assert_eq!(scene.state(), OverallState::Succeeded);
    scene.cronjob(CronJob {
        suspended: true,
        ..cronjob()
    });
    assert_eq!(scene.state(), OverallState::Suspended);
}

#[test]
fn a_suspended_job_makes_its_workload_suspended() {
    let scene = Scene::new();
    scene.job(run(0, JobState::Suspended));
    assert_eq!(scene.state(), OverallState::Suspended);
    scene.job(running(60));
    assert_eq!(scene.state(), OverallState::Running);
}

#[test]
fn a_pending_run_is_running_until_it_is_pending_for_long() {
    let scene = Scene::new();
    scene.job(run(0, JobState::Pending)).at(900);
    assert_eq!(scene.state(), OverallState::Running);
    scene.at(901);
    assert_eq!(scene.state(), OverallState::Pending);
}

#[test]
fn a_tolerated_failure_is_no_problem_and_has_no_alert() {
    let scene = Scene::new();
    scene.cronjob(annotated(WorkloadAnnotations {
        max_failures: Some(1),
        ..WorkloadAnnotations::default()
    }));
    scene.job(failed(HOUR)).at(HOUR);
    assert_eq!(scene.state(), OverallState::Tolerated);
    assert!(!scene.state().is_problem() && scene.alerts().is_empty());
    scene.job(failed(HOUR + 1));
    assert_eq!(scene.state(), OverallState::Failing);
    assert!(scene.state().is_problem());
}

#[test]
fn a_workload_that_failed_three_times_and_never_succeeded_has_never_succeeded() {
    let scene = Scene::new();
    scene.job(failed(1)).job(failed(2));
    assert_eq!(scene.state(), OverallState::Failing);
    scene.job(failed(3));
    assert_eq!(scene.state(), OverallState::NeverSucceeded);
    // A manual run that succeeds does not end the failures, but something can succeed.
    scene.job(Job {
        manual: true,
        due: None.into(),
        ..complete(4)
    });
    assert_eq!(scene.state(), OverallState::Failing);
    scene.job(complete(5));
    assert_eq!(scene.state(), OverallState::Succeeded);
}

#[test]
fn a_workload_whose_runs_are_always_replaced_is_failing() {
    let scene = Scene::new();
    scene.job(complete(1));
    for due in 2..=4 {
        scene.job(running(due));
        let deleted = Change::Deleted(running(due));
        scene.jobs.push(Update::Jobs(deleted));
    }
    assert_eq!(scene.state(), OverallState::Failing);
}

#[test]
fn a_workload_that_only_misses_its_due_times_is_overdue_and_one_that_fails_as_well_is_failing() {
    let scene = Scene::new();
    scene.cronjob(cronjob()).job(complete(0)).at(4 * HOUR);
    assert_eq!(scene.alerts()[0], "BatchFailingRepeatedly");
    assert_eq!(scene.state(), OverallState::Overdue);
    let main = scene.tick().main_finding().and_then(Finding::alert);
    assert_eq!(main, Some("BatchRunOverdue"));
    scene.job(failed(HOUR)).catch_up();
    assert!(scene.alerts().contains(&"BatchRunOverdue"));
    assert_eq!(scene.state(), OverallState::Failing);
}

#[test]
fn the_worst_finding_decides_and_all_are_listed() {
    let scene = Scene::new();
    scene.cronjob(annotated(WorkloadAnnotations {
        max_duration: Some(60),
        max_success_age: Some(HOUR),
        ..WorkloadAnnotations::default()
    }));
    let slow = Job {
        state_since: Some(MIDNIGHT + 1260).into(),
        ..failed(60)
    };
    scene.job(slow).job(running(120)).at(HOUR + 1);
    let expected = ["BatchNoRecentSuccess", "BatchRunFailed", "BatchRunTooLong"];
    assert_eq!(scene.alerts(), expected);
    assert_eq!(scene.state(), OverallState::Failing);
    let main = scene.tick().main_finding().and_then(Finding::alert);
    assert_eq!(main, Some("BatchRunFailed"));
    scene.job(complete(130)).catch_up();
    assert_eq!(scene.alerts(), ["BatchRunTooLong"]);
    assert_eq!(scene.state(), OverallState::TooLong);
}

#[test]
fn every_state_that_a_finding_above_info_stands_for_is_a_problem() {
    for state in OverallState::ALL {
        assert_eq!(OverallState::from_label(state.as_str()), Some(*state));
        assert_eq!(OverallState::ALL[state.rank()], *state);
    }
    let first_fine = OverallState::ALL.iter().find(|state| !state.is_problem());
    assert_eq!(first_fine, Some(&OverallState::Tolerated));
}
