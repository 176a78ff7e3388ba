//! Runs that ended while no feed looked.

use super::*;

fn forbid() -> CronJob {
    CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        ..hourly()
    }
}

#[test]
fn a_run_that_nobody_saw_active_held_up_others_until_its_end() {
    let end = 3 * HOUR + 30 * MINUTE;
    let ended = Job {
        state_since: Some(MIDNIGHT + end).into(),
        ..run(0, JobState::Complete)
    };
    let scene = Scene::new();
    scene.cronjob(forbid()).catch_up();
    scene.at(end + 10).job(ended).catch_up();
    assert_eq!(scene.counts(), (Some(0), 0));
    // Then the controller starts the latest run that was held up.
    scene.at(end + 61).catch_up();
    assert_eq!(scene.counts(), (Some(1), 1));
    let overdue_since = scene.status().overdue_since;
    assert_eq!(overdue_since, Some(MIDNIGHT + 3 * HOUR));
}

/// The feeds catch up once both are overdue.
#[test]
fn a_run_that_was_held_up_is_missed_together_with_the_next_one() {
    let end = 3 * HOUR + 30 * MINUTE;
    let ended = Job {
        state_since: Some(MIDNIGHT + end).into(),
        ..run(0, JobState::Complete)
    };
    let scene = Scene::new();
    scene.job(run(0, JobState::Running)).cronjob(forbid());
    scene.catch_up();
    scene.at(end).job(ended);
    assert_eq!(scene.counts(), (Some(0), 0));
    scene.at(4 * HOUR + 61).catch_up();
    assert_eq!(scene.counts(), (Some(2), 2));
}
