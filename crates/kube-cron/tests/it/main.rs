//! Tests of the public interface, as one binary.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking; clippy takes only functions with #[test] for tests, not what they call"
)]

use kube_cron::{Schedule, Seconds, Zone};

mod arbitrary_input;
mod brute_force;
mod due;
mod next;
mod parse;
mod words;

fn seconds(time: &str) -> Seconds {
    let time: jiff::Timestamp = time.parse().unwrap();
    time.as_second()
}

/// A schedule in UTC, unless its text names a time zone.
fn schedule(text: &str) -> Schedule {
    Schedule::parse(text, None, &Zone::UTC).unwrap()
}

/// The message for an invalid schedule.
fn error(text: &str, time_zone: Option<&str>) -> String {
    let result = Schedule::parse(text, time_zone, &Zone::UTC);
    result.unwrap_err().to_string()
}
