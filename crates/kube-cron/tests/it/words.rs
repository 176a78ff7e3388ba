//! Schedules in words: the words of each form, and that they tell apart what is due at different times.

use jiff::{Timestamp, tz::Offset};
use kube_cron::Seconds;
use proptest::prelude::*;
use reader::Selection;

use super::{schedule, seconds};

mod reader;

fn words(text: &str) -> String {
    schedule(text).describe()
}

#[test]
fn common_schedules_have_short_words() {
    for (text, expected) in [
        ("15 2 * * *", "daily at 02:15"),
        ("15 2,14 * * *", "daily at 02:15 and 14:15"),
        ("0 9 * * 1-5", "at 09:00 on Monday to Friday"),
        ("0 9 * * sat,SUN", "at 09:00 on Saturday and Sunday"),
        ("0 0 1 * *", "at 00:00 on day 1 of the month"),
        ("0 0 1,15 * *", "at 00:00 on days 1 and 15 of the month"),
        ("30 6 24 12 *", "at 06:30 on day 24 of December"),
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        (
            "3/20 * * * *",
            "every 20 minutes from minute 3 of each hour",
        ),
        ("0 * * * *", "every hour on the hour"),
        ("15 * * * *", "every hour at minute 15"),
        ("0 */2 * * *", "every 2 hours from 00:00 to 22:00 every day"),
        (
            "0 9-17 * * mon-fri",
            "every hour from 09:00 to 17:00 on Monday to Friday",
        ),
        (
            "*/5 9-17 * * 1-5",
            "every 5 minutes from 09:00 to 17:55 on Monday to Friday",
        ),
        ("0-29 2 * * *", "every minute from 02:00 to 02:29 every day"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn macros_have_the_words_of_their_fields() {
    for (text, expected) in [
        ("@yearly", "at 00:00 on day 1 of January"),
        ("@monthly", "at 00:00 on day 1 of the month"),
        ("@weekly", "at 00:00 on Sunday"),
        ("@daily", "daily at 00:00"),
        ("@hourly", "every hour on the hour"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn every_is_counted_from_the_last_start() {
    for (duration, expected) in [
        ("1s", "every second"),
        ("100ms", "every second"),
        ("1m", "every minute"),
        ("90s", "every 90 seconds"),
        ("90m", "every 90 minutes"),
        ("60m", "every hour"),
        ("24h", "every 24 hours"),
        ("150m", "every 2 hours and 30 minutes"),
        ("1h0m1s", "every 1 hour and 1 second"),
        ("49h59m59s", "every 49 hours, 59 minutes and 59 seconds"),
    ] {
        let expected = format!("{expected}, counted from the last start");
        assert_eq!(words(&format!("@every {duration}")), expected, "{duration}");
    }
}

#[test]
fn lists_ranges_and_steps_have_exact_words() {
    for (text, expected) in [
        (
            "*/7 * * * *",
            "at minutes 0 to 56 in steps of 7 of every hour",
        ),
        ("5,10,40 * * * *", "at minutes 5, 10 and 40 of every hour"),
        ("5-10,40 * * * *", "at minutes 5 to 10 and 40 of every hour"),
        (
            "5,10,40 2,3,7 * * *",
            "at minutes 5, 10 and 40 past the hours 2, 3 and 7 every day",
        ),
        (
            "* 9,13 * * *",
            "every minute of the hours 9 and 13 every day",
        ),
        (
            "30 6,8,9,13,17 * * *",
            "daily at 06:30, 08:30, 09:30, 13:30 and 17:30",
        ),
        (
            "7 0-3,6-9,20 * * 0",
            "at minute 7 past the hours 0 to 3, 6 to 9 and 20 on Sunday",
        ),
        (
            "1,2,4 */4 1-31/2 * *",
            "at minutes 1, 2 and 4 past the hours 0 to 20 in steps of 4 on days 1 to 31 in steps of 2 of the month",
        ),
        (
            "0 12 * 1-3,dec *",
            "daily at 12:00 in January to March and December",
        ),
        (
            "0 12 * * 5-6,0-1",
            "at 12:00 on Monday and Friday to Sunday",
        ),
        (
            "0 12 1 */3 *",
            "at 12:00 on day 1 of January, April, July and October",
        ),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

#[test]
fn an_empty_field_and_a_date_that_does_not_exist_are_never_due() {
    for (text, expected, never) in [
        ("0 0 , * *", "never", true),
        (", 0 * * *", "never", true),
        ("0 0 * , *", "never", true),
        ("0 0 , * ,", "never", true),
        (
            "0 0 31 2,4 *",
            "at 00:00 on day 31 of February and April",
            true,
        ),
        (
            "0 0 30-31 2 *",
            "at 00:00 on days 30 and 31 of February",
            true,
        ),
        ("0 0 29 2 *", "at 00:00 on day 29 of February", false),
        (
            "0 0 31 2,3 *",
            "at 00:00 on day 31 of February and March",
            false,
        ),
        (
            "0 0 31 2 1",
            "at 00:00 on each day in February that is day 31 of the month or falls on Monday",
            false,
        ),
        (
            "@every 1h",
            "every hour, counted from the last start",
            false,
        ),
    ] {
        let schedule = schedule(text);
        assert_eq!(schedule.describe(), expected, "{text}");
        assert_eq!(schedule.is_never_due(), never, "{text}");
        let next = schedule.next(seconds("2026-01-01T00:00:00Z"));
        assert_eq!(next.is_none(), never, "{text}");
    }
}

#[test]
fn two_day_fields_select_the_days_that_match_either() {
    for (text, expected) in [
        (
            "0 0 13 * 5",
            "at 00:00 on each day that is day 13 of the month or falls on Friday",
        ),
        (
            "0 0 1-7,15 6 1,3",
            "at 00:00 on each day in June that is day 1 to 7 or 15 of the month or falls on Monday or Wednesday",
        ),
        // `*/2` restricts, so it is not the same as a star.
        (
            "0 0 10 * */2",
            "at 00:00 on each day that is day 10 of the month or falls on Tuesday, Thursday, Saturday or Sunday",
        ),
        // Without a star, one field with all days is enough for every day.
        ("0 0 1-31 * 5", "daily at 00:00"),
        ("0 0 13 * 0-6", "daily at 00:00"),
        ("0 0 *,3 * 5", "at 00:00 on Friday"),
        ("0 0 , * 5", "at 00:00 on Friday"),
    ] {
        assert_eq!(words(text), expected, "{text}");
    }
}

/// The texts of a field, of all kinds.
fn field(min: u8, max: u8) -> impl Strategy<Value = String> {
    let number = move || min..=max;
    let range = (number(), number()).prop_map(|(a, b)| (a.min(b), a.max(b)));
    let stepped = (range.clone(), 1..=max).prop_map(|((a, b), step)| format!("{a}-{b}/{step}"));
    let list = proptest::collection::btree_set(number(), 1..6);
    let list = list.prop_map(|numbers| {
        let numbers: Vec<_> = numbers.iter().map(u8::to_string).collect();
        numbers.join(",")
    });
    prop_oneof![
        3 => Just("*".to_owned()),
        1 => (1..=max).prop_map(|step| format!("*/{step}")),
        2 => number().prop_map(|number| number.to_string()),
        1 => range.prop_map(|(a, b)| format!("{a}-{b}")),
        1 => stepped,
        2 => list,
    ]
}

fn schedules() -> impl Strategy<Value = String> {
    let fields = (
        field(0, 59),
        field(0, 23),
        field(1, 31),
        field(1, 12),
        field(0, 6),
    );
    fields.prop_map(|(minute, hour, day, month, weekday)| {
        format!("{minute} {hour} {day} {month} {weekday}")
    })
}

fn selects(selection: &Selection, time: Seconds) -> bool {
    let time = Timestamp::from_second(time).unwrap();
    selection.contains(Offset::UTC.to_datetime(time))
}

proptest! {
    /// So two schedules with the same words have the same due times, and each field that restricts them shows.
    #[test]
    fn who_reads_the_words_finds_the_due_times(
        text in schedules(),
        after in 1_500_000_000..2_000_000_000_i64,
    ) {
        let schedule = schedule(&text);
        let words = schedule.describe();
        let selection = Selection::read(&words);
        let first = after - after.rem_euclid(60) + 60;
        let next = schedule.next(after);
        let read = (0..2 * 24 * 60)
            .map(|minutes| first + minutes * 60)
            .find(|time| selects(&selection, *time));
        let soon = next.filter(|due| due - first < 2 * 24 * 3_600);
        prop_assert_eq!(read, soon, "{}: {}", text, words);
        let due: Vec<_> = schedule.upcoming(0, after).take(20).collect();
        for due in &due {
            prop_assert!(selects(&selection, *due), "{}: {} at {}", text, words, due);
        }
        prop_assert_eq!(due.is_empty(), schedule.is_never_due(), "{}", words);
    }

    #[test]
    fn the_words_of_an_interval_have_its_length(step in 1..10_000_000_i64) {
        let words = words(&format!("@every {step}s"));
        prop_assert_eq!(reader::interval(&words), step, "{}", words);
    }
}
