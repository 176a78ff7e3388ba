//! In UTC, where no clock ever changes, the search has to find what a plain look at every day and minute finds.

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date, tz::Offset};
use proptest::{collection::btree_set, prelude::*};

use super::*;

/// The numbers of a field, or all of them.
type Numbers = Option<BTreeSet<i8>>;

fn numbers(least: i8, most: i8) -> impl Strategy<Value = Numbers> {
    proptest::option::of(btree_set(least..=most, 1..5))
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

fn has(numbers: &Numbers, number: i8) -> bool {
    numbers
        .as_ref()
        .is_none_or(|numbers| numbers.contains(&number))
}

/// What cron does with its two day fields: either is enough, unless one of them is a star.
fn on_day(days: &Numbers, weekdays: &Numbers, date: Date) -> bool {
    let day = has(days, date.day());
    let weekday = has(weekdays, date.weekday().to_sunday_zero_offset());
    match (days, weekdays) {
        (Some(_), Some(_)) => day || weekday,
        _ => day && weekday,
    }
}

fn first_slot(fields: &[Numbers; 5], after: Seconds) -> Option<Seconds> {
    let [minutes, hours, days, months, weekdays] = fields;
    let begin = Offset::UTC
        .to_datetime(Timestamp::from_second(after + 1).unwrap())
        .date();
    let mut date = begin;
    while date.year() <= begin.year() + 5 {
        if has(months, date.month()) && on_day(days, weekdays, date) {
            for (hour, minute) in (0..24).flat_map(|hour| (0..60).map(move |minute| (hour, minute)))
            {
                let slot = date.at(hour, minute, 0, 0);
                let slot = Offset::UTC.to_timestamp(slot).unwrap().as_second();
                if slot > after && has(hours, hour) && has(minutes, minute) {
                    return Some(slot);
                }
            }
        }
        date = date.tomorrow().unwrap();
    }
    None
}

proptest! {
    #[test]
    fn the_search_finds_what_a_look_at_every_minute_finds(
        fields in (numbers(0, 59), numbers(0, 23), numbers(1, 31), numbers(1, 12), numbers(0, 6)),
        after in -10_000_000_000..100_000_000_000_i64,
        later in 0..40_000_000_i64,
    ) {
        let fields = [fields.0, fields.1, fields.2, fields.3, fields.4];
        let schedule = schedule(&fields.each_ref().map(text).join(" "));
        let slot = schedule.next(after);
        prop_assert_eq!(slot, first_slot(&fields, after));
        // Whoever asks later is not told of an earlier slot.
        let next = schedule.next(after + later);
        prop_assert!(next.is_none() || next >= slot);
    }
}
