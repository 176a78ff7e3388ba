//! How long a counted run is known.

use std::time::Duration;

use super::*;

fn uid(number: u32) -> Uid {
    Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-e845{number:08x}"))
}

fn outcome(counted_runs: &CountedRuns, number: u32) -> Option<RunOutcome> {
    let outcome = counted_runs.outcome(counted_runs.hash(&uid(number)));
    assert_eq!(counted_runs.contains(&uid(number)), outcome.is_some());
    outcome
}

#[tokio::test(start_paused = true)]
async fn a_run_expires_some_time_after_its_job_is_gone() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let second = Duration::from_secs(1);
    counted_runs.insert(counted_runs.hash(&uid(1)), RunOutcome::Finished, start);
    counted_runs.insert(
        counted_runs.hash(&uid(2)),
        RunOutcome::Deleted,
        start + second,
    );
    counted_runs.expire(start + UID_RETENTION - second);
    assert_eq!(outcome(&counted_runs, 1), Some(RunOutcome::Finished));
    counted_runs.expire(start + UID_RETENTION);
    assert_eq!(outcome(&counted_runs, 1), None);
    assert_eq!(outcome(&counted_runs, 2), Some(RunOutcome::Deleted));
    counted_runs.expire(start + UID_RETENTION + second);
    assert!(counted_runs.runs.is_empty() && counted_runs.expiries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_job_is_gone_again_expires_later() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let hash = counted_runs.hash(&uid(1));
    counted_runs.insert(hash, RunOutcome::Deleted, start);
    counted_runs.remove(hash);
    assert_eq!(outcome(&counted_runs, 1), None);
    counted_runs.insert(hash, RunOutcome::Finished, start + UID_RETENTION / 2);
    counted_runs.expire(start + UID_RETENTION);
    assert_eq!(outcome(&counted_runs, 1), Some(RunOutcome::Finished));
    counted_runs.expire(start + UID_RETENTION + UID_RETENTION / 2);
    assert!(counted_runs.runs.is_empty() && counted_runs.expiries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_does_not_expire_while_its_job_is_shown_again() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    let hash = counted_runs.hash(&uid(1));
    counted_runs.stop_expiry(hash);
    assert_eq!(outcome(&counted_runs, 1), None);
    counted_runs.insert(hash, RunOutcome::Deleted, start);
    counted_runs.stop_expiry(hash);
    counted_runs.expire(start + 10 * UID_RETENTION);
    assert_eq!(outcome(&counted_runs, 1), Some(RunOutcome::Deleted));
    counted_runs.insert(hash, RunOutcome::Deleted, start + 10 * UID_RETENTION);
    counted_runs.expire(start + 11 * UID_RETENTION);
    assert!(counted_runs.runs.is_empty() && counted_runs.expiries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_restored_run_does_not_expire_before_everything_was_read() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    counted_runs.insert_restored(&uid(1));
    counted_runs.insert_restored(&uid(2));
    counted_runs.expire(start + 100 * UID_RETENTION);
    assert_eq!(outcome(&counted_runs, 1), Some(RunOutcome::Finished));
    counted_runs.remove(counted_runs.hash(&uid(2)));
    counted_runs.start_expiry(start + 100 * UID_RETENTION);
    counted_runs.expire(start + 101 * UID_RETENTION - Duration::from_secs(1));
    assert_eq!(outcome(&counted_runs, 1), Some(RunOutcome::Finished));
    assert_eq!(outcome(&counted_runs, 2), None);
    counted_runs.expire(start + 101 * UID_RETENTION);
    assert!(counted_runs.runs.is_empty() && counted_runs.expiries.is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_a_burst_is_freed() {
    let (mut counted_runs, start) = (CountedRuns::default(), Instant::now());
    for number in 0..100_000 {
        let hash = counted_runs.hash(&uid(number));
        counted_runs.insert(hash, RunOutcome::Finished, start);
    }
    assert!(counted_runs.runs.capacity() >= 100_000);
    counted_runs.expire(start + UID_RETENTION);
    assert!(counted_runs.runs.capacity() <= 4 * SPARE);
    assert!(counted_runs.expiries.capacity() <= 4 * SPARE);
}
