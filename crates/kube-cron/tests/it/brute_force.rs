//! In UTC, which has no clock changes, the search finds the same due times as a check of every minute.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::Offset};
use kube_cron::Seconds;
use proptest::{collection::btree_set, prelude::*};

use super::schedule;

/// The numbers of a field, or `None` for a star.
type Numbers = Option<BTreeSet<i8>>;

fn numbers(min: i8, max: i8) -> impl Strategy<Value = Numbers> {
    proptest::option::of(btree_set(min..=max, 1..5))
}

fn text(numbers: &Numbers) -> String {
    numbers.as_ref().map_or_else(
        || "*".to_owned(),
        |numbers| {
            numbers
                .iter()
                .map(i8::to_string)
                .collect::<Vec<_>>()
                .join(",")
        },
    )
}

fn contains(numbers: &Numbers, number: i8) -> bool {
    numbers
        .as_ref()
        .is_none_or(|numbers| numbers.contains(&number))
}

/// The rule of cron for the two day fields: either must match, unless one of them is a star.
fn matches_day(days: &Numbers, weekdays: &Numbers, date: Date) -> bool {
    let day = contains(days, date.day());
    let weekday = contains(weekdays, date.weekday().to_sunday_zero_offset());
    match (days, weekdays) {
        (Some(_), Some(_)) => day || weekday,
        _ => day && weekday,
    }
}

fn first_due(fields: &[Numbers; 5], after: Seconds) -> Option<Seconds> {
    let [minutes, hours, days, months, weekdays] = fields;
    let start = Offset::UTC
        .to_datetime(Timestamp::from_second(after + 1).unwrap())
        .date();
    let mut date = start;
    while date.year() <= start.year() + 5 {
        if contains(months, date.month()) && matches_day(days, weekdays, date) {
            for (hour, minute) in (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
            {
                let due = date.at(hour, minute, 0, 0);
                let due = Offset::UTC.to_timestamp(due).unwrap().as_second();
                if due > after && contains(hours, hour) && contains(minutes, minute) {
                    return Some(due);
                }
            }
        }
        date = date.tomorrow().unwrap();
    }
    None
}

proptest! {
    #[test]
    fn the_search_equals_a_check_of_every_minute(
        fields in (numbers(0, 59), numbers(0, 23), numbers(1, 31), numbers(1, 12), numbers(0, 6)),
        after in -10_000_000_000..100_000_000_000_i64,
        later in 0..40_000_000_i64,
    ) {
        let fields = [fields.0, fields.1, fields.2, fields.3, fields.4];
        let schedule = schedule(&fields.each_ref().map(text).join(" "));
        let due = schedule.next(after);
        prop_assert_eq!(due, first_due(&fields, after));
        // A later `after` never gives an earlier due time.
        let next = schedule.next(after + later);
        prop_assert!(next.is_none() || next >= due);
    }
}
