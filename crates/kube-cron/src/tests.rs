//! The evaluator against the originals' answers, against a plain search of its own, and against nonsense.

use super::*;

mod hostile;
mod plain;
mod vectors;

fn seconds(time: &str) -> Seconds {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.as_second()
}

/// Read in UTC, unless the schedule has a zone in it.
fn schedule(text: &str) -> Schedule {
    Schedule::parse(text, None, &Zone::default()).unwrap()
}

fn error(text: &str, time_zone: Option<&str>) -> String {
    let refused = Schedule::parse(text, time_zone, &Zone::default());
    refused.unwrap_err().to_string()
}

#[test]
fn an_error_says_what_is_wrong_with_which_part() {
    for (text, expected) in [
        (
            "* * * *",
            "a schedule has 5 fields (minute, hour, day of month, month, day of week), not 4",
        ),
        ("0 0 * * 7", "day of week `7`: 7 is not in 0 (Sunday) to 6"),
        ("1,60 * * * *", "minute `60`: 60 is not in 0 to 59"),
        (
            "0 22-6 * * *",
            "hour `22-6`: the range ends before it begins",
        ),
        ("0 0 L * *", "day of month `L`: `L` is not a number"),
        (
            "0 0 1 june *",
            "month `june`: `june` is not a number or one of `jan` to `dec`",
        ),
        ("*/ * * * *", "minute `*/`: a number is missing"),
        ("*/0 * * * *", "minute `*/0`: the step is 0"),
        (
            "@every 1d",
            "`@every 1d`: not a duration such as `1h30m` or `90s` (units are h, m, s, ms, us and ns)",
        ),
        ("TZ=UTC", "no schedule follows the time zone in `TZ=UTC`"),
        (
            "\u{1b}[31m * * * *",
            "minute `\\u{1b}[31m`: `\\u{1b}[31m` is not a number",
        ),
    ] {
        assert_eq!(error(text, None), expected);
    }
    assert!(error("@reboot", None).starts_with("`@reboot` is not one of @yearly, "));
    assert_eq!(error("@daily", Some("")), "`` is not a time zone");
    assert_eq!(
        error("@daily", Some("europe/berlin")),
        "`europe/berlin` is not a time zone, but `Europe/Berlin` is"
    );
    assert_eq!(
        error("TZ=UTC @daily", Some("UTC")),
        "the time zone is named twice, in the schedule and in `timeZone`"
    );
}

#[test]
fn without_a_zone_of_its_own_a_schedule_is_read_in_that_of_the_controller() {
    let tokyo = Zone::named("Asia/Tokyo").unwrap();
    assert_eq!(tokyo.name(), "Asia/Tokyo");
    let after = seconds("2026-03-01T00:00:00Z");
    for (text, time_zone, slot) in [
        ("0 9 * * *", None, "2026-03-02T00:00:00Z"),
        ("TZ=Local 0 9 * * *", None, "2026-03-02T00:00:00Z"),
        ("TZ= 0 9 * * *", None, "2026-03-01T09:00:00Z"),
        ("0 9 * * *", Some("UTC"), "2026-03-01T09:00:00Z"),
    ] {
        let schedule = Schedule::parse(text, time_zone, &tokyo).unwrap();
        assert_eq!(schedule.next(after), Some(seconds(slot)), "{text}");
    }
}

#[test]
fn a_chain_of_seconds_is_reckoned_and_not_walked() {
    let window = Window {
        since: 0,
        deadline: None,
        now: Seconds::MAX - 1,
    };
    let due = schedule("@every 1s").due(window, 1_000).unwrap();
    assert_eq!(due.slots, 1_000);
    assert_eq!(due.estimate, window.now.unsigned_abs());
    assert_eq!(due.first, Some(1));
    assert_eq!(due.latest, Some(window.now));
    assert_eq!(due.start, Some(window.now));
    assert_eq!(due.next, Some(Seconds::MAX));
}

/// The estimate looks back as far as the gap between the first two slots is wide, twice: here over months of minutes.
#[test]
fn the_most_recent_of_very_many_slots_is_found_by_halving() {
    let window = Window {
        since: seconds("2020-07-31T23:58:00Z"),
        deadline: None,
        now: seconds("2026-09-10T00:00:30Z"),
    };
    let due = schedule("* * * 1-7 *").due(window, 10).unwrap();
    assert_eq!(due.slots, 10);
    assert_eq!(due.first, Some(seconds("2020-07-31T23:59:00Z")));
    let most_recent = Some(seconds("2026-07-31T23:59:00Z"));
    assert_eq!((due.latest, due.start), (most_recent, most_recent));
    assert_eq!(due.next, Some(seconds("2027-01-01T00:00:00Z")));
}

#[test]
fn halving_ends_before_1970_too() {
    for now in -100_003..-100_000 {
        let window = Window {
            since: -400_000_000,
            deadline: None,
            now,
        };
        let due = schedule("* * * * *").due(window, 10).unwrap();
        assert_eq!(due.latest, Some(-100_020));
    }
}

/// Where clocks go back from 3:45 to 2:45, the controller can answer with a slot before the time it is asked for, and
/// makes a run for it.
#[test]
fn on_chatham_the_next_slot_is_a_later_one_though_the_controller_goes_back() {
    let at = |text| Schedule::parse(text, Some("Pacific/Chatham"), &Zone::default()).unwrap();
    let schedule = at("15 3 * * *");
    let before = seconds("2026-04-04T13:30:00Z");
    let created = seconds("2026-04-04T14:05:00Z");
    assert_eq!(schedule.answer(created), Some(before));
    assert_eq!(
        schedule.next(created),
        Some(seconds("2026-04-04T14:30:00Z"))
    );
    let window = Window {
        since: created,
        deadline: None,
        now: created + 1,
    };
    let due = schedule.due(window, 100).unwrap();
    assert_eq!((due.slots, due.start), (1, Some(before)));

    let circle = at("45 3-17/9 * * *");
    let slot = seconds("2027-04-03T14:00:00Z");
    assert_eq!(circle.answer(slot), Some(seconds("2027-04-03T14:00:00Z")));
    assert_eq!(circle.next(slot), Some(seconds("2027-04-03T15:00:00Z")));
}

/// As the doc of [`Due`] promises to callers who keep a count.
#[test]
fn a_count_goes_on_from_slot_to_slot() {
    let schedule = schedule("*/25 9-17 * * 1-5");
    let since = seconds("2026-03-06T16:10:00Z");
    let ask = |now| {
        let window = Window {
            since,
            deadline: None,
            now,
        };
        schedule.due(window, u64::MAX).unwrap()
    };
    let mut due = ask(since);
    for _ in 0..100 {
        let slot = due.next.unwrap();
        assert_eq!(ask(slot - 1).slots, due.slots);
        let slots = due.slots + 1;
        due = ask(slot);
        assert_eq!((due.slots, due.latest), (slots, Some(slot)));
        assert_eq!(due.next, schedule.next(slot));
    }
}

#[test]
fn a_day_that_was_left_out_ends_the_search() {
    let first = Schedule::parse("0 0 1 * *", Some("Pacific/Apia"), &Zone::default()).unwrap();
    assert_eq!(first.next(seconds("2011-12-15T00:00:00Z")), None);
    assert_eq!(
        first.next(seconds("2011-12-30T10:00:00Z")),
        Some(seconds("2011-12-31T10:00:00Z"))
    );
}

#[test]
fn a_chain_hangs_on_its_beginning_and_a_clock_on_nothing() {
    let every = Schedule::parse("@every 7m", None, &Zone::default()).unwrap();
    let clock = Schedule::parse("*/7 * * * *", None, &Zone::default()).unwrap();
    for (after, chained) in [(1000, 1420), (1419, 1420), (1420, 1840), (5000, 5200)] {
        assert_eq!(every.next_in_chain(1000, after), Some(chained));
        assert_eq!(clock.next_in_chain(1000, after), clock.next(after));
    }
    assert_eq!(every.next_in_chain(0, Seconds::MAX), None);
    assert_eq!(every.next_in_chain(Seconds::MIN, Seconds::MAX), None);
}
