//! Tests of `super`.

use std::pin::Pin;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::*;
use crate::api::{ApiOptions, Kind};

type Events = Pin<Box<dyn Stream<Item = Bytes> + Send>>;

fn start(api: &SimulatedApi, query: &str) -> Events {
    let options = Options::parse(query, true).unwrap();
    let filter = Filter::parse(Kind::Job, None, "", "").unwrap();
    events(api, filter, &options).unwrap().boxed()
}

async fn next(events: &mut Events) -> Option<Vec<Value>> {
    let frame = events.next().await?;
    let lines = std::str::from_utf8(&frame).unwrap().lines();
    Some(
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn apply(api: &SimulatedApi, name: &str) {
    let object = json!({"metadata": {"name": name}});
    api.apply(Kind::Job, object).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_after_its_timeout() {
    let api = SimulatedApi::new(ApiOptions::default());
    for (query, seconds) in [
        ("timeoutSeconds=290", 290),
        ("timeoutSeconds=0", 1800),
        ("", 1800),
    ] {
        let began = Instant::now();
        let mut events = start(&api, &format!("watch=1&resourceVersion=1&{query}"));
        assert_eq!(next(&mut events).await, None);
        assert_eq!(began.elapsed().as_secs(), seconds, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn bookmarks_are_sent_at_the_interval_with_the_current_version() {
    let api = SimulatedApi::new(ApiOptions::default());
    let began = Instant::now();
    let mut events = start(&api, "watch=1&resourceVersion=1&allowWatchBookmarks=true");
    for minute in 1..=3u64 {
        let object = json!({"metadata": {"name": "c"}, "spec": {"n": minute}});
        api.apply(Kind::CronJob, object).unwrap();
        let frame = next(&mut events).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), 60 * minute);
        assert_eq!(frame.len(), 1);
        assert_eq!(frame[0]["type"], "BOOKMARK");
        let version = &frame[0]["object"]["metadata"]["resourceVersion"];
        assert_eq!(*version, json!((minute + 1).to_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_a_future_version_gets_no_bookmarks() {
    let api = SimulatedApi::new(ApiOptions::default());
    let query = "watch=1&resourceVersion=99&allowWatchBookmarks=true&timeoutSeconds=600";
    assert_eq!(next(&mut start(&api, query)).await, None);
}

#[tokio::test]
async fn a_watch_that_falls_behind_ends() {
    let api = SimulatedApi::new(ApiOptions {
        history: 2,
        ..ApiOptions::default()
    });
    let mut events = start(&api, "watch=1&resourceVersion=1");
    for name in ["a", "b", "c"] {
        apply(&api, name);
    }
    assert_eq!(next(&mut events).await, None);
}

#[tokio::test]
async fn long_lists_are_sent_in_bounded_frames() {
    let api = SimulatedApi::new(ApiOptions::default());
    let text = "x".repeat(FRAME_SIZE / 4);
    for number in 0..10 {
        let object = json!({"metadata": {"name": number.to_string()}, "spec": {"text": text}});
        api.apply(Kind::Job, object).unwrap();
    }
    let mut events = start(&api, "watch=1&allowWatchBookmarks=true");
    let mut seen = 0;
    loop {
        let frame = next(&mut events).await.unwrap();
        assert!(frame.len() <= 5);
        seen += frame.len();
        if frame.last().unwrap()["type"] == "BOOKMARK" {
            break;
        }
    }
    assert_eq!(seen, 11);
}
