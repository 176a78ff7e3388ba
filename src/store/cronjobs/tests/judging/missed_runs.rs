//! Which due times show as missed, and when they were counted.

use super::*;

/// Hours after midnight and outcome of each tick.
fn ticks(scene: &Scene) -> Vec<(Seconds, &'static str)> {
    let ticks = scene.workload().state.ticks;
    ticks
        .iter()
        .map(|it| ((it.due() - MIDNIGHT) / HOUR, it.outcome.as_str()))
        .collect()
}

/// When missed due times were counted, in seconds after midnight.
fn counted_at(scene: &Scene) -> Vec<Seconds> {
    let schedule = scene.workload().state.schedule.unwrap();
    schedule.missed_at.iter().map(|at| at - MIDNIGHT).collect()
}

#[test]
fn a_missed_due_time_has_a_tick_until_its_run_starts_late() {
    let scene = Scene::new();
    scene.cronjob(hourly()).catch_up();
    scene.at(HOUR + 60).catch_up();
    assert_eq!(ticks(&scene), []);
    scene.at(2 * HOUR + 61).catch_up();
    assert_eq!(ticks(&scene), [(1, "missed"), (2, "missed")]);
    scene.job(run(2 * HOUR, JobState::Running)).catch_up();
    assert_eq!(ticks(&scene), [(1, "missed")]);
    scene.job(run(2 * HOUR, JobState::Failed));
    assert_eq!(ticks(&scene), [(1, "missed"), (2, "failed")]);
}

#[test]
fn a_missed_due_time_keeps_the_reason_that_was_known_when_it_was_found() {
    let scene = Scene::new();
    scene.cronjob(CronJob {
        starting_deadline: Some(2 * HOUR),
        ..hourly()
    });
    scene.catch_up();
    // By then the deadline of the first has passed, at whose end a start is still allowed.
    scene.at(3 * HOUR + 61).catch_up();
    scene.at(4 * HOUR + 61).catch_up();
    let ticks = scene.workload().state.ticks;
    let reasons: Vec<_> = ticks.iter().map(|it| it.not_started().unwrap()).collect();
    let unexplained = NotStarted::Unexplained;
    let expected = [
        NotStarted::DeadlinePassed,
        unexplained,
        unexplained,
        unexplained,
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn the_last_three_times_at_which_due_times_were_counted_are_known() {
    let scene = Scene::new();
    scene.cronjob(hourly()).catch_up();
    let expected = [HOUR + 61, 2 * HOUR + 90, 4 * HOUR + 70, 4 * HOUR + 70];
    for time in &expected[..3] {
        scene.at(*time).catch_up();
    }
    assert_eq!(counted_at(&scene), expected[1..]);
    // A late start does not take them back.
    scene.job(run(4 * HOUR, JobState::Complete)).catch_up();
    assert_eq!(counted_at(&scene), expected[1..]);
    let next = scene.restart();
    next.cronjob(hourly()).catch_up();
    assert_eq!(counted_at(&next), expected[1..]);
}

#[test]
fn what_was_overdue_before_the_first_sight_was_not_counted_at_any_time() {
    let scene = Scene::new();
    scene.at(2 * HOUR + 61).cronjob(hourly()).catch_up();
    assert_eq!(counted_at(&scene), [] as [Seconds; 0]);
    assert_eq!(ticks(&scene), [(1, "missed"), (2, "missed")]);
}
