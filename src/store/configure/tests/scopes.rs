//! What is shown and counted when a restarted source selects other objects.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_objects_of_a_namespace_that_is_left_out_stay_until_the_others_are_read() {
    let store = target();
    let [a, b] = feeds(&store, [jobs_in("a"), jobs_in("b")]);
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y"), complete("b", "z")]);
    let [a] = restart(&store, ObjectSelection::Changed, [jobs_in("a")]);
    let all = ["a/x", "b/y", "b/z"];
    assert_eq!(shown(&store), all);
    a.push(Update::Contact);
    assert_eq!(shown(&store), all);
    list(&a, [running("a", "x")]);
    assert_eq!(shown(&store), ["a/x"]);
    assert_eq!(counts(&store, "a"), (0, 0, 1));
    assert_eq!(counts(&store, "b"), (1, 0, 0), "no run was deleted");
    pass(119).await;
    assert!(workload(&store, "b").is_some());
    pass(1).await;
    assert!(workload(&store, "b").is_none());
    assert_eq!(store.snapshot().status.jobs, 1);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_move_to_another_feed_keep_their_counters() {
    for (before, after) in [("a", ""), ("", "a")] {
        let store = target();
        let [jobs, cronjobs] = feeds(&store, [jobs_in(before), cronjobs_in(before)]);
        list_cronjobs(&cronjobs, [cronjob("a")]);
        list(&jobs, [running("a", "x"), running("a", "y")]);
        apply(&jobs, complete("a", "x"));
        let scopes = [jobs_in(after), cronjobs_in(after)];
        let [jobs, cronjobs] = restart(&store, ObjectSelection::Changed, scopes);
        list(&jobs, [complete("a", "x"), running("a", "y")]);
        assert_eq!(counts(&store, "a"), (1, 0, 1));
        list_cronjobs(&cronjobs, [cronjob("a")]);
        assert_eq!(shown(&store), ["a/x", "a/y"]);
        apply(&jobs, complete("a", "y"));
        assert_eq!(counts(&store, "a"), (2, 0, 0));
        pass(200).await;
        jobs.push(Update::Contact);
        cronjobs.push(Update::Contact);
        assert_eq!(counts(&store, "a"), (2, 0, 0), "the workload exists");
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_hides_with_the_feed_of_its_remaining_jobs() {
    let store = target();
    let scopes = [polled("a", "x"), polled("a", "y")];
    let [x, y] = feeds(&store, scopes);
    apply(&x, running("a", "x"));
    apply(&y, running("a", "y"));
    let scopes = [polled("a", "x"), polled("b", "z")];
    let [x, z] = restart(&store, ObjectSelection::Changed, scopes);
    apply(&x, running("a", "x"));
    z.push(Update::JobAbsent);
    assert_eq!(shown(&store), ["a/x"]);
    pass(700).await;
    z.push(Update::Contact);
    assert!(workload(&store, "a").is_none());
    x.push(Update::Contact);
    assert_eq!(counts(&store, "a"), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_target_turns_from_a_watch_to_single_jobs_and_back() {
    let store = target();
    let [jobs, cronjobs] = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    list_cronjobs(&cronjobs, [cronjob("a"), cronjob("b")]);
    list(
        &jobs,
        [running("a", "x"), running("a", "y"), running("b", "z")],
    );
    let [x] = restart(&store, ObjectSelection::Changed, [polled("a", "x")]);
    assert_eq!(store.snapshot().configured.len(), 1);
    apply(&x, complete("a", "x"));
    assert_eq!(shown(&store), ["a/x"]);
    assert_eq!(counts(&store, "a"), (1, 0, 0));
    let snapshot = store.snapshot();
    assert_eq!(snapshot.cronjobs.iter().count(), 0);
    assert_eq!((snapshot.status.feeds, snapshot.status.cronjobs), (1, 0));
    pass(300).await;
    x.push(Update::JobAbsent);
    assert!(workload(&store, "a").is_some(), "it has a configured Job");
    let scopes = [jobs_in(""), cronjobs_in("")];
    let [jobs, cronjobs] = restart(&store, ObjectSelection::Changed, scopes);
    list(&jobs, [running("a", "y")]);
    assert!(store.snapshot().configured.is_empty());
    list_cronjobs(&cronjobs, [cronjob("a")]);
    assert_eq!(counts(&store, "a"), (1, 0, 1));
    jobs.push(Update::Jobs(Change::Deleted(complete("a", "y"))));
    let deleted = Update::CronJobs(Change::Deleted(cronjob("a")));
    cronjobs.push(deleted);
    pass(120).await;
    assert!(
        workload(&store, "a").is_none(),
        "no configured Job keeps it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_that_another_selection_hides_is_no_deleted_run() {
    for (selection, deleted) in [(ObjectSelection::Changed, 0), (ObjectSelection::Same, 1)] {
        let store = target();
        let [jobs] = feeds(&store, [jobs_in("")]);
        list(
            &jobs,
            [running("a", "x"), running("a", "y"), complete("a", "z")],
        );
        let [jobs] = restart(&store, selection, [jobs_in("")]);
        jobs.push(Update::Undecodable(Change::Replaced(Vec::new())));
        list(&jobs, [running("a", "x")]);
        assert_eq!(counts(&store, "a"), (1, deleted, 1));
        let retained = selection == ObjectSelection::Same;
        let expected: &[&str] = if retained { &["a/x", "a/z"] } else { &["a/x"] };
        assert_eq!(shown(&store), expected);
        // From the next list on, a missing Job was deleted.
        list(&jobs, []);
        assert_eq!(counts(&store, "a"), (1, deleted + 1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_configured_job_that_is_absent_after_a_restart_was_deleted() {
    let store = target();
    let [x, _y] = feeds(&store, [polled("a", "x"), polled("a", "y")]);
    apply(&x, running("a", "x"));
    let [x] = restart(&store, ObjectSelection::Changed, [polled("a", "x")]);
    x.push(Update::JobAbsent);
    assert_eq!(counts(&store, "a"), (0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_selected_again_counts_once() {
    let store = target();
    let [jobs] = feeds(&store, [jobs_in("")]);
    list(&jobs, [running("a", "x"), running("a", "y")]);
    apply(&jobs, complete("a", "x"));
    let [jobs] = restart(&store, ObjectSelection::Changed, [jobs_in("")]);
    list(&jobs, []);
    assert_eq!(shown(&store), NONE);
    pass(60).await;
    let [jobs] = restart(&store, ObjectSelection::Changed, [jobs_in("")]);
    list(&jobs, [complete("a", "x"), running("a", "y")]);
    assert_eq!(counts(&store, "a"), (1, 0, 1));
    apply(&jobs, complete("a", "y"));
    assert_eq!(counts(&store, "a"), (2, 0, 0));
    // It has objects again, so it stays as long as others after a cleanup.
    jobs.push(Update::Jobs(Change::Deleted(complete("a", "x"))));
    jobs.push(Update::Jobs(Change::Deleted(complete("a", "y"))));
    pass(600).await;
    jobs.push(Update::Contact);
    assert!(workload(&store, "a").is_some());
}

/// The workload has left in between, and its counters restart from zero.
#[tokio::test(start_paused = true)]
async fn runs_that_ended_before_they_were_selected_are_shown_and_not_counted() {
    for pause in [200, 7_200] {
        let store = target();
        let [a, b] = feeds(&store, [jobs_in("a"), jobs_in("b")]);
        list(&a, []);
        list(&b, [complete("b", "x")]);
        assert_eq!(counts(&store, "b"), (1, 0, 0));
        let [a] = restart(&store, ObjectSelection::Changed, [jobs_in("a")]);
        list(&a, []);
        pass(pause).await;
        list(&a, []);
        assert!(workload(&store, "b").is_none());
        let scopes = [jobs_in("a"), jobs_in("b")];
        let [_a, b] = restart(&store, ObjectSelection::Changed, scopes);
        let late = |namespace: &str, name| Job {
            state_since: Some(NOW.get() + 1).into(),
            ..complete(namespace, name)
        };
        list(
            &b,
            [
                complete("b", "x"),
                complete("b", "never seen"),
                late("b", "new"),
            ],
        );
        assert_eq!(counts(&store, "b"), (1, 0, 0), "only the new one counts");
        let totals = workload(&store, "b").unwrap().state.totals;
        assert!(totals.last.is_some_and(|last| last.succeeded));
        NOW.set(MIDNIGHT);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_returns_before_the_others_are_read_loses_nothing() {
    let store = target();
    let [a, b] = feeds(&store, [jobs_in("a"), jobs_in("b")]);
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y")]);
    let [a] = restart(&store, ObjectSelection::Changed, [jobs_in("a")]);
    a.push(Update::Failed(FeedError::default()));
    let scopes = [jobs_in("b"), jobs_in("a")];
    let [b, a] = restart(&store, ObjectSelection::Changed, scopes);
    assert_eq!(store.snapshot().status.feeds, 2);
    assert!(store.is_synced());
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y")]);
    apply(&b, complete("b", "y"));
    assert_eq!(
        (counts(&store, "a"), counts(&store, "b")),
        ((0, 0, 1), (1, 0, 0))
    );
}

#[tokio::test(start_paused = true)]
async fn a_deleted_job_stays_for_its_retention_when_its_feed_leaves() {
    let store = target();
    let [a] = feeds(&store, [jobs_in("a")]);
    list(&a, [complete("a", "x")]);
    a.push(Update::Jobs(Change::Deleted(complete("a", "x"))));
    pass(60).await;
    let [all] = restart(&store, ObjectSelection::Changed, [jobs_in("")]);
    list(&all, []);
    // Another feed takes the place of the old one, and is not read.
    let scopes = [jobs_in(""), cronjobs_in("")];
    let [all, _never_read] = restart(&store, ObjectSelection::Changed, scopes);
    all.push(Update::Contact);
    pass(59).await;
    assert_eq!(shown(&store), ["a/x"]);
    pass(1).await;
    assert_eq!(shown(&store), NONE);
}
