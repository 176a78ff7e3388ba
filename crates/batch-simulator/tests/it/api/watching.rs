//! Watches while objects change.

use super::*;
use crate::client::Open;

/// The type, name and version of an event.
pub(super) type Event = (String, String, String);

/// A running watch.
pub(super) struct Watch {
    open: Open,
    /// Received text that is not yet returned.
    text: String,
}

impl Watch {
    async fn start(server: &Server, query: &str) -> Self {
        Self::start_at(server, &format!("/apis/batch/v1/jobs?watch=1{query}")).await
    }

    pub(super) async fn start_at(server: &Server, path: &str) -> Self {
        let open = server.client.open(Method::GET, path, &[], "").await;
        let (parts, open) = open.unwrap();
        assert_eq!(parts.status, StatusCode::OK);
        Self {
            open,
            text: String::new(),
        }
    }

    /// The next line; `None` at the end.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some((line, rest)) = self.text.split_once('\n') {
                let (line, rest) = (line.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(line);
            }
            let frame = self.open.body.frame().await?.unwrap();
            self.text
                .push_str(str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The next event; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let line = tokio::time::timeout(TIMEOUT, self.line()).await;
        let event: Value = serde_json::from_str(&line.expect("an event")?).unwrap();
        let metadata = &event["object"]["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Some((
            text(&event["type"]),
            text(&metadata["name"]),
            text(&metadata["resourceVersion"]),
        ))
    }
}

pub(super) fn event(kind: &str, name: &str, version: &str) -> Event {
    (kind.to_owned(), name.to_owned(), version.to_owned())
}

fn labelled(name: &str, tier: &str) -> Value {
    let mut object = job("etl", name);
    object["metadata"]["labels"] = json!({"tier": tier});
    object
}

#[tokio::test]
async fn present_objects_come_first_and_then_the_changes() {
    let server = Server::start(ApiOptions::default()).await;
    server.api.apply(Kind::Job, job("etl", "old")).unwrap();
    let mut watch = Watch::start(&server, "").await;
    assert_eq!(watch.next().await, Some(event("ADDED", "old", "2")));
    server.api.apply(Kind::Job, job("etl", "new")).unwrap();
    assert_eq!(watch.next().await, Some(event("ADDED", "new", "3")));
    server.api.apply(Kind::Job, labelled("new", "web")).unwrap();
    assert_eq!(watch.next().await, Some(event("MODIFIED", "new", "4")));
    server.api.delete(Kind::Job, "etl", "old");
    assert_eq!(watch.next().await, Some(event("DELETED", "old", "5")));
}

#[tokio::test]
async fn objects_come_and_go_with_their_labels() {
    let server = Server::start(ApiOptions::default()).await;
    let mut watch = Watch::start(&server, "&labelSelector=tier%3Dbatch").await;
    for (tier, expected) in [
        ("batch", Some("ADDED")),
        ("web", Some("DELETED")),
        ("other", None),
        ("batch", Some("ADDED")),
    ] {
        let stored = server.api.apply(Kind::Job, labelled("load", tier)).unwrap();
        let version = stored["metadata"]["resourceVersion"].as_str().unwrap();
        if let Some(expected) = expected {
            assert_eq!(watch.next().await, Some(event(expected, "load", version)));
        }
    }
}

#[tokio::test]
async fn compaction_expires_versions_but_not_running_watches() {
    let server = Server::start(ApiOptions::default()).await;
    let mut running = Watch::start(&server, "&resourceVersion=1").await;
    server.api.apply(Kind::Job, job("etl", "a")).unwrap();
    server.api.compact();
    assert_eq!(running.next().await, Some(event("ADDED", "a", "2")));
    let mut late = Watch::start(&server, "&resourceVersion=1").await;
    assert_eq!(late.next().await.unwrap().0, "ERROR");
    assert_eq!(late.next().await, None);
    let mut current = Watch::start(&server, "&resourceVersion=2").await;
    server.api.apply(Kind::Job, job("etl", "b")).unwrap();
    assert_eq!(current.next().await, Some(event("ADDED", "b", "3")));
}

#[tokio::test]
async fn a_full_history_expires_versions() {
    let server = Server::start(ApiOptions {
        history: 3,
        ..ApiOptions::default()
    })
    .await;
    for name in ["a", "b", "c", "d"] {
        server.api.apply(Kind::Job, job("etl", name)).unwrap();
    }
    let mut kept = Watch::start(&server, "&resourceVersion=2").await;
    assert_eq!(kept.next().await, Some(event("ADDED", "b", "3")));
    let mut forgotten = Watch::start(&server, "&resourceVersion=1").await;
    assert_eq!(forgotten.next().await.unwrap().0, "ERROR");
}

#[tokio::test]
async fn watches_end_by_end_watches_and_reset() {
    let server = Server::start(ApiOptions::default()).await;
    server.api.apply(Kind::Job, job("etl", "a")).unwrap();
    let mut watch = Watch::start(&server, "&resourceVersion=2").await;
    server.api.end_watches();
    assert_eq!(watch.next().await, None);
    let mut watch = Watch::start(&server, "&resourceVersion=2").await;
    server.api.reset();
    assert_eq!(watch.next().await, None);

    let list = server.get("/apis/batch/v1/jobs").await.json();
    assert_eq!(list["metadata"]["resourceVersion"], "1");
    assert!(names(&list).is_empty());
    // The earlier version is in the future now. As on a real server, the watch is silent until that version exists.
    let mut ahead = Watch::start(&server, "&resourceVersion=3").await;
    for name in ["x", "y", "z"] {
        server.api.apply(Kind::Job, job("etl", name)).unwrap();
    }
    assert_eq!(ahead.next().await, Some(event("ADDED", "z", "4")));
}

#[tokio::test]
async fn without_the_feature_streamed_lists_are_invalid() {
    let server = Server::start(ApiOptions {
        watch_list: false,
        ..ApiOptions::default()
    })
    .await;
    let answer = server
        .get(
            "/apis/batch/v1/jobs?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
             &allowWatchBookmarks=true",
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    let status = answer.json();
    assert_eq!(
        status["message"],
        "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for \
         watch unless the WatchList feature gate is enabled"
    );
    assert_eq!(status["details"]["causes"][0]["field"], "sendInitialEvents");
}

#[tokio::test]
async fn a_streamed_list_from_the_future_fails_in_the_stream() {
    let server = Server::start(ApiOptions::default()).await;
    let query = "&resourceVersion=9&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
    let answer = server
        .get(&format!("/apis/batch/v1/jobs?watch=1{query}"))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    let events = events(&answer);
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["object"]["code"], 504);
}

#[tokio::test]
async fn many_watchers_see_every_change() {
    let server = Server::start(ApiOptions::default()).await;
    let watches = (0..50).map(|_| Watch::start(&server, "&resourceVersion=1"));
    let mut watches = futures_util::future::join_all(watches).await;
    for number in 0..200 {
        let object = job("etl", &format!("job-{number}"));
        server.api.apply(Kind::Job, object).unwrap();
    }
    for watch in &mut watches {
        for number in 0..200 {
            let (kind, name, _) = watch.next().await.unwrap();
            assert_eq!((kind.as_str(), name), ("ADDED", format!("job-{number}")));
        }
    }
}
