//! Every line of `tests/fixtures`: what the originals answer.

use std::{collections::BTreeMap, fmt::Write, fs, iter};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::*;

/// Counting in the vectors stops here.
const CAP: u64 = 10_000;

/// Zones whose rules have changed since, with those that the vectors were computed with.
const CHANGED: [(&str, &[u8]); 2] = [
    (
        "Africa/Casablanca",
        include_bytes!("../../tests/fixtures/zones/Africa-Casablanca.tzif"),
    ),
    (
        "America/Havana",
        include_bytes!("../../tests/fixtures/zones/America-Havana.tzif"),
    ),
];

/// A schedule and a time, and the slots after it.
#[derive(Deserialize)]
struct Asked {
    group: String,
    schedule: String,
    time_zone: Option<String>,
    #[serde(default)]
    error: bool,
    after: Option<Time>,
    #[serde(default)]
    next: Vec<Time>,
}

/// A schedule and a time, and what kube-state-metrics makes of them.
#[derive(Deserialize)]
struct Other {
    group: String,
    schedule: String,
    time_zone: Option<String>,
    #[serde(default)]
    invalid: bool,
    after: Option<Seconds>,
    next: Option<Seconds>,
}

/// A CronJob and a time, and what the controller makes of it.
#[derive(Deserialize)]
struct Reckoned {
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

/// A date as RFC 3339 has it, without its fraction.
struct Time(Seconds);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Timestamp = text.parse().map_err(D::Error::custom)?;
        Ok(Self(time.as_second()))
    }
}

/// Differing lines by their group.
#[derive(Default)]
struct Differences(BTreeMap<String, Vec<String>>);

impl Differences {
    fn note(&mut self, group: &str, line: &str, found: &str, expected: &str) {
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

/// As [`Schedule::parse`], but with the rules that a zone had then.
fn parse(schedule: &str, time_zone: Option<&str>) -> Result<Schedule, Error> {
    let changed = CHANGED.iter().find(|(name, _)| Some(*name) == time_zone);
    let Some((name, data)) = changed else {
        return Schedule::parse(schedule, time_zone, &Zone::default());
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

/// Up to five slots in a row.
fn slots(schedule: &Schedule, after: Seconds) -> Vec<Seconds> {
    let slots = iter::successors(schedule.answer(after), |slot| schedule.answer(*slot));
    slots.take(5).collect()
}

#[test]
fn slots_are_those_of_robfig_cron() {
    let mut differences = Differences::default();
    let lines = lines("next.jsonl");
    assert_eq!(lines.len(), 1116);
    for line in &lines {
        let wanted: Asked = serde_json::from_str(line).unwrap();
        let expected = if wanted.error {
            "refused".to_owned()
        } else {
            show(wanted.next.iter().map(|slot| slot.0))
        };
        let found = match parse(&wanted.schedule, wanted.time_zone.as_deref()) {
            Err(_) => "refused".to_owned(),
            // Of a line with a refused schedule, there is nothing to ask for.
            Ok(schedule) => wanted.after.map_or_else(
                || "accepted".to_owned(),
                |after| show(slots(&schedule, after.0)),
            ),
        };
        differences.note(&wanted.group, line, &found, &expected);
    }
    differences.assert_none();
}

#[test]
fn kube_state_metrics_is_followed_where_it_differs() {
    let mut differences = Differences::default();
    let lines = lines("kube-state-metrics.jsonl");
    assert_eq!(lines.len(), 924);
    let mut different = 0;
    for line in &lines {
        let wanted: Other = serde_json::from_str(line).unwrap();
        let answer = |next: Result<Option<Seconds>, Error>| match next {
            Err(_) => "invalid".to_owned(),
            Ok(next) => show(next),
        };
        let after = wanted.after.unwrap_or(0);
        let expected = if wanted.invalid {
            "invalid".to_owned()
        } else {
            show(wanted.next)
        };
        let (schedule, zone) = (&*wanted.schedule, wanted.time_zone.as_deref());
        let mirrored = KsmSchedule::parse(schedule, zone).map(|schedule| schedule.next(after));
        differences.note(&wanted.group, line, &answer(mirrored), &expected);
        let controller = parse(schedule, zone).map(|schedule| schedule.next(after));
        different += usize::from(answer(controller) != expected);
    }
    differences.assert_none();
    assert!(different > 100, "{different} where the controller differs");
}

#[test]
fn what_is_due_is_what_the_controller_reckons() {
    let mut differences = Differences::default();
    let lines = lines("missed.jsonl");
    assert_eq!(lines.len(), 195);
    for line in &lines {
        let wanted: Reckoned = serde_json::from_str(line).unwrap();
        let schedule = parse(&wanted.schedule, wanted.time_zone.as_deref()).unwrap();
        let window = Window {
            since: wanted.last_schedule_time.unwrap_or(wanted.creation).0,
            deadline: wanted.starting_deadline_seconds,
            now: wanted.now.0,
        };
        let expected = if wanted.error {
            "no slot at all".to_owned()
        } else {
            format!(
                "starts [{}], {} missed, estimate {}, due {}, next [{}]",
                show(wanted.most_recent_schedule_time.map(|time| time.0)),
                wanted.number_of_missed,
                wanted.estimate,
                wanted.slots_due,
                show(wanted.next.map(|time| time.0)),
            )
        };
        let found = schedule.due(window, CAP).map_or_else(
            || "no slot at all".to_owned(),
            |due| {
                format!(
                    "starts [{}], {} missed, estimate {}, due {}, next [{}]",
                    show(due.start),
                    missed(due.estimate),
                    due.estimate,
                    due.slots,
                    show(due.next),
                )
            },
        );
        differences.note(&wanted.group, line, &found, &expected);
    }
    differences.assert_none();
}

/// The controller's words for its estimate.
fn missed(estimate: u64) -> &'static str {
    match estimate {
        0 => "0",
        1 => "1",
        2..=100 => "few",
        _ => "many",
    }
}
