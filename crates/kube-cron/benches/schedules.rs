//! How long it takes to parse schedules, to find the next due time, and to evaluate long windows.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use kube_cron::{Schedule, Seconds, Window, Zone};

/// 2026-03-29T00:00:00Z, one hour before clocks in Berlin skip the hour from 2:00.
const BEFORE_CLOCK_CHANGE: Seconds = 1_774_742_400;
const YEAR: Seconds = 365 * 24 * 60 * 60;
/// As many due times as the exporter counts.
const MAX_COUNT: u64 = 1_000;

#[allow(clippy::panic, reason = "all schedules here are valid")]
fn schedule(text: &str, time_zone: Option<&str>) -> Schedule {
    Schedule::parse(text, time_zone, &Zone::UTC).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    for (name, text, time_zone) in [
        ("every field a star", "* * * * *", None),
        (
            "lists, ranges and names",
            "*/15,59 9-17/2 1-7 jan-jun mon-fri",
            None,
        ),
        ("with a time zone", "30 2 * * *", Some("Europe/Berlin")),
        ("@every", "@every 1h30m", None),
        ("invalid", "0 0 * * 7", None),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| Schedule::parse(black_box(text), black_box(time_zone), &Zone::UTC));
        });
    }
    group.finish();
}

fn next(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("next");
    for (name, text, time_zone) in [
        ("each five minutes", "*/5 * * * *", None),
        ("daily", "0 3 * * *", None),
        (
            "daily, over a clock change",
            "30 2 * * *",
            Some("Europe/Berlin"),
        ),
        ("29 February", "0 0 29 2 *", None),
        (
            "29 February, with a time zone",
            "0 0 29 2 *",
            Some("Europe/Berlin"),
        ),
        ("never", "0 0 31 2 *", None),
    ] {
        let schedule = schedule(text, time_zone);
        group.bench_function(name, |bencher| {
            bencher.iter(|| schedule.next(black_box(BEFORE_CLOCK_CHANGE)));
        });
    }
    group.finish();
}

fn due(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("due in a year");
    let window = Window {
        since: BEFORE_CLOCK_CHANGE - YEAR,
        starting_deadline: None,
        now: BEFORE_CLOCK_CHANGE,
    };
    for (name, text, time_zone) in [
        ("each minute", "* * * * *", None),
        (
            "each minute, with a time zone",
            "* * * * *",
            Some("Europe/Berlin"),
        ),
        ("irregular", "*/25 9-17 * * 1-5", Some("Europe/Berlin")),
        ("daily", "30 2 * * *", Some("Europe/Berlin")),
        ("@every", "@every 1s", None),
    ] {
        let schedule = schedule(text, time_zone);
        group.bench_function(name, |bencher| {
            bencher.iter(|| schedule.due(black_box(window), MAX_COUNT));
        });
    }
    group.finish();
}

criterion_group!(benches, parse, next, due);
criterion_main!(benches);
