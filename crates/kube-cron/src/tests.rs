//! Unit tests: the results of the original Go libraries, and what needs private functions.
//!
//! Tests of the public interface are in `tests/it`.

use super::*;

mod vectors;

fn seconds(time: &str) -> Seconds {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.as_second()
}

/// Where clocks go back from 3:45 to 2:45, the controller can get a due time before the time it asks for, and starts a
/// run for it.
#[test]
fn on_chatham_next_increases_although_the_controller_goes_back() {
    let parse = |text| Schedule::parse(text, Some("Pacific/Chatham"), &Zone::UTC).unwrap();
    let schedule = parse("15 3 * * *");
    let before = seconds("2026-04-04T13:30:00Z");
    let created = seconds("2026-04-04T14:05:00Z");
    assert_eq!(schedule.next_raw(created), Some(before));
    assert_eq!(
        schedule.next(created),
        Some(seconds("2026-04-04T14:30:00Z"))
    );
    let window = Window {
        since: created,
        starting_deadline: None,
        now: created + 1,
    };
    let due = schedule.due(window, 100).unwrap();
    assert_eq!((due.count, due.start), (1, Some(before)));

    let circular = parse("45 3-17/9 * * *");
    let due = seconds("2027-04-03T14:00:00Z");
    assert_eq!(circular.next_raw(due), Some(due));
    assert_eq!(circular.next(due), Some(seconds("2027-04-03T15:00:00Z")));
}
