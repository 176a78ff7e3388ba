//! A target that cannot be read is judged as of its last contact.

use super::*;

fn health(scene: &Scene) -> TargetHealth {
    TargetHealth::new(&scene.snapshot())
}

fn too_long(scene: &Scene) -> &Scene {
    scene.cronjob(annotated(WorkloadAnnotations {
        max_duration: Some(30 * MINUTE),
        ..WorkloadAnnotations::default()
    }));
    scene.job(running(0))
}

#[test]
fn nothing_becomes_too_long_while_the_target_is_down_and_its_age_is_known() {
    let scene = Scene::new();
    too_long(&scene).at(20 * MINUTE);
    scene.jobs.push(Update::Failed(FeedError::default()));
    scene.cronjobs.push(Update::Failed(FeedError::default()));
    NOW.set(MIDNIGHT + 3 * HOUR);
    let target = health(&scene);
    assert_eq!(target.reach, Reach::Down);
    assert_eq!(target.as_of, Some(MIDNIGHT + 20 * MINUTE));
    assert_eq!(target.age, Some(2 * HOUR + 40 * MINUTE));
    assert_eq!(scene.tick().findings, []);
    assert_eq!(scene.tick().as_of, target.as_of);
    // What was known before stays.
    scene.at(3 * HOUR);
    scene.jobs.push(Update::Contact);
    scene.cronjobs.push(Update::Contact);
    assert_eq!(health(&scene).reach, Reach::Up);
    assert!(scene.alerts().contains(&"BatchRunTooLong"));
}

#[test]
fn a_target_that_can_be_read_in_part_is_judged_as_of_now_like_its_alerts() {
    let scene = Scene::new();
    too_long(&scene).at(20 * MINUTE);
    scene.cronjobs.push(Update::Failed(FeedError::default()));
    NOW.set(MIDNIGHT + 31 * MINUTE);
    let target = health(&scene);
    assert_eq!((target.reach, target.age), (Reach::Partly, Some(0)));
    assert_eq!(scene.state(), OverallState::TooLong);
}

#[test]
fn a_target_that_was_not_read_completely_is_judged_after_ten_minutes() {
    let scene = Scene::unread(None, StoreSettings::default());
    scene.job(running(-DAY));
    assert_eq!((health(&scene).synced, health(&scene).as_of), (false, None));
    NOW.set(MIDNIGHT + 599);
    assert_eq!(health(&scene).age, None);
    NOW.set(MIDNIGHT + 600);
    assert_eq!(health(&scene).as_of, Some(MIDNIGHT + 600));
}

#[test]
fn a_target_that_never_answered_has_no_age() {
    let scene = Scene::unread(Some("prod"), StoreSettings::default());
    scene.jobs.push(Update::Failed(FeedError::default()));
    scene.cronjobs.push(Update::Failed(FeedError::default()));
    NOW.set(MIDNIGHT + HOUR);
    let target = health(&scene);
    assert_eq!(target.name.as_deref(), Some("prod"));
    assert_eq!(
        (target.reach, target.as_of, target.age),
        (Reach::Down, None, None)
    );
}

#[test]
fn a_configured_job_that_does_not_exist_is_counted() {
    let scene = Scene::new();
    let feed = scene.store.clone().register(FeedScope::Job {
        namespace: "ops".into(),
        name: "import".into(),
    });
    assert_eq!(health(&scene).missing_jobs, 0);
    feed.push(Update::JobAbsent);
    assert_eq!(health(&scene).missing_jobs, 1);
}
