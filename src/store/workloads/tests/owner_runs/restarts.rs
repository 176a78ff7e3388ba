//! Runs of owners and the history.

use super::*;
use crate::model::Run;

/// What the next process restores.
fn file(entries: &MemoryJournal) -> RestoredState {
    let entries = entries.entries();
    let owner_runs = entries.iter().filter_map(|entry| match entry {
        JournalEntry::RunFinished { run, .. } => Some((**run).clone()),
        _ => None,
    });
    let mut latest: Vec<Run> = Vec::new();
    for run in owner_runs {
        latest.retain(|known| known.uid != run.uid);
        latest.push(run);
    }
    let mut restored = persistence::restore(&entries);
    for workload in &mut restored.workloads {
        workload.last_existed = NOW.get();
    }
    RestoredState {
        owner_runs: latest,
        since: SINCE,
        ..restored
    }
}

/// Whether the run of `u1` is present and counted.
fn known(target: &Target) -> (bool, bool) {
    let uid = Uid::parse("u1");
    (
        target.store.is_present("maths", "a", &uid),
        target.store.is_counted("maths", "a", &uid),
    )
}

/// A process that saw the Job `a` fail, `b` succeed and the run settle.
async fn failed() -> (RestoredState, [Job; 2]) {
    let (target, journal) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Running));
    pass(10).await;
    let jobs = [("a", JobState::Failed), ("b", JobState::Complete)];
    let jobs = jobs.map(|(name, state)| owned(name, 0, state));
    for job in &jobs {
        apply(&target, job.clone());
    }
    assert_eq!(known(&target), (true, true));
    pass(60).await;
    assert_eq!(runs(&target), (0, 1, 0, 0));
    (file(&journal), jobs)
}

#[tokio::test(start_paused = true)]
async fn a_run_is_not_counted_again_after_a_restart_whatever_is_left_of_its_jobs() {
    for left in [0..2, 0..1, 1..2, 0..0] {
        let (restored, jobs) = failed().await;
        pass(600).await;
        let (target, journal) = settling(restored);
        assert_eq!(known(&target), (false, true), "it may exist");
        list(&target, &jobs[left.clone()]);
        sync(&target);
        pass(60).await;
        assert_eq!((runs(&target), in_a_row(&target)), ((0, 1, 0, 0), (1, 1)));
        assert_eq!(last(&target), Some((false, 9)));
        assert!(journal.runs().is_empty(), "{left:?}: {:?}", journal.runs());
        assert_eq!(known(&target), (!left.is_empty(), true));
        list(&target, []);
        assert_eq!(known(&target), (false, true));
        advance(UID_RETENTION).await;
        list(&target, []);
        assert_eq!(known(&target), (false, false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_of_an_earlier_process_is_reopened_by_a_later_job() {
    for (name, result, by) in [
        ("a", JobState::Complete, "succeeded by a, 3 Jobs of u1"),
        ("c", JobState::Complete, "failed by a, 3 Jobs of u1"),
        ("a", JobState::Failed, "failed by a, 3 Jobs of u1"),
    ] {
        let (restored, [_, b]) = failed().await;
        pass(600).await;
        let (target, journal) = settling(restored);
        list(&target, [b, owned(name, 600, JobState::Running)]);
        sync(&target);
        assert_eq!(runs(&target), (0, 1, 0, 1));
        pass(30).await;
        apply(&target, owned(name, 600, result));
        pass(60).await;
        assert_eq!(runs(&target), (0, 1, 0, 0));
        assert_eq!(journal.runs(), [format!("1-700 {by}")]);
        let row = u64::from(by.starts_with("failed"));
        assert_eq!(in_a_row(&target), (row, row), "{by}");
        assert_eq!(bert(&target).state.totals.last.unwrap().succeeded, row == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_while_no_process_runs_is_counted_at_the_next_start() {
    let (target, journal) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Running));
    pass(10).await;
    let a = owned("a", 0, JobState::Complete);
    apply(&target, a.clone());
    pass(100).await;
    let b = owned("b", 0, JobState::Failed);
    pass(30).await;
    let (later, journal) = settling(file(&journal));
    list(&later, [a.clone(), b.clone()]);
    sync(&later);
    assert_eq!(runs(&later), (0, 0, 0, 0), "another Job may follow");
    pass(60).await;
    assert_eq!(runs(&later), (0, 1, 0, 0));
    assert_eq!(journal.runs(), ["1-110 failed by b, 2 Jobs of u1"]);
    // Without a history nobody knows whether it was counted.
    let since = NOW.get();
    let (new, journal) = settling(RestoredState {
        since,
        ..RestoredState::default()
    });
    list(&new, [a, b]);
    sync(&new);
    assert_eq!((runs(&new), last(&new)), ((0, 0, 0, 0), Some((false, 109))));
    let lines = journal.runs();
    assert_eq!(lines, ["1-110 failed by b, 2 Jobs of u1, not counted"]);
    // It goes on, and ends once more.
    apply(&new, owned("b", 200, JobState::Running));
    apply(&new, owned("b", 200, JobState::Complete));
    pass(60).await;
    assert_eq!((runs(&new), in_a_row(&new)), ((1, 0, 0, 0), (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn counters_are_the_same_if_the_file_is_read_after_the_start() {
    for left in [0..2, 0..1, 0..0] {
        let (restored, jobs) = failed().await;
        pass(600).await;
        let delayed = RestoredState {
            since: NOW.get(),
            delayed: true,
            ..RestoredState::default()
        };
        let (target, journal) = settling(delayed);
        list(&target, &jobs[left]);
        apply(&target, owned_by("u2", "c", 600, JobState::Running));
        apply(&target, owned_by("u2", "c", 600, JobState::Failed));
        sync(&target);
        pass(60).await;
        target.store.adopt(restored);
        assert_eq!((runs(&target), in_a_row(&target)), ((0, 2, 0, 0), (2, 2)));
        pass(60).await;
        apply(&target, owned("a", 700, JobState::Running));
        apply(&target, owned("a", 700, JobState::Complete));
        pass(60).await;
        assert_eq!(runs(&target), (0, 2, 0, 0));
        // The success is that of an earlier run.
        assert_eq!(in_a_row(&target), (1, 1));
        assert!(journal.runs().last().unwrap().contains("succeeded by a"));
    }
}

#[tokio::test(start_paused = true)]
async fn all_is_reported_for_a_new_file() {
    let (target, journal) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("a", 0, JobState::Complete));
    apply(&target, owned("b", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Complete));
    target.store.report_all();
    assert!(journal.runs().is_empty(), "it has not settled");
    pass(60).await;
    let before = {
        bert(&target);
        journal.runs()
    };
    target.store.report_all();
    assert_eq!(journal.runs(), [&before[..], &before[..]].concat());
}

// Before owners had runs, each of their Jobs was counted.
#[tokio::test(start_paused = true)]
async fn jobs_that_an_earlier_version_counted_are_not_counted_again_with_their_owner() {
    NOW.set(SINCE + 10);
    let jobs = ["a", "b"].map(|name| owned(name, 0, JobState::Complete));
    let later = owned_by("u2", "c", 5, JobState::Complete);
    let restored = RestoredState {
        since: SINCE,
        runs: jobs.iter().map(|job| job.uid.clone()).collect(),
        ..RestoredState::default()
    };
    NOW.set(SINCE + 600);
    let (target, journal) = settling(restored);
    let [a, b] = jobs;
    list(&target, [a, b, later]);
    sync(&target);
    pass(60).await;
    assert_eq!(runs(&target), (1, 0, 0, 0), "only the run of u2");
    let lines = journal.runs();
    assert!(
        lines.iter().any(|line| line.ends_with("of u2")),
        "{lines:?}"
    );
    assert_eq!(last(&target), Some((true, 4)));
}
