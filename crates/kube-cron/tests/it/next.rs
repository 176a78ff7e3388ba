//! The next due time: a skipped day, and anchored intervals.

use kube_cron::{Schedule, Seconds, Zone};

use super::{schedule, seconds};

#[test]
fn the_search_ends_at_a_day_that_the_zone_skipped() {
    let first = Schedule::parse("0 0 1 * *", Some("Pacific/Apia"), &Zone::UTC).unwrap();
    assert_eq!(first.next(seconds("2011-12-15T00:00:00Z")), None);
    assert_eq!(
        first.next(seconds("2011-12-30T10:00:00Z")),
        Some(seconds("2011-12-31T10:00:00Z"))
    );
}

#[test]
fn the_anchor_affects_every_and_not_fields() {
    let every = schedule("@every 7m");
    let fields = schedule("*/7 * * * *");
    for (after, anchored) in [(1000, 1420), (1419, 1420), (1420, 1840), (5000, 5200)] {
        assert_eq!(every.next_anchored(1000, after), Some(anchored));
        assert_eq!(fields.next_anchored(1000, after), fields.next(after));
    }
    assert_eq!(every.next_anchored(0, Seconds::MAX), None);
    assert_eq!(every.next_anchored(Seconds::MIN, Seconds::MAX), None);
}

#[test]
fn upcoming_due_times_follow_the_clock_changes_of_the_zone() {
    let schedule = Schedule::parse("30 2 * * *", Some("Europe/Berlin"), &Zone::UTC).unwrap();
    for (after, expected) in [
        // The night to 29 March has no 2:30.
        (
            "2026-03-28T01:30:00Z",
            ["2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"],
        ),
        // The night to 25 October has two.
        (
            "2026-10-24T00:30:00Z",
            ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"],
        ),
    ] {
        let due: Vec<_> = schedule.upcoming(0, seconds(after)).take(2).collect();
        assert_eq!(due, expected.map(seconds), "after {after}");
    }
}

#[test]
fn upcoming_due_times_of_every_are_counted_from_the_anchor() {
    let every = schedule("@every 7m");
    assert_eq!(every.interval(), Some(420));
    let due: Vec<_> = every.upcoming(1000, 2000).take(3).collect();
    assert_eq!(due, [2260, 2680, 3100]);
    let near_the_end = Seconds::MAX - 421;
    assert_eq!(every.upcoming(near_the_end, near_the_end).count(), 1);
}
