//! Compares results with every line of `tests/fixtures`, which the original Go libraries computed.

use std::{collections::BTreeMap, fmt::Write, fs, iter};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::*;

/// The limit of `slots_due` in the vectors.
const MAX_COUNT: u64 = 10_000;

/// Zones whose rules changed since the vectors were computed, and their data of that time.
const CHANGED_ZONES: [(&str, &[u8]); 2] = [
    (
        "Africa/Casablanca",
        include_bytes!("../../tests/fixtures/zones/Africa-Casablanca.tzif"),
    ),
    (
        "America/Havana",
        include_bytes!("../../tests/fixtures/zones/America-Havana.tzif"),
    ),
];

/// A line of `next.jsonl`.
#[derive(Deserialize)]
struct NextVector {
    group: String,
    schedule: String,
    time_zone: Option<String>,
    #[serde(default)]
    error: bool,
    after: Option<Time>,
    #[serde(default)]
    next: Vec<Time>,
}

/// A line of `kube-state-metrics.jsonl`.
#[derive(Deserialize)]
struct KsmVector {
    group: String,
    schedule: String,
    time_zone: Option<String>,
    #[serde(default)]
    invalid: bool,
    after: Option<Seconds>,
    next: Option<Seconds>,
}

/// A line of `missed.jsonl`.
#[derive(Deserialize)]
struct MissedVector {
    group: String,
    schedule: String,
    time_zone: Option<String>,
    creation: Time,
    last_schedule_time: Option<Time>,
    starting_deadline_seconds: Option<Seconds>,
    now: Time,
    most_recent_schedule_time: Option<Time>,
    number_of_missed: String,
    estimate: u64,
    slots_due: u64,
    next: Option<Time>,
    error: bool,
}

/// A time in RFC 3339 form. The fraction is dropped.
struct Time(Seconds);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(time.as_second()))
    }
}

/// Lines with a different result, by group.
#[derive(Default)]
struct Differences(BTreeMap<String, Vec<String>>);

impl Differences {
    fn compare(&mut self, group: &str, line: &str, found: &str, expected: &str) {
        if found != expected {
            let text = format!("{line}\n  found    {found}\n  expected {expected}\n");
            self.0.entry(group.to_owned()).or_default().push(text);
        }
    }

    fn assert_none(&self) {
        let mut report = String::new();
        for (group, differences) in &self.0 {
            let _ = writeln!(
                report,
                "== {group}: {} lines\n{}",
                differences.len(),
                differences.concat()
            );
        }
        assert!(report.is_empty(), "\n{report}");
    }
}

fn lines(file: &str) -> Vec<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let text = fs::read_to_string(format!("{root}/tests/fixtures/{file}")).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// [`Schedule::parse`] with the time zone data of the vectors.
fn parse(schedule: &str, time_zone: Option<&str>) -> Result<Schedule, Error> {
    let changed = CHANGED_ZONES
        .iter()
        .find(|(name, _)| Some(*name) == time_zone);
    let Some((name, data)) = changed else {
        return Schedule::parse(schedule, time_zone, &Zone::UTC);
    };
    let zone = TimeZone::tzif(name, data).unwrap();
    Schedule::parse(schedule, None, &Zone(zone))
}

fn show(times: impl IntoIterator<Item = Seconds>) -> String {
    let times = times
        .into_iter()
        .map(|time| Timestamp::from_second(time).unwrap().to_string());
    times.collect::<Vec<_>>().join(" ")
}

/// Up to five consecutive results.
fn next_five(schedule: &Schedule, after: Seconds) -> Vec<Seconds> {
    let due_times = iter::successors(schedule.next_raw(after), |due| schedule.next_raw(*due));
    due_times.take(5).collect()
}

#[test]
fn next_equals_robfig_cron() {
    let mut differences = Differences::default();
    let lines = lines("next.jsonl");
    assert_eq!(lines.len(), 1116);
    for line in &lines {
        let vector: NextVector = serde_json::from_str(line).unwrap();
        let expected = if vector.error {
            "invalid".to_owned()
        } else {
            show(vector.next.iter().map(|due| due.0))
        };
        let found = match parse(&vector.schedule, vector.time_zone.as_deref()) {
            Err(_) => "invalid".to_owned(),
            // Lines with an invalid schedule have no `after`.
            Ok(schedule) => vector.after.map_or_else(
                || "valid".to_owned(),
                |after| show(next_five(&schedule, after.0)),
            ),
        };
        differences.compare(&vector.group, line, &found, &expected);
    }
    differences.assert_none();
}

#[test]
fn ksm_next_equals_kube_state_metrics() {
    let mut differences = Differences::default();
    let lines = lines("kube-state-metrics.jsonl");
    assert_eq!(lines.len(), 924);
    let mut different = 0;
    for line in &lines {
        let vector: KsmVector = serde_json::from_str(line).unwrap();
        let describe = |next: Result<Option<Seconds>, Error>| match next {
            Err(_) => "invalid".to_owned(),
            Ok(next) => show(next),
        };
        let after = vector.after.unwrap_or(0);
        let expected = if vector.invalid {
            "invalid".to_owned()
        } else {
            show(vector.next)
        };
        let (schedule, zone) = (&*vector.schedule, vector.time_zone.as_deref());
        let ksm = KsmSchedule::parse(schedule, zone).map(|schedule| schedule.next(after));
        differences.compare(&vector.group, line, &describe(ksm), &expected);
        let controller = parse(schedule, zone).map(|schedule| schedule.next(after));
        different += usize::from(describe(controller) != expected);
    }
    differences.assert_none();
    assert!(
        different > 100,
        "{different} lines differ from the controller"
    );
}

#[test]
fn due_equals_the_cronjob_controller() {
    let mut differences = Differences::default();
    let lines = lines("missed.jsonl");
    assert_eq!(lines.len(), 195);
    for line in &lines {
        let vector: MissedVector = serde_json::from_str(line).unwrap();
        let schedule = parse(&vector.schedule, vector.time_zone.as_deref()).unwrap();
        let window = Window {
            since: vector.last_schedule_time.unwrap_or(vector.creation).0,
            starting_deadline: vector.starting_deadline_seconds,
            now: vector.now.0,
        };
        let expected = if vector.error {
            "no due time".to_owned()
        } else {
            format!(
                "starts [{}], {} missed, estimate {}, due {}, next [{}]",
                show(vector.most_recent_schedule_time.map(|time| time.0)),
                vector.number_of_missed,
                vector.estimate,
                vector.slots_due,
                show(vector.next.map(|time| time.0)),
            )
        };
        let found = schedule.due(window, MAX_COUNT).map_or_else(
            || "no due time".to_owned(),
            |due| {
                format!(
                    "starts [{}], {} missed, estimate {}, due {}, next [{}]",
                    show(due.start),
                    missed_type(due.estimate),
                    due.estimate,
                    due.count,
                    show(due.next),
                )
            },
        );
        differences.compare(&vector.group, line, &found, &expected);
    }
    differences.assert_none();
}

/// The `missedSchedulesType` of the controller for an estimate.
fn missed_type(estimate: u64) -> &'static str {
    match estimate {
        0 => "0",
        1 => "1",
        2..=100 => "few",
        _ => "many",
    }
}
