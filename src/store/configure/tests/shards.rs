//! What is shown and counted while the feeds of a shard come and go.

use super::*;
use crate::model::{Namespace, Shard};

fn list_namespaces(feed: &FeedHandle) {
    let namespace = Namespace {
        name: "a".into(),
        uid: Uid::parse("a"),
    };
    feed.push(Update::Namespaces(Change::Replaced(vec![namespace])));
    feed.push(Update::CaughtUp(clock()));
    feed.push(Update::Contact);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_gone_leaves_without_a_deletion() {
    let store = target();
    let scopes = [FeedScope::Namespaces, jobs_in("a"), jobs_in("b")];
    let [namespaces, a, b] = feeds(&store, scopes);
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y")]);
    assert!(!store.is_synced(), "the namespaces are not known yet");
    list_namespaces(&namespaces);
    assert!(store.is_synced());
    b.retire();
    assert_eq!(store.snapshot().status.feeds, 2);
    // It ends with the next news of any feed.
    a.push(Update::Contact);
    assert_eq!(shown(&store), ["a/x"]);
    assert_eq!(counts(&store, "b"), (0, 0, 0));
    assert!(store.is_synced());
}

#[tokio::test(start_paused = true)]
async fn what_other_feeds_have_read_stays_when_a_feed_ends() {
    let store = target();
    let [beside] = feeds(&store, [jobs_in("a")]);
    list(&beside, [running("a", "x"), running("a", "gone")]);
    let [together] = feeds(&store, [jobs_in("")]);
    list(&together, [running("a", "x")]);
    beside.retire();
    together.push(Update::Contact);
    assert_eq!(shown(&store), ["a/x"]);
    assert_eq!(counts(&store, "a"), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_returns_has_its_feed_again() {
    let store = target();
    let [a, b] = feeds(&store, [jobs_in("a"), jobs_in("b")]);
    list(&a, [running("a", "x")]);
    list(&b, [running("b", "y")]);
    b.retire();
    let [b] = feeds(&store, [jobs_in("b")]);
    a.push(Update::Contact);
    assert_eq!(shown(&store), ["a/x", "b/y"]);
    list(&b, [complete("b", "y")]);
    assert_eq!(counts(&store, "b"), (1, 0, 0));
    assert_eq!(store.snapshot().status.feeds, 2);
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_comes_late_does_not_count_what_ended_before_the_others_were_read() {
    let store = target();
    pass(60).await;
    let [a] = feeds(&store, [jobs_in("a")]);
    list(&a, []);
    // Its run ended after the store began to count.
    let [b] = feeds(&store, [jobs_in("b")]);
    list(&b, [complete("b", "y")]);
    assert_eq!(counts(&store, "b"), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_shard_with_nothing_to_read_is_synced_and_drops_what_it_had() {
    let store = target();
    let [a] = feeds(&store, [jobs_in("a")]);
    list(&a, [running("a", "x")]);
    store.configure(StoreSettings {
        reads_nothing: true,
        shard: Shard::new(1, 2),
        ..defaults()
    });
    let [] = restart(&store, ObjectSelection::Changed, []);
    assert_eq!(shown(&store), NONE);
    let TargetStatus {
        up, synced, feeds, ..
    } = store.snapshot().status;
    assert_eq!((up, synced, feeds), (true, true, 0));
    assert_eq!(counts(&store, "a"), (0, 0, 0));
}
