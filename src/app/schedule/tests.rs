//! Tests of what the command prints.

use super::*;

/// The flags with these schedule, zone and start.
fn flags(schedule: &str, time_zone: Option<&str>, from: &str) -> ScheduleFlags {
    ScheduleFlags {
        schedule: schedule.to_owned(),
        time_zone: time_zone.map(str::to_owned),
        from: Some(from.parse().unwrap()),
        count: 3,
        output: OutputFormat::Table,
    }
}

fn now() -> Timestamp {
    "2026-11-28T16:00:00.5Z".parse().unwrap()
}

fn listing(schedule: &str, time_zone: Option<&str>, from: &str) -> Listing {
    Listing::new(&flags(schedule, time_zone, from), now()).unwrap()
}

fn local_times(listing: &Listing) -> Vec<&str> {
    listing.due.iter().map(|due| &due.local[..]).collect()
}

fn error(schedule: &str, time_zone: Option<&str>) -> ScheduleError {
    output(&flags(schedule, time_zone, "2026-01-01"), now()).unwrap_err()
}

#[test]
fn the_table_shows_words_zone_and_due_times_across_a_clock_change() {
    let flags = flags("30 2 * * *", Some("Europe/Berlin"), "2026-03-28");
    assert_eq!(
        output(&flags, now()).unwrap(),
        "\
schedule   30 2 * * *
in words   daily at 02:30
time zone  Europe/Berlin
from       2026-03-28T00:00:00+01:00

DUE (LOCAL TIME)               UTC
Sat 2026-03-28T02:30:00+01:00  2026-03-28T01:30:00Z
Mon 2026-03-30T02:30:00+02:00  2026-03-30T00:30:00Z  clocks went forward 1 h
Tue 2026-03-31T02:30:00+02:00  2026-03-31T00:30:00Z
"
    );
}

#[test]
fn json_has_the_same_facts() {
    let flags = ScheduleFlags {
        output: OutputFormat::Json,
        count: 2,
        ..flags("30 2 * * *", Some("Europe/Berlin"), "2026-10-25")
    };
    let text = output(&flags, now()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "schedule": "30 2 * * *",
            "description": "daily at 02:30",
            "time_zone": "Europe/Berlin",
            "from": "2026-10-25T00:00:00+02:00",
            "due": [
                {
                    "local": "2026-10-25T02:30:00+02:00",
                    "utc": "2026-10-25T00:30:00Z",
                    "weekday": "Sun",
                    "clock_change_seconds": 0,
                },
                {
                    "local": "2026-10-25T02:30:00+01:00",
                    "utc": "2026-10-25T01:30:00Z",
                    "weekday": "Sun",
                    "clock_change_seconds": -3600,
                },
            ],
            "never_due": false,
            "notes": [],
        })
    );
}

#[test]
fn the_first_due_time_can_be_the_start() {
    let zone = Some("UTC");
    for (from, first) in [
        ("2026-05-01", "2026-05-01T00:00:00+00:00"),
        ("2026-05-01T00:00:00Z", "2026-05-01T00:00:00+00:00"),
        ("2026-05-01T00:00:00.001Z", "2026-05-02T00:00:00+00:00"),
        ("1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00+00:00"),
        ("1969-12-31T00:00:00.5Z", "1970-01-01T00:00:00+00:00"),
    ] {
        assert_eq!(
            local_times(&listing("@daily", zone, from))[0],
            first,
            "{from}"
        );
    }
}

#[test]
fn every_counts_from_the_start() {
    let listing = listing("@every 90m", Some("UTC"), "2026-05-01");
    assert_eq!(
        local_times(&listing),
        [
            "2026-05-01T01:30:00+00:00",
            "2026-05-01T03:00:00+00:00",
            "2026-05-01T04:30:00+00:00"
        ]
    );
    assert!(listing.notes[0].starts_with("the list counts from its start"));
}

#[test]
fn a_day_without_midnight_starts_after_the_gap() {
    let listing = listing("@hourly", Some("America/Havana"), "2026-03-08");
    assert_eq!(listing.from, "2026-03-08T01:00:00-04:00");
    assert_eq!(local_times(&listing)[0], listing.from);
}

#[test]
fn without_a_start_the_list_begins_now() {
    let flags = ScheduleFlags {
        from: None,
        ..flags("0 16 * * *", Some("UTC"), "2026-01-01")
    };
    let listing = Listing::new(&flags, now()).unwrap();
    assert_eq!(listing.from, "2026-11-28T16:00:00+00:00");
    // Half a second ago is over.
    assert_eq!(local_times(&listing)[0], "2026-11-29T16:00:00+00:00");
}

#[test]
fn notes_say_what_the_author_should_know() {
    const ASSUMED: &str = "UTC is assumed";
    const REJECTED: &str = "the API server rejects `TZ=`";
    const NEVER: &str = "it is never due";
    for (schedule, time_zone, expected) in [
        ("@daily", Some("UTC"), &[][..]),
        ("@daily", None, &[ASSUMED]),
        ("TZ=Asia/Tokyo @daily", None, &[REJECTED]),
        ("TZ=Local @daily", None, &[REJECTED, ASSUMED]),
        (
            "CRON_TZ=UTC @daily",
            None,
            &["the API server rejects `CRON_TZ=`"],
        ),
        ("0 0 30 2 *", Some("UTC"), &[NEVER]),
        (
            "0 0 29 2 *",
            Some("UTC"),
            &["the CronJob controller searches five years"],
        ),
    ] {
        let listing = listing(schedule, time_zone, "2096-02-01");
        let notes = &listing.notes;
        assert_eq!(notes.len(), expected.len(), "{schedule}: {notes:?}");
        for (note, expected) in notes.iter().zip(expected) {
            assert!(note.starts_with(expected), "{schedule}: {note}");
        }
        assert_eq!(listing.never_due, expected == [NEVER], "{schedule}");
        assert_eq!(listing.due.is_empty(), listing.never_due, "{schedule}");
    }
}

#[test]
fn the_table_of_a_schedule_that_is_never_due_says_so_in_place_of_times() {
    let text = output(&flags("0 0 30 2 *", Some("UTC"), "2026-01-01"), now()).unwrap();
    assert!(
        text.ends_with(
            "+00:00\n\nnote: it is never due: no date and time matches, and no run will start\n"
        ),
        "{text}"
    );
}

#[test]
fn an_unknown_zone_is_an_error_with_the_name_that_is_meant() {
    let did_you_mean = Some("did you mean `Europe/Berlin`?");
    for (schedule, time_zone, message, hint) in [
        (
            "@daily",
            Some("Europe/Berln"),
            "`Europe/Berln` is not a time zone",
            did_you_mean,
        ),
        (
            "TZ=Berlin @daily",
            None,
            "`Berlin` is not a time zone",
            did_you_mean,
        ),
        (
            "@daily",
            Some("europe/berlin"),
            "`europe/berlin` is not a time zone, but `Europe/Berlin` is",
            Some("use an IANA name such as `UTC` or `Europe/Berlin`, in its exact case"),
        ),
    ] {
        let error = error(schedule, time_zone);
        assert_eq!(error.to_string(), message);
        assert_eq!(error.hint().as_deref(), hint, "{message}");
    }
}

#[test]
fn an_invalid_schedule_is_an_error_with_its_reason() {
    let ScheduleError::Invalid(reason) = error("0 0 * * 7", None) else {
        panic!("not an invalid schedule");
    };
    assert_eq!(
        reason.to_string(),
        "day of week `7`: 7 is not in 0 (Sunday) to 6"
    );
    let hint = error("0 0 * * 7", None).hint();
    assert_eq!(hint.as_deref(), Some("Sunday is `0` or `sun`"));
}

#[test]
fn text_after_a_star_cannot_change_the_terminal() {
    let flags = flags("*-\u{1b}[31m 0 * * *", Some("UTC"), "2026-01-01");
    let text = output(&flags, now()).unwrap();
    assert!(
        text.starts_with("schedule   *-\\u{1b}[31m 0 * * *\n"),
        "{text}"
    );
}

#[test]
fn a_start_beyond_the_calendar_is_an_error() {
    let flags = flags("@daily", Some("UTC"), "9999-12-31");
    assert!(matches!(
        output(&flags, now()),
        Err(ScheduleError::Start(_))
    ));
}
