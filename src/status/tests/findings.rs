//! Each finding at the border of its threshold: what an alert says of the same facts.

use super::*;
use crate::{
    model::{ConcurrencyPolicy, NotStarted},
    status::judge::{
        MAX_BLOCKED, MAX_ENDING, MAX_PENDING, MAX_SUSPENDED, MISSED_WITHIN, PILING_UP_FOR,
    },
};

fn forbid() -> CronJob {
    CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        ..cronjob()
    }
}

#[test]
fn failed_runs_count_from_the_tolerated_number_on() {
    for (tolerated, failures, expected) in [
        (0, 1, "BatchRunFailed"),
        (1, 1, ""),
        (1, 2, "BatchRunFailed"),
    ] {
        let scene = Scene::new();
        scene.cronjob(annotated(WorkloadAnnotations {
            max_failures: Some(tolerated),
            ..WorkloadAnnotations::default()
        }));
        scene.job(complete(HOUR));
        for number in 1..=failures {
            scene.job(failed(HOUR + MINUTE * number));
        }
        scene.at(HOUR + 10 * MINUTE);
        assert_eq!(scene.alerts().join(" "), expected, "{tolerated} {failures}");
    }
}

#[test]
fn a_failed_run_tells_how_many_failed_since_when_and_why() {
    let scene = Scene::new();
    scene
        .job(complete(HOUR))
        .job(failed(2 * HOUR))
        .job(failed(3 * HOUR));
    let expected = Finding::RunFailed {
        cause: None,
        failures: 2,
        tolerated: 0,
        reason: FailureReason::DeadlineExceeded,
        since: Some(MIDNIGHT + 2 * HOUR),
    };
    assert_eq!(scene.tick().findings, [expected]);
    scene.job(complete(4 * HOUR));
    assert_eq!(scene.tick().findings, []);
}

#[test]
fn three_runs_without_success_are_critical_and_two_are_not() {
    let scene = Scene::new();
    scene.job(complete(1)).job(failed(2)).job(failed(3));
    assert_eq!(scene.alerts(), ["BatchRunFailed"]);
    scene.job(failed(4));
    assert_eq!(scene.alerts(), ["BatchFailingRepeatedly", "BatchRunFailed"]);
    let expected = Finding::NotSucceeding {
        runs: 3,
        tolerated: 2,
        last_success: Some(MIDNIGHT + 1),
        since: Some(MIDNIGHT + 2),
    };
    assert_eq!(scene.tick().findings[0], expected);
}

#[test]
fn a_success_is_late_one_second_after_its_deadline_and_never_while_suspended() {
    let annotations = WorkloadAnnotations {
        max_success_age: Some(2 * HOUR),
        ..WorkloadAnnotations::default()
    };
    let daily = |suspended| CronJob {
        suspended,
        schedule: "@daily".into(),
        ..annotated(annotations.clone())
    };
    let scene = Scene::new();
    scene.cronjob(daily(false)).at(HOUR).job(complete(HOUR));
    scene.at(3 * HOUR);
    assert_eq!(scene.tick().findings, []);
    assert_eq!(scene.tick().success_deadline, Some(MIDNIGHT + 3 * HOUR));
    scene.at(3 * HOUR + 1);
    let (deadline, late) = (MIDNIGHT + 3 * HOUR, 1);
    assert_eq!(
        scene.tick().findings,
        [Finding::NoRecentSuccess { deadline, late }]
    );
    scene.cronjob(daily(true));
    assert_eq!(scene.alerts(), [] as [&str; 0]);
}

#[test]
fn a_run_is_overdue_when_its_grace_is_over() {
    let scene = Scene::new();
    scene.cronjob(cronjob()).at(HOUR + 60);
    assert_eq!(scene.tick().findings, []);
    scene.at(HOUR + 61);
    let expected = Finding::Overdue {
        runs: 1,
        since: Some(MIDNIGHT + HOUR),
        reason: Some(NotStarted::Unexplained),
    };
    assert_eq!(scene.tick().findings, [expected]);
}

#[test]
fn three_due_times_missed_within_six_hours_are_too_many() {
    let scene = Scene::new();
    scene.cronjob(cronjob());
    for hour in 1..=3 {
        scene.at(hour * HOUR + 61);
    }
    scene.job(complete(3 * HOUR));
    assert_eq!(
        scene.alerts(),
        ["BatchRunsMissed"],
        "a late run takes none back"
    );
    // The next ones start in time.
    let end = HOUR + 61 + MISSED_WITHIN;
    for hour in 4..=7 {
        scene.at(hour * HOUR).job(complete(hour * HOUR));
    }
    scene.at(end);
    assert_eq!(scene.alerts(), ["BatchRunsMissed"]);
    scene.at(end + 1);
    assert_eq!(scene.alerts(), [] as [&str; 0]);
}

#[test]
fn an_invalid_schedule_is_found() {
    let scene = Scene::new();
    for (schedule, expected) in [("0 0 30 2 *", "BatchScheduleInvalid"), ("@daily", "")] {
        scene.cronjob(CronJob {
            schedule: schedule.into(),
            ..cronjob()
        });
        assert_eq!(scene.alerts().join(" "), expected);
    }
}

#[test]
fn a_run_is_too_long_one_second_after_its_maximum_duration() {
    let scene = Scene::new();
    scene.cronjob(annotated(WorkloadAnnotations {
        max_duration: Some(30 * MINUTE),
        ..WorkloadAnnotations::default()
    }));
    scene.job(running(0)).at(30 * MINUTE);
    assert_eq!(scene.tick().findings, []);
    scene.at(30 * MINUTE + 1);
    let expected = Finding::TooLong {
        start: MIDNIGHT,
        active_for: 30 * MINUTE + 1,
        max_duration: 30 * MINUTE,
    };
    assert_eq!(expected.since(), Some(MIDNIGHT + 30 * MINUTE));
    assert_eq!(scene.tick().findings, [expected]);
}

#[test]
fn the_job_that_is_pending_for_longest_is_named() {
    let scene = Scene::new();
    for start in [60, 0, 120] {
        scene.job(run(start, JobState::Pending));
    }
    scene.at(MAX_PENDING);
    assert_eq!(scene.tick().findings, []);
    scene.at(MAX_PENDING + 1);
    let expected = Finding::Pending {
        waiting: None,
        job_name: "tick-0".into(),
        start: MIDNIGHT,
        pending_for: MAX_PENDING + 1,
    };
    assert_eq!(scene.tick().findings[0], expected);
}

#[test]
fn the_job_whose_pods_terminate_for_longest_is_named_until_it_has_ended() {
    let ending = |due, state| Job {
        state_since: Some(MIDNIGHT + due + 60).into(),
        ..run(due, state)
    };
    let scene = Scene::new();
    scene.job(ending(60, JobState::Failing));
    scene.job(ending(0, JobState::Succeeding));
    scene.at(60 + MAX_ENDING);
    assert_eq!(scene.tick().findings, []);
    scene.at(60 + MAX_ENDING + 1);
    let expected = Finding::StuckEnding {
        job_name: "tick-0".into(),
        since: MIDNIGHT + 60,
        ending_for: MAX_ENDING + 1,
    };
    assert_eq!(scene.tick().findings, [expected]);
    assert_eq!(scene.state(), OverallState::StuckEnding);
    scene.job(complete(0)).job(failed(60)).job(complete(120));
    assert_eq!(scene.alerts(), [] as [&str; 0]);
}

#[test]
fn a_run_that_holds_up_others_is_found_after_an_hour() {
    let scene = Scene::new();
    scene.cronjob(forbid()).job(running(0));
    scene.at(HOUR + MAX_BLOCKED);
    assert_eq!(scene.tick().findings, []);
    scene.at(HOUR + MAX_BLOCKED + 1);
    let expected = Finding::Blocked {
        since: MIDNIGHT + HOUR,
        blocked_for: MAX_BLOCKED + 1,
    };
    assert_eq!(scene.tick().findings, [expected]);
}

#[test]
fn runs_pile_up_when_three_are_active_for_a_quarter_of_an_hour() {
    let scene = Scene::new();
    for start in [0, 60, 120, 180] {
        scene.job(running(start));
        // Only a `CronJob` piles up: others start several runs on purpose.
        scene.job(of("workflow", "parallel", running(start)));
    }
    scene.at(120 + PILING_UP_FOR - 1);
    assert_eq!(scene.alerts(), [] as [&str; 0]);
    scene.at(120 + PILING_UP_FOR);
    let expected = Finding::PilingUp {
        runs: 4,
        since: MIDNIGHT + 120,
    };
    assert_eq!(scene.tick().findings, [expected]);
    let overview = Overview::new(&[scene.snapshot()], &Query::default());
    assert_eq!(overview.summary.count(OverallState::PilingUp), 1);
}

#[test]
fn a_suspension_is_forgotten_after_a_week() {
    let scene = Scene::new();
    scene.cronjob(CronJob {
        suspended: true,
        ..cronjob()
    });
    for (time, forgotten) in [
        (0, false),
        (MAX_SUSPENDED, false),
        (MAX_SUSPENDED + 1, true),
    ] {
        scene.at(time);
        let since = MIDNIGHT;
        assert_eq!(
            scene.tick().findings,
            [Finding::Suspended { since, forgotten }]
        );
    }
    assert_eq!(scene.alerts(), ["BatchCronJobSuspended"]);
}

#[test]
fn a_run_is_slow_after_three_times_the_longest_of_a_week_but_not_within_ten_minutes() {
    let took = |due, seconds| Job {
        state_since: Some(MIDNIGHT + due + seconds).into(),
        ..complete(due)
    };
    for (longest, border) in [(400, 1200), (10, 600)] {
        let scene = Scene::new();
        scene.job(took(-9 * DAY, 100_000));
        scene.job(took(-6 * DAY, longest)).job(took(-DAY, 5));
        scene.job(running(0)).at(border);
        assert_eq!(scene.tick().findings, [], "{longest}");
        scene.at(border + 1);
        let expected = Finding::SlowerThanUsual {
            start: MIDNIGHT,
            active_for: border + 1,
            longest,
        };
        assert_eq!(scene.tick().findings, [expected]);
        assert_eq!(scene.state(), OverallState::Running);
    }
}

#[test]
fn without_a_run_to_compare_with_nothing_is_slow() {
    let scene = Scene::new();
    scene.job(running(0)).at(5 * DAY);
    assert_eq!(scene.tick().findings, []);
}

#[test]
fn invalid_annotations_are_named_once() {
    let scene = Scene::new();
    let invalid = [("unknown", "a"), ("max-duration", "1x"), ("unknown", "b")];
    scene.cronjob(annotated(WorkloadAnnotations {
        invalid: invalid.map(|(name, value)| (name, value.into())).into(),
        ..WorkloadAnnotations::default()
    }));
    let names = vec!["max-duration", "unknown"];
    assert_eq!(
        scene.tick().findings,
        [Finding::InvalidAnnotations { names }]
    );
}

#[test]
fn times_that_others_write_do_no_harm() {
    let scene = Scene::new();
    for (due, state) in [
        (Seconds::MAX / 2, JobState::Complete),
        (Seconds::MIN / 2, JobState::Failed),
        (Seconds::MIN / 2 + 1, JobState::Running),
        (Seconds::MAX / 2 + 1, JobState::Pending),
    ] {
        scene.job(run(due, state));
    }
    assert_eq!(scene.tick().active_runs, 2);
}
