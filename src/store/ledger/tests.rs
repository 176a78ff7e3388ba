//! For how long a run is known.

use std::time::Duration;

use super::*;

fn uid(number: u32) -> Uid {
    Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-e845{number:08x}"))
}

fn fate(ledger: &Ledger, number: u32) -> Option<Fate> {
    ledger.fate(ledger.key(&uid(number)))
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_known_for_a_while() {
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    let second = Duration::from_secs(1);
    ledger.keep(ledger.key(&uid(1)), Fate::Finished, start);
    ledger.keep(ledger.key(&uid(2)), Fate::Deleted, start + second);
    ledger.expire(start + LAG - second);
    assert_eq!(fate(&ledger, 1), Some(Fate::Finished));
    ledger.expire(start + LAG);
    assert_eq!(fate(&ledger, 1), None);
    assert_eq!(fate(&ledger, 2), Some(Fate::Deleted));
    ledger.expire(start + LAG + second);
    assert!(ledger.known.is_empty() && ledger.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_goes_again_is_known_from_then_on() {
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    let key = ledger.key(&uid(1));
    ledger.keep(key, Fate::Deleted, start);
    ledger.strike(key);
    assert_eq!(fate(&ledger, 1), None);
    ledger.keep(key, Fate::Finished, start + LAG / 2);
    ledger.expire(start + LAG);
    assert_eq!(fate(&ledger, 1), Some(Fate::Finished));
    ledger.expire(start + LAG + LAG / 2);
    assert!(ledger.known.is_empty() && ledger.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_again_is_known_for_as_long() {
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    let key = ledger.key(&uid(1));
    ledger.hold(key);
    assert_eq!(fate(&ledger, 1), None);
    ledger.keep(key, Fate::Deleted, start);
    ledger.hold(key);
    ledger.expire(start + 10 * LAG);
    assert_eq!(fate(&ledger, 1), Some(Fate::Deleted));
    ledger.keep(key, Fate::Deleted, start + 10 * LAG);
    ledger.expire(start + 11 * LAG);
    assert!(ledger.known.is_empty() && ledger.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_is_known_until_it_is_clear_that_it_is_gone() {
    let (mut ledger, start) = (Ledger::default(), Instant::now());
    ledger.remember(&uid(1));
    ledger.remember(&uid(2));
    ledger.expire(start + 100 * LAG);
    assert_eq!(fate(&ledger, 1), Some(Fate::Finished));
    ledger.strike(ledger.key(&uid(2)));
    ledger.settle(start + 100 * LAG);
    ledger.expire(start + 101 * LAG - Duration::from_secs(1));
    assert_eq!(fate(&ledger, 1), Some(Fate::Finished));
    assert_eq!(fate(&ledger, 2), None);
    ledger.expire(start + 101 * LAG);
    assert!(ledger.known.is_empty() && ledger.leaving.is_empty());
}
