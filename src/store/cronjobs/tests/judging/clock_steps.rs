//! The wall clock is set ahead or back while everything runs.

use super::*;
use crate::model::{ClientEvent, EventCounter as _};

impl Scene {
    /// A response arrives at this time by the clock of the API server.
    fn server_date(&self, time: Seconds) -> &Self {
        let date = Timestamp::from_second(MIDNIGHT + time).unwrap();
        self.store.count(ClientEvent::ServerDate(date));
        self
    }

    fn next(&self) -> Option<Seconds> {
        self.status().next.map(|next| next - MIDNIGHT)
    }
}

#[test]
fn a_step_ahead_and_back_invents_no_missed_run() {
    let scene = Scene::new();
    scene.server_date(0).cronjob(hourly()).catch_up();
    assert_eq!((scene.counts(), scene.next()), ((Some(0), 0), Some(HOUR)));
    scene.at(2 * HOUR + 120).catch_up();
    assert_eq!(scene.counts(), (Some(0), 0));
    assert_eq!(scene.next(), Some(3 * HOUR), "as this clock says");
    scene.at(10).catch_up();
    assert_eq!((scene.counts(), scene.next()), ((Some(0), 0), Some(HOUR)));
    // Time goes on, and a run is really missed.
    scene.at(HOUR + 61).server_date(HOUR + 61).catch_up();
    assert_eq!(scene.counts(), (Some(1), 1));
    assert_eq!(scene.unsuccessful(), 1);
}

#[test]
fn a_server_that_is_ahead_invents_no_missed_run() {
    let scene = Scene::new();
    scene.server_date(0).cronjob(hourly()).catch_up();
    scene.at(60).server_date(2 * HOUR).catch_up();
    assert_eq!((scene.counts(), scene.next()), ((Some(0), 0), Some(HOUR)));
}

#[test]
fn after_a_step_back_schedules_are_judged_again() {
    let scene = Scene::new();
    // Nobody says that this clock is wrong.
    scene.cronjob(hourly()).catch_up();
    scene.at(2 * HOUR + 120).catch_up();
    assert_eq!(scene.counts(), (Some(2), 2));
    scene.at(10).catch_up();
    assert_eq!(scene.counts().0, Some(0));
    assert_eq!(scene.next(), Some(HOUR));
    // Each due time counts once, whatever the clock did.
    scene.at(2 * HOUR + 120).catch_up();
    assert_eq!(scene.counts(), (Some(2), 2));
    assert_eq!(scene.next(), Some(3 * HOUR));
    assert_eq!(scene.unsuccessful(), 2);
}

#[test]
fn a_change_that_was_seen_in_the_future_happened_now() {
    let scene = Scene::new();
    scene.cronjob(hourly()).catch_up();
    let suspended = CronJob {
        suspended: true,
        ..hourly()
    };
    let schedule = |scene: &Scene| scene.workload().state.schedule.unwrap();
    scene.at(9 * HOUR).cronjob(suspended).catch_up();
    scene.at(60).catch_up();
    assert_eq!(schedule(&scene).suspended_since, Some(MIDNIGHT + 60));
    scene.at(9 * HOUR).cronjob(hourly()).catch_up();
    scene.at(120).catch_up();
    assert_eq!(schedule(&scene).resumed, Some(MIDNIGHT + 120));
    scene.at(HOUR + 61).catch_up();
    assert_eq!(scene.counts(), (Some(1), 1));
}
