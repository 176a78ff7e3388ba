//! The due times of long windows, and of windows that grow.

use kube_cron::{Seconds, Window};

use super::{schedule, seconds};

#[test]
fn due_times_of_every_are_computed_without_a_loop() {
    let window = Window {
        since: 0,
        starting_deadline: None,
        now: Seconds::MAX - 1,
    };
    let due = schedule("@every 1s").due(window, 1_000).unwrap();
    assert_eq!(due.count, 1_000);
    assert_eq!(due.estimate, window.now.unsigned_abs());
    assert_eq!(due.earliest, Some(1));
    assert_eq!(due.latest, Some(window.now));
    assert_eq!(due.start, Some(window.now));
    assert_eq!(due.next, Some(Seconds::MAX));
}

/// The estimate goes back by two intervals, as long as that between the first two due times. Here the schedule then has
/// no due time for months.
#[test]
fn bisection_finds_the_latest_of_many_due_times() {
    let window = Window {
        since: seconds("2020-07-31T23:58:00Z"),
        starting_deadline: None,
        now: seconds("2026-09-10T00:00:30Z"),
    };
    let due = schedule("* * * 1-7 *").due(window, 10).unwrap();
    assert_eq!(due.count, 10);
    assert_eq!(due.earliest, Some(seconds("2020-07-31T23:59:00Z")));
    let latest = Some(seconds("2026-07-31T23:59:00Z"));
    assert_eq!((due.latest, due.start), (latest, latest));
    assert_eq!(due.next, Some(seconds("2027-01-01T00:00:00Z")));
}

#[test]
fn bisection_ends_before_1970_too() {
    for now in -100_003..-100_000 {
        let window = Window {
            since: -400_000_000,
            starting_deadline: None,
            now,
        };
        let due = schedule("* * * * *").due(window, 10).unwrap();
        assert_eq!(due.latest, Some(-100_020));
    }
}

/// As the documentation of [`kube_cron::DueTimes`] states.
#[test]
fn the_count_changes_only_at_next() {
    let schedule = schedule("*/25 9-17 * * 1-5");
    let since = seconds("2026-03-06T16:10:00Z");
    let due_at = |now| {
        let window = Window {
            since,
            starting_deadline: None,
            now,
        };
        schedule.due(window, u64::MAX).unwrap()
    };
    let mut due = due_at(since);
    for _ in 0..100 {
        let next = due.next.unwrap();
        assert_eq!(due_at(next - 1).count, due.count);
        let count = due.count + 1;
        due = due_at(next);
        assert_eq!((due.count, due.latest), (count, Some(next)));
        assert_eq!(due.next, schedule.next(next));
    }
}
