//! Each run is counted once, however its Job is reported.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_run_is_counted_when_it_finishes_and_never_again() {
    let target = target();
    apply(&target, run(1, JobState::Pending));
    assert_eq!(counts(&target), (0, 0, 0, 1));
    apply(&target, running(1));
    assert_eq!(counts(&target), (0, 0, 0, 1));
    for _ in 0..3 {
        apply(&target, complete(1));
        list(&target, [complete(1)]);
        target
            .other_jobs
            .push(Update::Jobs(Change::Applied(complete(1))));
        assert_eq!(counts(&target), (1, 0, 0, 0));
    }
    delete(&target, complete(1));
    delete(&target, complete(1));
    assert_eq!(counts(&target), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn neither_success_criteria_nor_failure_targets_are_results() {
    let target = target();
    apply(&target, run(1, JobState::Succeeding));
    apply(&target, run(2, JobState::Failing));
    assert_eq!(counts(&target), (0, 0, 0, 2));
    apply(&target, complete(1));
    apply(&target, failed(2));
    assert_eq!(counts(&target), (1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_finishes_and_is_deleted_in_one_event_is_counted() {
    let target = target();
    apply(&target, running(1));
    delete(&target, failed(1));
    assert_eq!(counts(&target), (0, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_deleted_before_it_finishes_is_counted_as_deleted_once() {
    for gone in [
        Update::Jobs(Change::Deleted(running(1))),
        Update::Jobs(Change::Replaced(Vec::new())),
    ] {
        let target = target();
        apply(&target, running(1));
        target.jobs.push(gone.clone());
        assert_eq!(counts(&target), (0, 0, 1, 0));
        // A lagging server shows it again.
        list(&target, [running(1)]);
        assert_eq!(counts(&target), (0, 0, 1, 1));
        target.jobs.push(gone);
        assert_eq!(counts(&target), (0, 0, 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_list_missed_is_counted_when_it_finishes() {
    let target = target();
    let long_ago = Job {
        state_since: Some(SINCE - 1).into(),
        ..complete(1)
    };
    apply(&target, running(1));
    list(&target, []);
    apply(&target, long_ago); // it was seen active, so its end time does not matter
    assert_eq!(counts(&target), (1, 0, 1, 0));
    list(&target, []);
    assert_eq!(counts(&target), (1, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_stays_finished_when_a_lagging_server_shows_an_older_state() {
    let target = target();
    apply(&target, running(1));
    apply(&target, complete(1));
    // The three cases: the Job exists, it is shown after its deletion, and only its uid is known.
    for pass in 0..3 {
        list(&target, [running(1)]);
        assert_eq!(counts(&target), (1, 0, 0, 0), "{pass}");
        apply(&target, complete(1));
        list(&target, [running(1)]);
        list(&target, []);
        assert_eq!(counts(&target), (1, 0, 0, 0), "{pass}");
        if pass > 0 {
            advance(StoreSettings::default().retention.deleted).await;
            assert_eq!(target.store.snapshot().status.jobs, 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_counted_run_does_not_expire_while_a_server_shows_an_older_state_of_its_job() {
    let target = target();
    sync(&target);
    list(&target, [complete(1), running(2)]);
    list(&target, []);
    advance(StoreSettings::default().retention.deleted).await;
    assert_eq!(counts(&target), (1, 0, 1, 0));
    list(&target, [running(1), running(2)]);
    advance(10 * UID_RETENTION).await;
    assert_eq!(counts(&target), (1, 0, 1, 1));
    list(&target, []);
    assert_eq!(counts(&target), (1, 0, 1, 0));
    list(&target, [complete(1)]);
    assert_eq!(counts(&target), (1, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_job_returns_within_the_retention_is_not_counted_again() {
    let target = target();
    apply_cronjob(&target, cronjob("c"));
    apply(&target, complete(1));
    for _ in 0..3 {
        list(&target, []);
        advance(UID_RETENTION.checked_sub(Duration::from_secs(1)).unwrap()).await;
        list(&target, [complete(1)]);
        assert_eq!(counts(&target), (1, 0, 0, 0));
    }
    // After the retention it comes from a server that was restored from a backup.
    list(&target, []);
    advance(UID_RETENTION).await;
    list(&target, [complete(1)]);
    assert_eq!(counts(&target), (2, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn another_run_of_the_same_name_is_another_run() {
    let target = target();
    let first = |state| named("tick", "uid-1", run(1, state));
    let second = |state| named("tick", "uid-2", run(2, state));
    apply(&target, first(JobState::Running));
    apply(&target, second(JobState::Running)); // the end of the first is missed
    assert_eq!(counts(&target), (0, 0, 1, 1));
    apply(&target, second(JobState::Failed));
    list(&target, [named("tick", "uid-3", complete(3))]);
    assert_eq!(counts(&target), (1, 1, 1, 0));
    delete(&target, second(JobState::Failed));
    apply(&target, named("tick", "uid-3", complete(3)));
    assert_eq!(counts(&target), (1, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_two_feeds_report_is_one_run() {
    let target = target();
    let both = |change: Change<Job>| {
        target.jobs.push(Update::Jobs(change.clone()));
        target.other_jobs.push(Update::Jobs(change));
    };
    both(Change::Replaced(vec![running(1), running(2)]));
    assert_eq!(counts(&target), (0, 0, 0, 2));
    both(Change::Applied(complete(1)));
    both(Change::Deleted(complete(1)));
    both(Change::Deleted(running(2)));
    assert_eq!(counts(&target), (1, 0, 1, 0));
    // One feed is behind the other.
    target.jobs.push(Update::Jobs(Change::Applied(running(3))));
    target.jobs.push(Update::Jobs(Change::Deleted(failed(3))));
    target
        .other_jobs
        .push(Update::Jobs(Change::Applied(running(3))));
    target
        .other_jobs
        .push(Update::Jobs(Change::Applied(failed(3))));
    target
        .other_jobs
        .push(Update::Jobs(Change::Deleted(failed(3))));
    assert_eq!(counts(&target), (1, 1, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_suspended_job_is_not_active_and_starts_when_it_is_resumed() {
    let target = target();
    let started = |number, start| Job {
        start: Some(start).into(),
        ..running(number)
    };
    apply(&target, started(1, SINCE + 100));
    apply(&target, started(2, SINCE + 200));
    assert_eq!(tick(&target).oldest_active_start(), Some(SINCE + 100));
    apply(&target, run(1, JobState::Suspended));
    assert_eq!(counts(&target), (0, 0, 0, 1));
    assert_eq!(tick(&target).oldest_active_start(), Some(SINCE + 200));
    apply(&target, started(1, SINCE + 300));
    delete(&target, started(2, SINCE + 200));
    assert_eq!(tick(&target).oldest_active_start(), Some(SINCE + 300));
    let pending = Job {
        start: None.into(),
        ..run(3, JobState::Pending)
    };
    delete(&target, started(1, SINCE + 300));
    apply(&target, pending);
    assert_eq!(counts(&target), (0, 0, 2, 1));
    assert_eq!(tick(&target).oldest_active_start(), None);
}

#[tokio::test(start_paused = true)]
async fn a_job_counts_for_the_workload_that_it_belongs_to_when_it_finishes() {
    let target = target();
    apply(&target, of("job", "tick-1", running(1)));
    apply(&target, running(1)); // adopted
    let before = workload(&target, "tick-1").unwrap();
    assert_eq!((before.active_runs(), before.state.totals.deleted), (0, 0));
    assert_eq!(counts(&target), (0, 0, 0, 1));
    apply(&target, complete(1));
    apply(&target, of("group", "sums", complete(1))); // too late to count for another
    assert_eq!(counts(&target), (1, 0, 0, 0));
    assert_eq!(workload(&target, "sums").unwrap().state.totals.succeeded, 0);
    advance(retention()).await;
    assert_eq!(shown(&target), ["group/sums"]);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_list_does_not_matter() {
    let (first, second, third) = (complete(1), failed(2), failed(3));
    for listed in [
        [first.clone(), second.clone(), third.clone()],
        [third.clone(), second.clone(), first.clone()],
        [second, third, first],
    ] {
        let target = target();
        list(&target, listed);
        let totals = tick(&target).state.totals;
        assert_eq!((totals.succeeded, totals.failed), (1, 2));
        assert_eq!(totals.consecutive_failures.count, 2);
        let last = LastRun {
            sort_key: totals.last.as_ref().unwrap().sort_key,
            succeeded: false,
            start: Some(SINCE + 182),
            end: Some(SINCE + 192),
            reason: Some(FailureReason::DeadlineExceeded),
            cause: None,
            exit_code: None,
        };
        assert_eq!(totals.last, Some(last));
        assert_eq!(totals.last_success, Some(SINCE + 72));
        assert_eq!(totals.last_failure, Some(SINCE + 192));
        assert_eq!(totals.success_durations.count(), 1);
        assert!((totals.failure_durations.sum - 20.0).abs() < 1e-9);
    }
}

#[tokio::test(start_paused = true)]
async fn runs_that_ended_before_the_first_read_are_not_counted() {
    let target = target();
    list(&target, [complete(-2), failed(-1), running(0)]);
    assert_eq!(counts(&target), (0, 0, 0, 1));
    let totals = tick(&target).state.totals;
    assert_eq!(totals.consecutive_failures.count, 1);
    assert_eq!(totals.last_success, Some(SINCE - 108));
    assert_eq!(totals.last.unwrap().end, Some(SINCE - 48));
    apply(&target, complete(0));
    assert_eq!(counts(&target), (1, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_without_an_end_time_is_counted_if_it_was_seen_active() {
    let target = target();
    let endless = |number| Job {
        state_since: None.into(),
        ..failed(number)
    };
    list(&target, [endless(1), running(2)]);
    apply(&target, endless(2));
    assert_eq!(counts(&target), (0, 1, 0, 0));
    assert_eq!(tick(&target).state.totals.failure_durations.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn ignored_jobs_are_not_counted_later_when_they_are_no_longer_ignored() {
    let target = target();
    sync(&target);
    list(&target, [complete(1), running(2), ignored(failed(3))]);
    assert_eq!(counts(&target), (1, 0, 0, 1));
    assert_eq!(target.store.snapshot().status.jobs, 2);
    apply(&target, ignored(complete(1)));
    apply(&target, ignored(running(2)));
    assert_eq!(counts(&target), (1, 0, 0, 0));
    assert_eq!(jobs_shown(&target), Vec::<String>::new());
    assert_eq!(target.store.snapshot().status.jobs, 0);
    advance(retention()).await;
    assert_eq!(shown(&target), Vec::<String>::new());
    list(&target, [complete(1), running(2), failed(3)]);
    assert_eq!(counts(&target), (0, 0, 0, 1)); // the workload is new and has no old results
    apply(&target, complete(2));
    assert_eq!(counts(&target), (1, 0, 0, 0));
    assert_eq!(jobs_shown(&target), ["tick-1", "tick-2", "tick-3"]);
}

#[tokio::test(start_paused = true)]
async fn deleted_ignored_jobs_are_neither_shown_nor_counted_as_deleted() {
    let target = target();
    apply(&target, running(9));
    list(
        &target,
        [running(9), ignored(running(1)), ignored(complete(2))],
    );
    delete(&target, ignored(complete(2)));
    list(&target, [running(9)]);
    assert_eq!(counts(&target), (0, 0, 0, 1));
    assert_eq!(jobs_shown(&target), ["tick-9"]);
    // An ignored Job replaces a deleted Job that is still shown.
    apply(&target, named("name", "uid-1", complete(3)));
    delete(&target, named("name", "uid-1", complete(3)));
    apply(&target, ignored(named("name", "uid-2", running(4))));
    assert_eq!(jobs_shown(&target), ["tick-9"]);
    delete(&target, running(9));
    assert_eq!(counts(&target), (1, 0, 1, 0));
    advance(retention()).await;
    assert_eq!(shown(&target), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn only_the_job_of_the_last_run_is_marked() {
    let target = target_with(RestoredState::default(), Arc::new(NoopJournal), true);
    let manual = Job {
        manual: true,
        ..complete(9)
    };
    list(&target, [failed(2), complete(1), running(3), manual]);
    assert_eq!(jobs_shown(&target), ["tick-2", "tick-3"]);
    apply(&target, complete(3));
    assert_eq!(jobs_shown(&target), ["tick-3"]);
    list(&target, [failed(2), complete(1)]); // the last one is deleted and still shown
    assert_eq!(jobs_shown(&target), ["tick-3"]);
    advance(StoreSettings::default().retention.deleted).await;
    assert_eq!(jobs_shown(&target), Vec::<String>::new());
    list(&target, [failed(2), complete(1), complete(3)]); // a lagging server
    assert_eq!(jobs_shown(&target), ["tick-3"]);
    target
        .other_jobs
        .push(Update::Jobs(Change::Applied(complete(3))));
    apply(&target, ignored(complete(3)));
    assert_eq!(jobs_shown(&target), Vec::<String>::new());
    apply(&target, complete(3));
    assert_eq!(jobs_shown(&target), ["tick-3"]);
    list(&target, [complete(5), complete(4), failed(2)]);
    delete(&target, complete(5));
    // The same name, but another run.
    apply(&target, named("tick-5", "another", complete(-5)));
    assert_eq!(jobs_shown(&target), Vec::<String>::new());
}
