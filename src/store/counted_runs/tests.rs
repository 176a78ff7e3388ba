//! For how long a run is known.

use std::time::Duration;

use super::*;

fn uid(number: u32) -> Uid {
    Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-e845{number:08x}"))
}

fn fate(counted_runs: &CountedRuns, number: u32) -> Option<Fate> {
    counted_runs.fate(counted_runs.key(&uid(number)))
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_known_for_a_while() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let second = Duration::from_secs(1);
    counted_runs.keep(counted_runs.key(&uid(1)), Fate::Finished, start);
    counted_runs.keep(counted_runs.key(&uid(2)), Fate::Deleted, start + second);
    counted_runs.expire(start + UID_RETENTION - second);
    assert_eq!(fate(&counted_runs, 1), Some(Fate::Finished));
    counted_runs.expire(start + UID_RETENTION);
    assert_eq!(fate(&counted_runs, 1), None);
    assert_eq!(fate(&counted_runs, 2), Some(Fate::Deleted));
    counted_runs.expire(start + UID_RETENTION + second);
    assert!(counted_runs.known.is_empty() && counted_runs.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_goes_again_is_known_from_then_on() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let key = counted_runs.key(&uid(1));
    counted_runs.keep(key, Fate::Deleted, start);
    counted_runs.strike(key);
    assert_eq!(fate(&counted_runs, 1), None);
    counted_runs.keep(key, Fate::Finished, start + UID_RETENTION / 2);
    counted_runs.expire(start + UID_RETENTION);
    assert_eq!(fate(&counted_runs, 1), Some(Fate::Finished));
    counted_runs.expire(start + UID_RETENTION + UID_RETENTION / 2);
    assert!(counted_runs.known.is_empty() && counted_runs.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_again_is_known_for_as_long() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let key = counted_runs.key(&uid(1));
    counted_runs.hold(key);
    assert_eq!(fate(&counted_runs, 1), None);
    counted_runs.keep(key, Fate::Deleted, start);
    counted_runs.hold(key);
    counted_runs.expire(start + 10 * UID_RETENTION);
    assert_eq!(fate(&counted_runs, 1), Some(Fate::Deleted));
    counted_runs.keep(key, Fate::Deleted, start + 10 * UID_RETENTION);
    counted_runs.expire(start + 11 * UID_RETENTION);
    assert!(counted_runs.known.is_empty() && counted_runs.leaving.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_remembered_is_known_until_it_is_clear_that_it_is_gone() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    counted_runs.remember(&uid(1));
    counted_runs.remember(&uid(2));
    counted_runs.expire(start + 100 * UID_RETENTION);
    assert_eq!(fate(&counted_runs, 1), Some(Fate::Finished));
    counted_runs.strike(counted_runs.key(&uid(2)));
    counted_runs.settle(start + 100 * UID_RETENTION);
    counted_runs.expire(start + 101 * UID_RETENTION - Duration::from_secs(1));
    assert_eq!(fate(&counted_runs, 1), Some(Fate::Finished));
    assert_eq!(fate(&counted_runs, 2), None);
    counted_runs.expire(start + 101 * UID_RETENTION);
    assert!(counted_runs.known.is_empty() && counted_runs.leaving.is_empty());
}
