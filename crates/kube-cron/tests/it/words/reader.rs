//! Reads the words of a schedule as a person does. It knows nothing of cron.

use std::collections::BTreeSet;

use jiff::civil::DateTime;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The times that words select.
pub(super) struct Selection {
    /// Minutes since midnight.
    times: BTreeSet<i32>,
    days: Option<BTreeSet<i32>>,
    /// Monday is 1.
    weekdays: Option<BTreeSet<i32>>,
    months: BTreeSet<i32>,
}

impl Selection {
    pub(super) fn read(words: &str) -> Self {
        let words = words.replace("on the hour", "at minute 0");
        let (rest, months) = months(&words.replace(" of the month", ""));
        let (time, days, weekdays) = days(&rest);
        Self {
            times: times(&time),
            days,
            weekdays,
            months,
        }
    }

    pub(super) fn contains(&self, time: DateTime) -> bool {
        let day = i32::from(time.day());
        let weekday = i32::from(time.weekday().to_monday_one_offset());
        let matches_day = match (&self.days, &self.weekdays) {
            (None, None) => true,
            (days, weekdays) => {
                days.as_ref().is_some_and(|days| days.contains(&day))
                    || weekdays
                        .as_ref()
                        .is_some_and(|days| days.contains(&weekday))
            }
        };
        let minute = i32::from(time.hour()) * 60 + i32::from(time.minute());
        matches_day
            && self.months.contains(&i32::from(time.month()))
            && self.times.contains(&minute)
    }
}

/// The words without the months, and these.
fn months(words: &str) -> (String, BTreeSet<i32>) {
    // ` of April and June` follows the days, ` in April and June` everything else.
    for word in [" of ", " in "] {
        for (at, _) in words.match_indices(word) {
            let rest = &words[at + word.len()..];
            let (names, tail) = match rest.find(" that is") {
                Some(end) => rest.split_at(end),
                None => (rest, ""),
            };
            if MONTHS.iter().any(|month| names.starts_with(month)) {
                return (format!("{}{tail}", &words[..at]), set(names, 1, month));
            }
        }
    }
    (words.to_owned(), (1..=12).collect())
}

type Numbers = Option<BTreeSet<i32>>;

/// The words of the time, the days of the month, and the weekdays.
fn days(words: &str) -> (String, Numbers, Numbers) {
    if let Some((time, days)) = words.split_once(" on each day that is day ") {
        let (days, weekdays) = days.split_once(" or falls on ").unwrap();
        return (
            time.to_owned(),
            Some(numbers(days)),
            Some(set(weekdays, 1, weekday)),
        );
    }
    for word in [" on days ", " on day "] {
        if let Some((time, days)) = words.split_once(word) {
            return (time.to_owned(), Some(numbers(days)), None);
        }
    }
    if let Some((time, weekdays)) = words.split_once(" on ") {
        return (time.to_owned(), None, Some(set(weekdays, 1, weekday)));
    }
    let time = words.strip_suffix(" every day").unwrap_or(words);
    (
        time.strip_prefix("daily ").unwrap_or(time).to_owned(),
        None,
        None,
    )
}

fn times(words: &str) -> BTreeSet<i32> {
    let every_hour = |minutes: BTreeSet<i32>| grid(&minutes, &(0..24).collect());
    if let Some(minutes) = words.strip_suffix(" of every hour") {
        return every_hour(numbers(minutes.strip_prefix("at minutes ").unwrap()));
    }
    if let Some((minutes, hours)) = words.split_once(" past the hour") {
        let minutes = minutes.strip_prefix("at minute").unwrap();
        return grid(&numbers(unplural(minutes)), &numbers(unplural(hours)));
    }
    if let Some(times) = words.strip_prefix("at ") {
        return set(times, 1, clock);
    }
    if let Some(minute) = words.strip_prefix("every hour at minute ") {
        return every_hour(numbers(minute));
    }
    if let Some(hours) = words.strip_prefix("every minute of the hour") {
        return grid(&(0..60).collect(), &numbers(unplural(hours)));
    }
    let (every, from) = words
        .split_once(" from ")
        .unwrap_or((words, "minute 0 of each hour"));
    let step = usize::try_from(interval(every) / 60).unwrap();
    if let Some(minute) = from.strip_prefix("minute ") {
        let first = minute
            .strip_suffix(" of each hour")
            .unwrap()
            .parse()
            .unwrap();
        return every_hour((first..60).step_by(step).collect());
    }
    let (first, last) = from.split_once(" to ").unwrap();
    (clock(first)..=clock(last)).step_by(step).collect()
}

/// The seconds of `every 2 hours and 30 minutes`.
pub(super) fn interval(words: &str) -> i64 {
    let words = words.strip_prefix("every ").unwrap();
    let words = words
        .strip_suffix(", counted from the last start")
        .unwrap_or(words);
    let parts = words.replace(" and ", ", ");
    let parts = parts.split(", ").map(|part| {
        let (count, unit) = part.split_once(' ').unwrap_or(("1", part));
        let length = match unit.trim_end_matches('s') {
            "hour" => 3_600,
            "minute" => 60,
            "second" => 1,
            unit => panic!("the unit {unit} of {words}"),
        };
        count.parse::<i64>().unwrap() * length
    });
    parts.sum()
}

fn unplural(words: &str) -> &str {
    words
        .strip_prefix("s ")
        .unwrap_or_else(|| words.trim_start())
}

fn grid(minutes: &BTreeSet<i32>, hours: &BTreeSet<i32>) -> BTreeSet<i32> {
    let times = hours
        .iter()
        .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute));
    times.collect()
}

/// `1, 5 to 7 and 9`, or `1 to 9 in steps of 2`.
fn numbers(words: &str) -> BTreeSet<i32> {
    let number = |word: &str| word.parse().unwrap();
    match words.split_once(" in steps of ") {
        Some((range, step)) => set(range, step.parse().unwrap(), number),
        None => set(words, 1, number),
    }
}

fn set(words: &str, step: usize, number: impl Fn(&str) -> i32) -> BTreeSet<i32> {
    let items = words.replace(" and ", ", ").replace(" or ", ", ");
    let mut set = BTreeSet::new();
    for item in items.split(", ") {
        let (first, last) = item.split_once(" to ").unwrap_or((item, item));
        set.extend((number(first)..=number(last)).step_by(step));
    }
    set
}

fn clock(word: &str) -> i32 {
    let (hour, minute) = word.split_once(':').unwrap();
    hour.parse::<i32>().unwrap() * 60 + minute.parse::<i32>().unwrap()
}

fn month(word: &str) -> i32 {
    place(&MONTHS, word)
}

fn weekday(word: &str) -> i32 {
    place(&WEEKDAYS, word)
}

fn place(names: &[&str], word: &str) -> i32 {
    let place = names.iter().position(|name| *name == word);
    i32::try_from(place.unwrap_or_else(|| panic!("the name {word}")) + 1).unwrap()
}
