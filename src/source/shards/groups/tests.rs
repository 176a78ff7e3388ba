//! Which feeds a shard has while namespaces come and go. Nothing listens at the address of the API.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::*;
use crate::{
    client::{Api, Endpoint},
    config::{ListLimits, Mode},
    model::{
        ClientEvent, EventCounter, FeedHandle, FeedId, FeedScope, HealthChange, Shard,
        ShardReading, Sink, Update,
    },
    source::SourceSettings,
};

/// The scopes of all feeds by their ids, and whether they are in use.
#[derive(Default)]
struct Feeds(Mutex<Vec<(FeedScope, bool)>>);

impl Sink for Feeds {
    fn register(self: Arc<Self>, scope: FeedScope) -> FeedHandle {
        let mut feeds = self.0.lock();
        let id = FeedId(u32::try_from(feeds.len()).unwrap());
        feeds.push((scope, true));
        drop(feeds);
        FeedHandle::new(id, self)
    }

    fn push(&self, _: FeedId, _: Update) -> HealthChange {
        HealthChange::default()
    }

    fn retire(&self, feed: FeedId) {
        let place = usize::try_from(feed.0).unwrap();
        self.0.lock()[place].1 = false;
    }

    fn set_shard_reading(&self, _: ShardReading, _: Option<usize>) {}
}

impl EventCounter for Feeds {
    fn count(&self, _: ClientEvent) {}
}

impl Feeds {
    /// The namespaces whose Jobs have a feed in use, `*` for all.
    fn namespaces(&self) -> BTreeSet<String> {
        let feeds = self.0.lock();
        let in_use = feeds.iter().filter(|(_, in_use)| *in_use);
        let namespaces = in_use.filter_map(|(scope, _)| match scope {
            FeedScope::Jobs(Some(namespace)) => Some(namespace.to_string()),
            FeedScope::Jobs(None) => Some("*".to_owned()),
            _ => None,
        });
        namespaces.collect()
    }
}

fn groups() -> (Groups, Arc<Feeds>) {
    let feeds = Arc::new(Feeds::default());
    let address = Endpoint::Address("http://127.0.0.1:1".parse().unwrap());
    let settings = SourceSettings {
        mode: Mode::Watch(Selection::default()),
        metadata: Arc::default(),
        stale_after: Duration::from_mins(10),
        max_silence: Duration::from_mins(2),
        limits: ListLimits::default(),
        shard: Shard::new(0, 2),
    };
    let api = Arc::new(Api::new(address, feeds.clone(), None));
    let source = Source::new("tested".to_owned(), settings, api, feeds.clone());
    let groups = Groups::new(Arc::new(source), Arc::new(Selection::default()));
    (groups, feeds)
}

/// Lets the watches run for so long.
async fn run(groups: &mut Groups, seconds: u64) {
    let ended = timeout(Duration::from_secs(seconds), groups.next_end()).await;
    assert!(ended.is_err(), "a watch ended");
}

fn set(namespaces: &[&str]) -> BTreeSet<String> {
    namespaces.iter().map(|&it| it.to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_watches_of_a_namespace_that_is_gone_end_after_a_minute() {
    let (mut groups, feeds) = groups();
    let [a, b] = [Name::from("a"), Name::from("b")];
    groups.add(&a);
    groups.add(&b);
    groups.add(&a);
    assert_eq!(feeds.namespaces(), set(&["a", "b"]));
    groups.remove(&a);
    run(&mut groups, 59).await;
    assert_eq!(feeds.namespaces(), set(&["a", "b"]));
    run(&mut groups, 2).await;
    assert_eq!(feeds.namespaces(), set(&["b"]));
    assert_eq!(groups.alone(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_returns_in_time_keeps_its_watches() {
    let (mut groups, feeds) = groups();
    let a = Name::from("a");
    groups.add(&a);
    groups.remove(&a);
    run(&mut groups, 30).await;
    groups.add(&a);
    run(&mut groups, 120).await;
    assert_eq!(feeds.namespaces(), set(&["a"]));
    assert_eq!(feeds.0.lock().len(), 2, "no feed was registered again");
}

#[tokio::test(start_paused = true)]
async fn single_feeds_stay_until_everything_was_read_together() {
    let (mut groups, feeds) = groups();
    let [a, b] = [Name::from("a"), Name::from("b")];
    groups.add(&a);
    groups.read_together(Some(vec![a.clone(), b.clone()]));
    groups.add(&a);
    groups.add(&b);
    groups.remove(&a);
    // Nothing answers, so what was read before must stay.
    run(&mut groups, 600).await;
    assert_eq!(feeds.namespaces(), set(&["*", "a"]));
    // What comes later is read on its own.
    groups.add(&Name::from("c"));
    groups.read_together(None);
    groups.add(&Name::from("d"));
    run(&mut groups, 600).await;
    assert_eq!(feeds.namespaces(), set(&["*", "a", "c"]));
    assert_eq!(groups.alone(), 0);
}
