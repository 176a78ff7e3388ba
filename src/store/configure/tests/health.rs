//! The health of a target whose source is restarted.

use super::*;

/// Up, synced, feeds, failing feeds.
fn health(store: &TargetStore) -> (bool, bool, usize, usize) {
    let TargetStatus {
        up,
        synced,
        feeds,
        failing_feeds,
        ..
    } = store.snapshot().status;
    (up, synced, feeds, failing_feeds)
}

fn read(store: &Arc<TargetStore>) -> [FeedHandle; 2] {
    let [a, b] = feeds(store, [jobs_in("a"), jobs_in("b")]);
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y")]);
    [a, b]
}

#[tokio::test(start_paused = true)]
async fn nothing_flaps_while_feeds_of_the_same_scopes_are_registered_again() {
    let store = target();
    read(&store);
    let before = store.snapshot().status;
    store.restart_feeds(ObjectSelection::Same);
    assert_eq!(store.snapshot().status, before);
    let [b] = feeds(&store, [jobs_in("b")]);
    assert_eq!(store.snapshot().status, before);
    let [a] = feeds(&store, [jobs_in("a")]);
    assert_eq!(store.snapshot().status, before);
    a.push(Update::Contact);
    b.push(Update::Contact);
    assert_eq!(health(&store), (true, true, 2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_target_stays_up_until_a_feed_of_another_scope_was_tried() {
    let store = target();
    read(&store);
    let [all] = restart(&store, ObjectSelection::Changed, [jobs_in("")]);
    assert!(health(&store).0);
    list(&all, []);
    assert_eq!(health(&store), (true, true, 1, 0));
    let [other] = restart(&store, ObjectSelection::Changed, [jobs_in("c")]);
    other.push(Update::Failed(FeedError::default()));
    assert_eq!(health(&store), (false, false, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_retired_counts_no_more() {
    let store = target();
    let [a, b] = read(&store);
    drop(a);
    let undecodable = crate::model::ObjectName {
        namespace: "b".into(),
        name: "bad".into(),
    };
    b.push(Update::Undecodable(Change::Applied(undecodable)));
    b.push(Update::Failed(FeedError::default()));
    let old = store.snapshot().status;
    assert_eq!((old.failing_feeds, old.undecodable_jobs), (1, 1));
    pass(60).await;
    let [a] = restart(&store, ObjectSelection::Changed, [jobs_in("a")]);
    let change = a.push(Update::Contact);
    assert!(!change.synced && !change.recovered, "{change:?}");
    let status = store.snapshot().status;
    assert_eq!(health(&store), (true, true, 1, 0));
    assert_eq!(status.undecodable_jobs, 0);
    assert_eq!(status.last_success, Some(clock()));
}

#[tokio::test(start_paused = true)]
async fn an_outage_goes_on_and_hides_the_objects_of_all_feeds_in_time() {
    let store = target();
    let [a, b] = read(&store);
    a.push(Update::Failed(FeedError::default()));
    b.push(Update::Failed(FeedError::default()));
    pass(300).await;
    let scopes = [jobs_in("a"), jobs_in("c")];
    let [a, c] = restart(&store, ObjectSelection::Changed, scopes);
    assert!(
        !a.push(Update::Failed(FeedError::default())).went_down,
        "it was down before"
    );
    c.push(Update::Failed(FeedError::default()));
    assert_eq!(health(&store), (false, false, 2, 2));
    assert_eq!(shown(&store), ["a/x", "b/y"]);
    let stale_after = defaults().retention.stale_after.as_secs();
    pass(stale_after - 299).await;
    assert_eq!(shown(&store), NONE);
    // The API is back.
    list(&a, [running("a", "x")]);
    assert!(
        c.push(Update::Contact)
            == crate::model::HealthChange {
                recovered: true,
                ..Default::default()
            }
    );
    assert_eq!(shown(&store), ["a/x"]);
    list(&c, [running("c", "z")]);
    assert_eq!(shown(&store), ["a/x", "c/z"]);
    assert_eq!(health(&store), (true, true, 2, 0));
    assert_eq!(store.snapshot().status.jobs, 2, "the other has left");
}

#[tokio::test(start_paused = true)]
async fn a_target_is_synced_again_once_its_new_feeds_are_read() {
    let journal = Arc::new(MemoryJournal::default());
    let state = RestoredState::default();
    let store = TargetStore::restored(None, defaults().into(), state, journal.clone());
    let store = Arc::new(store);
    let synced = || {
        let entries = journal.take();
        entries
            .iter()
            .filter(|entry| matches!(entry, JournalEntry::Synced))
            .count()
    };
    read(&store);
    assert_eq!(synced(), 1);
    let [a, _b] = restart(&store, ObjectSelection::Same, [jobs_in("a"), jobs_in("b")]);
    list(&a, [running("a", "x")]);
    assert!(store.is_synced());
    assert_eq!(synced(), 0, "no feed is new");
    let [a, c] = restart(
        &store,
        ObjectSelection::Changed,
        [jobs_in("a"), jobs_in("c")],
    );
    list(&a, [running("a", "x")]);
    assert!(!store.is_synced());
    list(&c, []);
    assert!(store.is_synced());
    let entries = journal.take();
    let position = |is: fn(&JournalEntry) -> bool| entries.iter().position(is).unwrap();
    let gone = position(
        |entry| matches!(entry, JournalEntry::WorkloadGone(id, _) if &*id.namespace == "b"),
    );
    assert!(gone < position(|entry| matches!(entry, JournalEntry::Synced)));
    list(&c, []);
    assert_eq!(synced(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_synced_when_the_feed_that_was_never_read_is_left_out() {
    let store = target();
    let [a, b] = feeds(&store, [jobs_in("a"), jobs_in("b")]);
    list(&a, []);
    b.push(Update::Failed(FeedError::default()));
    let [a] = restart(&store, ObjectSelection::Changed, [jobs_in("a")]);
    assert!(
        !a.push(Update::Contact).synced,
        "others may be selected now"
    );
    let change = a.push(Update::Jobs(Change::Replaced(Vec::new())));
    assert!(change.synced);
    assert_eq!(health(&store), (true, true, 1, 0));
}

/// The next due time and the overdue runs do not depend on the feed.
#[tokio::test(start_paused = true)]
async fn a_cronjob_that_moves_to_another_feed_stays_judged() {
    let store = target();
    let [jobs, cronjobs] = feeds(&store, [jobs_in("a"), cronjobs_in("a")]);
    list(&jobs, []);
    list_cronjobs(&cronjobs, [cronjob("a")]);
    let overdue = || {
        let snapshot = store.snapshot();
        let record = snapshot.cronjobs.iter().next().unwrap();
        record.schedule_status().unwrap().overdue_runs
    };
    assert_eq!(overdue(), Some(0));
    let scopes = [jobs_in(""), cronjobs_in("")];
    let [jobs, cronjobs] = restart(&store, ObjectSelection::Changed, scopes);
    list_cronjobs(&cronjobs, [cronjob("a")]);
    assert_eq!(overdue(), Some(0));
    list(&jobs, []);
    assert_eq!(overdue(), Some(0));
    pass(4 * 3600).await;
    for feed in [&jobs, &cronjobs] {
        feed.push(Update::CaughtUp(clock()));
    }
    assert_eq!(overdue(), Some(1), "its evaluation moved, too");
}

#[tokio::test(start_paused = true)]
async fn a_feed_in_the_place_of_another_is_judged_anew() {
    let store = target();
    let [jobs, cronjobs] = feeds(&store, [jobs_in("a"), cronjobs_in("a")]);
    list(&jobs, []);
    list_cronjobs(&cronjobs, [cronjob("a")]);
    let [x] = restart(&store, ObjectSelection::Changed, [polled("a", "x")]);
    x.push(Update::JobAbsent);
    // One of them has the place of the old feed of CronJobs.
    let scopes = ["b", "c"].map(cronjobs_in);
    let [b, c] = restart(&store, ObjectSelection::Changed, scopes);
    let [_jobs] = feeds(&store, [jobs_in("")]);
    list_cronjobs(&b, [cronjob("b")]);
    list_cronjobs(&c, [cronjob("c")]);
    let snapshot = store.snapshot();
    let mut records = snapshot.cronjobs.iter();
    let overdue = |record: &crate::store::CronJobRecord| {
        record
            .schedule_status()
            .and_then(|status| status.overdue_runs)
    };
    assert!(records.all(|record| overdue(record).is_none()));
}

#[tokio::test(start_paused = true)]
async fn a_cronjob_is_evaluated_in_time_while_the_feed_that_it_left_remains() {
    let store = target();
    let [jobs, cronjobs] = feeds(&store, [jobs_in(""), cronjobs_in("")]);
    list(&jobs, []);
    list_cronjobs(&cronjobs, [cronjob("a")]);
    let scopes = [jobs_in("a"), cronjobs_in("a"), jobs_in("forbidden")];
    let [jobs, cronjobs, forbidden] = restart(&store, ObjectSelection::Changed, scopes);
    list_cronjobs(&cronjobs, [cronjob("a")]);
    list(&jobs, []);
    forbidden.push(Update::Failed(FeedError::default()));
    pass(4 * 3600).await;
    for feed in [&jobs, &cronjobs] {
        feed.push(Update::CaughtUp(clock()));
    }
    let snapshot = store.snapshot();
    let record = snapshot.cronjobs.iter().next().unwrap();
    assert_eq!(record.schedule_status().unwrap().overdue_runs, Some(1));
}
