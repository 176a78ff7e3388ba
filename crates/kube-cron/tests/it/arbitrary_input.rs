//! Any text and any time give a result or an error, and no panic.

use jiff::tz::TimeZoneDatabase;
use kube_cron::{Schedule, Seconds, Window, Zone};
use proptest::{prelude::*, sample::Index};

use super::{error, schedule};

/// Texts that resemble schedules, to reach all of the parser.
fn almost_schedules() -> impl Strategy<Value = String> {
    let part = "[*?]|[0-9]{1,3}|\\+?[0-9]{1,22}|[a-zA-Z]{3}|[-/,*?#LW0-9]{1,8}";
    let field = proptest::collection::vec(part, 1..4).prop_map(|parts| parts.concat());
    let fields = proptest::collection::vec(field, 3..7).prop_map(|fields| fields.join(" "));
    let every = "@every [-+]?([0-9]{0,20}\\.?[0-9]{0,20}(ns|us|µs|ms|s|m|h|d)?){0,4}";
    let zone = "((CRON_)?TZ=[A-Za-z/]{0,8} )?";
    (
        zone,
        prop_oneof![fields, every.prop_map(String::from), "@[a-z]{0,9}"],
    )
        .prop_map(|(zone, text)| zone + &text)
}

fn zones() -> impl Strategy<Value = Zone> {
    any::<Index>().prop_map(|index| {
        let database = TimeZoneDatabase::bundled();
        let names: Vec<_> = database.available().collect();
        Zone::named(index.get(&names).as_str()).unwrap()
    })
}

/// Times near the limits of integers and of dates, times with clock changes, and the day that Pacific/Apia skipped.
fn times() -> impl Strategy<Value = Seconds> {
    prop_oneof![
        any::<Seconds>(),
        prop_oneof![Just(Seconds::MIN), Just(0), Just(Seconds::MAX)],
        -400_000_000_000..400_000_000_000_i64,
        0..5_000_000_000_i64,
        253_402_000_000..253_402_300_000_i64,
        -377_705_200_000..-377_705_000_000_i64,
        Just(1_325_150_000_i64),
    ]
}

/// Checks that the results of all functions are consistent.
fn check_results(
    schedule: &Schedule,
    since: Seconds,
    starting_deadline: Option<Seconds>,
    now: Seconds,
) -> Result<(), TestCaseError> {
    let due = schedule.next(since);
    prop_assert!(due.is_none_or(|due| due > since), "{:?}", due);
    let due = schedule.next_anchored(since, now);
    prop_assert!(due.is_none_or(|due| due > now), "{:?}", due);
    let window = Window {
        since,
        starting_deadline,
        now,
    };
    if let Some(due) = schedule.due(window, 100) {
        prop_assert!(due.count <= 100);
        prop_assert_eq!(due.count == 0, due.earliest.is_none());
        prop_assert_eq!(due.count == 0, due.latest.is_none());
        prop_assert!(due.earliest <= due.latest && due.latest.is_none_or(|due| due <= now));
        prop_assert!(due.start.is_none_or(|due| due <= now));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_parses_or_gives_a_one_line_error(text in ".{0,200}", time_zone in proptest::option::of(".{0,30}")) {
        if let Err(error) = Schedule::parse(&text, time_zone.as_deref(), &Zone::UTC) {
            let error = error.to_string();
            prop_assert!(!error.chars().any(char::is_control) && error.len() < 1_500, "{}", error);
        }
    }

    #[test]
    fn every_valid_schedule_gives_consistent_results(text in almost_schedules(), zone in zones(), since in times(), now in times(), deadline in proptest::option::of(any::<Seconds>())) {
        if let Ok(schedule) = Schedule::parse(&text, None, &zone) {
            check_results(&schedule, since, deadline, now)?;
        }
    }

    #[test]
    fn due_times_increase_in_all_zones(zone in zones(), since in times(), ahead in 0..100_000_000_i64, text in "([0-9]|\\*|\\*/7) ([0-9]|2[0-3]|\\*) (29|31|[1-9]|\\*) ([1-9]|\\*) ([0-6]|\\*)") {
        let schedule = Schedule::parse(&text, None, &zone).unwrap();
        check_results(&schedule, since, None, since.saturating_add(ahead))?;
    }
}

#[test]
fn very_long_texts_parse_or_give_a_short_error() {
    let long = "1,".repeat(500_000);
    assert!(schedule(&format!("{long} * * * *")).next(0).is_some());
    assert!(error(&format!("{long}60 * * * *"), None).len() < 100);
    assert!(error(&"9".repeat(1_000_000), None).ends_with("not 1"));
    let number = error(&format!("{} * * * *", "9".repeat(1_000_000)), None);
    assert!(number.len() < 500, "{number}");
    assert!(error(&"* ".repeat(500_000), None).ends_with("not 500000"));
    assert!(error(&format!("@every {}", "9h".repeat(500_000)), None).len() < 500);
    assert!(error("@daily", Some(&"A/".repeat(500_000))).len() < 500);
}
