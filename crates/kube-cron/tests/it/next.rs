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
