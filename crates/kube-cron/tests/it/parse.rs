//! Parsing: error messages, and the choice of the time zone.

use kube_cron::{Schedule, Zone};

use super::{error, seconds};

#[test]
fn an_error_names_the_invalid_part_and_the_reason() {
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
fn a_schedule_without_a_time_zone_uses_that_of_the_controller() {
    let tokyo = Zone::named("Asia/Tokyo").unwrap();
    assert_eq!(tokyo.name(), "Asia/Tokyo");
    let after = seconds("2026-03-01T00:00:00Z");
    for (text, time_zone, due) in [
        ("0 9 * * *", None, "2026-03-02T00:00:00Z"),
        ("TZ=Local 0 9 * * *", None, "2026-03-02T00:00:00Z"),
        ("TZ= 0 9 * * *", None, "2026-03-01T09:00:00Z"),
        ("0 9 * * *", Some("UTC"), "2026-03-01T09:00:00Z"),
    ] {
        let schedule = Schedule::parse(text, time_zone, &tokyo).unwrap();
        assert_eq!(schedule.next(after), Some(seconds(due)), "{text}");
    }
}

#[test]
fn hints_say_what_to_write_instead() {
    for (text, expected) in [
        ("0", "put all five fields into one pair of quotes"),
        (
            "0 0 2 * * *",
            "CronJobs have no fields for seconds and years",
        ),
        ("0 2 * *", "write `*` in each field that does not matter"),
        ("0 0 * * 7", "Sunday is `0` or `sun`"),
        ("0 24 * * *", "midnight is `0`"),
        (
            "60/5 * * * *",
            "a step follows a range, as in `*/5` or `10-50/5`",
        ),
        ("0 22-6 * * *", "write two ranges, such as `22-23,0-6`"),
        (
            "*/0 * * * *",
            "the smallest step is 1, which is the same as none",
        ),
        ("0 0 1 june *", "names have three letters, such as `jun`"),
        ("@every 1d", "a day is `24h`"),
        ("@reboot", "or write five fields, such as `0 0 * * *`"),
        (
            "TZ=UTC",
            "write the schedule alone, and name the zone in `timeZone`",
        ),
    ] {
        let error = Schedule::parse(text, None, &Zone::UTC).unwrap_err();
        assert_eq!(error.hint(), Some(expected), "{text}");
    }
    for text in ["0 0 L * *", "0 0 15W * *", "0 0 * * 5#2"] {
        let error = Schedule::parse(text, None, &Zone::UTC).unwrap_err();
        let hint = error.hint().unwrap();
        assert!(
            hint.starts_with("CronJobs have no `L`, `W` and `#`"),
            "{text}: {hint}"
        );
    }
    let error = Schedule::parse("99 * * * *", None, &Zone::UTC).unwrap_err();
    assert_eq!(error.hint(), None, "the message says it all");
}

#[test]
fn the_similar_name_of_a_zone_is_the_one_that_is_meant() {
    for (name, expected) in [
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("America/New York", "America/New_York"),
        ("Asia/Shanghia", "Asia/Shanghai"),
        ("Amerika/Chicago", "America/Chicago"),
        ("utc", "UTC"),
    ] {
        assert_eq!(
            Zone::similar_name(name).as_deref(),
            Some(expected),
            "{name}"
        );
    }
    for name in ["", "Local", "+02:00", &"Europe/Berlin".repeat(1_000)] {
        assert_eq!(Zone::similar_name(name), None, "{name}");
    }
}
