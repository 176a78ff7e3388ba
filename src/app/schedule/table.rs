//! The output of the command `schedule` for terminals. Its lines fit 80 columns unless the schedule or a note is long.

use std::fmt::Write as _;

use super::{Due, Listing};

/// The words about the schedule, a table of due times, and the notes.
pub(super) fn render(listing: &Listing) -> String {
    let schedule = listing.schedule.escape_debug().to_string();
    let mut text = String::new();
    for (title, value) in [
        ("schedule", &schedule),
        ("in words", &listing.description),
        ("time zone", &listing.time_zone),
        ("from", &listing.from),
    ] {
        line(&mut text, &format!("{title:<9}  {value}"));
    }
    if !listing.due.is_empty() {
        text.push('\n');
        line(&mut text, &format!("{:<29}  {}", "DUE (LOCAL TIME)", "UTC"));
    }
    for due in &listing.due {
        let Due {
            weekday,
            local,
            utc,
            ..
        } = due;
        let change = clock_change(due.clock_change_seconds);
        let row = format!("{weekday} {local:<25}  {utc:<20}  {change}");
        line(&mut text, row.trim_end());
    }
    if !listing.notes.is_empty() {
        text.push('\n');
    }
    for note in &listing.notes {
        line(&mut text, &format!("note: {note}"));
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}

/// What happened to the clocks since the line before. Empty if nothing did.
fn clock_change(seconds: i32) -> String {
    let direction = match seconds {
        0 => return String::new(),
        1.. => "forward",
        ..0 => "back",
    };
    let minutes = seconds.abs() / 60;
    let length = match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    format!("clocks went {direction} {length}")
}
