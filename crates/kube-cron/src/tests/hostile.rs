//! Whatever people write and whenever they ask: an answer or an error, and no panic.

use jiff::tz::TimeZoneDatabase;
use proptest::{prelude::*, sample::Index};

use super::*;

/// Texts that get further into the parser than most.
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

/// Times near the ends of all that there is, and times that clocks were changed at.
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

/// Asks all that can be asked, and whether the answers fit together.
fn ask(
    schedule: &Schedule,
    since: Seconds,
    deadline: Option<Seconds>,
    now: Seconds,
) -> Result<(), TestCaseError> {
    let slot = schedule.next(since);
    prop_assert!(slot.is_none_or(|slot| slot > since), "{:?}", slot);
    let slot = schedule.next_in_chain(since, now);
    prop_assert!(slot.is_none_or(|slot| slot > now), "{:?}", slot);
    let window = Window {
        since,
        deadline,
        now,
    };
    if let Some(due) = schedule.due(window, 100) {
        prop_assert!(due.slots <= 100);
        prop_assert_eq!(due.slots == 0, due.first.is_none());
        prop_assert_eq!(due.slots == 0, due.latest.is_none());
        prop_assert!(due.first <= due.latest && due.latest.is_none_or(|slot| slot <= now));
        prop_assert!(due.start.is_none_or(|slot| slot <= now));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_one_line(text in ".{0,200}", time_zone in proptest::option::of(".{0,30}")) {
        if let Err(error) = Schedule::parse(&text, time_zone.as_deref(), &Zone::default()) {
            let error = error.to_string();
            prop_assert!(!error.chars().any(char::is_control) && error.len() < 1_500, "{}", error);
        }
    }

    #[test]
    fn what_is_read_can_be_asked(text in almost_schedules(), zone in zones(), since in times(), now in times(), deadline in proptest::option::of(any::<Seconds>())) {
        if let Ok(schedule) = Schedule::parse(&text, None, &zone) {
            ask(&schedule, since, deadline, now)?;
        }
    }

    #[test]
    fn slots_go_forward_on_all_clocks(zone in zones(), since in times(), ahead in 0..100_000_000_i64, text in "([0-9]|\\*|\\*/7) ([0-9]|2[0-3]|\\*) (29|31|[1-9]|\\*) ([1-9]|\\*) ([0-6]|\\*)") {
        let schedule = Schedule::parse(&text, None, &zone).unwrap();
        ask(&schedule, since, None, since.saturating_add(ahead))?;
    }
}

#[test]
fn endless_texts_are_refused_or_read() {
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
