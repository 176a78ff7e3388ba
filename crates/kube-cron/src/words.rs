//! Schedules in words, such as `at 09:00 on Monday to Friday`.
//!
//! The words depend on the numbers that match, not on the text: `*/30` and `0,30` have the same words. Two schedules with the
//! same words have the same due times. Common schedules have short words; the words of the others are long and still exact.

use super::{
    HOUR, MINUTE, Seconds,
    days::Days,
    parse::{BitSet, Fields, Rule},
};

/// This many times of day are always listed.
const FEW_TIMES: usize = 4;
/// This many times of day are listed if they are not evenly spaced.
const MANY_TIMES: usize = 8;
/// The fewest numbers that are a range in words, as in `1 to 3`.
const RANGE: usize = 3;
/// The fewest numbers that are `1 to 9 in steps of 2` in words.
const STEPS: usize = 5;

const MINUTES_PER_HOUR: usize = 60;
const HOURS_PER_DAY: usize = 24;

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

/// The weekdays in the order of the words. In a schedule, Sunday is 0.
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The rule in words.
pub(super) fn describe(rule: &Rule) -> String {
    match rule {
        Rule::Fields(fields) => describe_fields(fields),
        Rule::Every(step) => format!("every {}, counted from the last start", interval(*step)),
    }
}

fn describe_fields(fields: &Fields) -> String {
    let days = Days::of(fields);
    let empty = [fields.minutes, fields.hours, fields.months]
        .iter()
        .any(|set| set.is_empty());
    if empty || days == Days::None {
        return "never".to_owned();
    }
    let time = Time::of(fields);
    let all_days = days == Days::All;
    let words = match &time {
        Time::List(times) if all_days => format!("daily at {times}"),
        Time::List(times) => format!("at {times}"),
        Time::PartOfDay(words) if all_days => format!("{words} every day"),
        Time::PartOfDay(words) | Time::WholeDay(words) => words.clone(),
    };
    words + &dates(days, fields.months)
}

/// The minutes and hours in words.
enum Time {
    /// Single times of day: `09:00 and 17:00`.
    List(String),
    /// Times in some hours of the day.
    PartOfDay(String),
    /// The same minutes in every hour.
    WholeDay(String),
}

impl Time {
    fn of(fields: &Fields) -> Self {
        let minutes: Vec<_> = numbers(fields.minutes);
        let hours: Vec<_> = numbers(fields.hours);
        if hours.len() == HOURS_PER_DAY {
            return Self::WholeDay(every_hour(&minutes));
        }
        let times: Vec<_> = hours
            .iter()
            .flat_map(|hour| minutes.iter().map(move |minute| hour * 60 + minute))
            .collect();
        let step = even_step(&times);
        if times.len() <= FEW_TIMES || step.is_none() && times.len() <= MANY_TIMES {
            let times: Vec<_> = times.iter().map(|time| clock(*time)).collect();
            return Self::List(join(&times, "and"));
        }
        if let (Some(step), [first, .., last]) = (step, &times[..]) {
            let step = interval(Seconds::from(step) * MINUTE);
            return Self::PartOfDay(format!(
                "every {step} from {} to {}",
                clock(*first),
                clock(*last)
            ));
        }
        let hours = format!("{} {}", plural("hour", &hours), number_list(&hours, "and"));
        if minutes.len() == MINUTES_PER_HOUR {
            return Self::PartOfDay(format!("every minute of the {hours}"));
        }
        let list = number_list(&minutes, "and");
        let minutes = plural("minute", &minutes);
        Self::PartOfDay(format!("at {minutes} {list} past the {hours}"))
    }
}

/// The minutes of every hour in words.
fn every_hour(minutes: &[i32]) -> String {
    match (minutes, even_step(minutes)) {
        ([0], _) => "every hour on the hour".to_owned(),
        ([minute], _) => format!("every hour at minute {minute}"),
        // The step from the last minute to the first of the next hour is the same.
        ([first, .., last], Some(step)) if last + step == first + 60 => {
            let step = interval(Seconds::from(step) * MINUTE);
            match first {
                0 => format!("every {step}"),
                first => format!("every {step} from minute {first} of each hour"),
            }
        }
        _ => format!("at minutes {} of every hour", number_list(minutes, "and")),
    }
}

/// The days and months in words, with a leading blank. Empty if every day matches.
fn dates(days: Days, months: BitSet) -> String {
    let months = numbers(months);
    let months = (months.len() < MONTHS.len()).then(|| name_list(&months, 1, &MONTHS, "and"));
    let in_months = months
        .as_ref()
        .map_or_else(String::new, |months| format!(" in {months}"));
    match days {
        Days::None | Days::All => in_months,
        Days::OfMonth(days) => {
            let days = numbers(days);
            let months = months.as_deref().unwrap_or("the month");
            let list = number_list(&days, "and");
            format!(" on {} {list} of {months}", plural("day", &days))
        }
        Days::OfWeek(weekdays) => format!(" on {}{in_months}", weekday_list(weekdays, "and")),
        Days::Either(days, weekdays) => format!(
            " on each day{in_months} that is day {} of the month or falls on {}",
            number_list(&numbers(days), "or"),
            weekday_list(weekdays, "or")
        ),
    }
}

fn weekday_list(weekdays: BitSet, conjunction: &str) -> String {
    let mut weekdays = numbers(weekdays);
    // Sunday is the last day of a week in words.
    for weekday in &mut weekdays {
        *weekday = (*weekday + 6) % 7;
    }
    weekdays.sort_unstable();
    name_list(&weekdays, 0, &WEEKDAYS, conjunction)
}

/// The names of numbers, where `names` begins with that of `first`.
fn name_list(numbers: &[i32], first: i32, names: &[&str], conjunction: &str) -> String {
    let name = |number: i32| {
        let index = usize::try_from(number - first).ok();
        let name = index.and_then(|index| names.get(index));
        name.map_or_else(String::new, |name| (*name).to_owned())
    };
    join(&ranges(numbers, name), conjunction)
}

fn number_list(numbers: &[i32], conjunction: &str) -> String {
    if let ([first, .., last], Some(step)) = (numbers, even_step(numbers))
        && step > 1
        && numbers.len() >= STEPS
    {
        return format!("{first} to {last} in steps of {step}");
    }
    join(&ranges(numbers, |number| number.to_string()), conjunction)
}

/// Ascending numbers, where three or more in sequence become a range.
fn ranges(numbers: &[i32], name: impl Fn(i32) -> String) -> Vec<String> {
    let mut words = Vec::new();
    for range in numbers.chunk_by(|number, next| number + 1 == *next) {
        match range {
            [first, .., last] if range.len() >= RANGE => {
                words.push(format!("{} to {}", name(*first), name(*last)));
            }
            _ => words.extend(range.iter().map(|number| name(*number))),
        }
    }
    words
}

/// `a`, `a and b`, `a, b and c`.
fn join(words: &[String], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} {conjunction} {last}", words.join(", ")),
    }
}

fn plural(noun: &str, numbers: &[i32]) -> String {
    let ending = if numbers.len() == 1 { "" } else { "s" };
    format!("{noun}{ending}")
}

/// The distance of ascending numbers, if it is the same between all of them. `None` for fewer than two.
fn even_step(numbers: &[i32]) -> Option<i32> {
    let [first, second, ..] = numbers else {
        return None;
    };
    let step = second - first;
    let mut pairs = numbers.windows(2);
    pairs
        .all(|pair| matches!(pair, [a, b] if b - a == step))
        .then_some(step)
}

fn numbers(set: BitSet) -> Vec<i32> {
    set.numbers().map(i32::from).collect()
}

/// Minutes since midnight as `HH:MM`.
fn clock(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// What follows `every`: `minute`, `90 minutes`, `2 hours and 30 minutes`.
fn interval(seconds: Seconds) -> String {
    /// Below this many minutes or seconds, no larger unit is needed.
    const ONE_UNIT: Seconds = 120;
    let count = |number: Seconds, unit: &str| match number {
        1 => format!("1 {unit}"),
        number => format!("{number} {unit}s"),
    };
    let units = [(HOUR, "hour"), (MINUTE, "minute"), (1, "second")];
    for (length, unit) in units {
        let number = seconds / length;
        if seconds == length {
            return unit.to_owned();
        }
        if seconds % length == 0 && (length == HOUR || number < ONE_UNIT) {
            return count(number, unit);
        }
    }
    let parts = [
        (seconds / HOUR, "hour"),
        (seconds % HOUR / MINUTE, "minute"),
        (seconds % MINUTE, "second"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<_> = parts.map(|(number, unit)| count(*number, unit)).collect();
    join(&parts, "and")
}
