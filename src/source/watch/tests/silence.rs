//! Watches that stay open and receive nothing.

use std::{convert::Infallible, pin::Pin};

use futures_util::{Stream, StreamExt as _, future::pending, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::sleep_until;

use super::*;

type Frames = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, Infallible>>>>;

/// A line of a watch, and when it arrives after the start in seconds.
type Arrival<'a> = (u64, &'a str);

/// A watch event about an object in this namespace.
fn event(kind: &str, namespace: &str, version: u64) -> String {
    let metadata = format!(
        r#"{{"namespace":"{namespace}","name":"a","uid":"u","resourceVersion":"{version}"}}"#
    );
    format!(r#"{{"type":"{kind}","object":{{"metadata":{metadata}}}}}"#)
}

/// A response with these lines that stays open.
fn response(arrivals: &[Arrival<'_>]) -> Lines<StreamBody<Frames>> {
    let start = Instant::now();
    let arrivals: Vec<_> = arrivals
        .iter()
        .map(|(second, line)| (Duration::from_secs(*second), format!("{line}\n")))
        .collect();
    let lines = stream::iter(arrivals).then(move |(after, line)| async move {
        sleep_until(start + after).await;
        Ok(Frame::data(Bytes::from(line)))
    });
    let frames = lines.chain(stream::once(pending()));
    Lines::new(BodyFormat::Json, StreamBody::new(Box::pin(frames)))
}

/// Lets the watch read these lines until it gives up. Returns the time of that in seconds, and why it ended.
async fn read(watch: &mut Watch<Jobs>, arrivals: &[Arrival<'_>]) -> (u64, String) {
    let start = Instant::now();
    watch.attempt = Attempt {
        opened: Some(start),
        ..Attempt::default()
    };
    let outcome = watch.read(response(arrivals), &mut None).await;
    let seconds = start.elapsed().as_secs();
    let error = outcome.as_ref().err().map(ToString::to_string);
    let wait = watch.conclude(&outcome);
    assert!(wait.is_some(), "a failed watch waits");
    (seconds, error.expect("the response never ends"))
}

/// When a watch is given up on which nothing arrives, without regard to bookmarks.
const LONGEST: u64 = 5 * 60 + OVERTIME.as_secs();

#[tokio::test(start_paused = true)]
async fn a_watch_whose_bookmarks_stop_is_dead_and_resumes_from_the_last_version() {
    let (mut watch, recorder) = watch();
    let (first, second) = (event("BOOKMARK", "", 101), event("BOOKMARK", "", 102));
    let (at, error) = read(&mut watch, &[(60, &first), (119, &second)]).await;
    assert_eq!(at, 119 + SILENCE.as_secs());
    assert_eq!(
        error,
        "watch jobs in all namespaces: the connection is dead: neither an event nor a bookmark for 150s"
    );
    assert_eq!(watch.version.as_deref(), Some("102"));
    assert_eq!(*recorder.failures.lock(), 1);
    assert_eq!(*recorder.restarts.lock(), [RestartReason::Error]);
}

#[tokio::test(start_paused = true)]
async fn events_are_signs_of_life_as_bookmarks_are() {
    let (mut watch, _) = watch();
    let bookmark = event("BOOKMARK", "", 101);
    let events = [102, 103, 104].map(|version| event("MODIFIED", "elsewhere", version));
    let arrivals = [
        (30, &*bookmark),
        (170, &*events[0]),
        (310, &*events[1]),
        (450, &*events[2]),
    ];
    let (at, _) = read(&mut watch, &arrivals).await;
    assert_eq!(at, 450 + SILENCE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_sent_a_bookmark_may_be_quiet() {
    let (mut watch, _) = watch();
    let added = event("ADDED", "elsewhere", 101);
    let (at, error) = read(&mut watch, &[(60, &added)]).await;
    assert_eq!(at, 60 + LONGEST);
    assert!(error.ends_with("no response within 315s"), "{error}");
}

/// Servers before 1.17 do that.
#[tokio::test(start_paused = true)]
async fn a_server_that_sends_one_bookmark_before_the_end_may_be_quiet() {
    let (mut watch, _) = watch();
    let bookmark = event("BOOKMARK", "", 101);
    read(&mut watch, &[(290, &bookmark)]).await;
    assert_eq!(read(&mut watch, &[]).await.0, LONGEST);
}

/// A dead connection does not end with a new one, and a server that was restarted may send no bookmarks for hours.
#[tokio::test(start_paused = true)]
async fn a_server_that_is_silent_on_a_new_connection_is_listed_and_then_may_be_quiet() {
    let (mut watch, recorder) = watch();
    let bookmark = event("BOOKMARK", "", 101);
    read(&mut watch, &[(60, &bookmark)]).await;
    assert_eq!(watch.version.as_deref(), Some("101"));
    assert_eq!(read(&mut watch, &[]).await.0, SILENCE.as_secs());
    assert_eq!(watch.version, None, "the version may be of the future");
    watch.version = Some("200".to_owned()); // as after a list
    assert_eq!(read(&mut watch, &[]).await.0, LONGEST);
    // With the next bookmark, silence is a sign again.
    let bookmark = event("BOOKMARK", "", 201);
    let (at, _) = read(&mut watch, &[(60, &bookmark)]).await;
    assert_eq!(at, 60 + SILENCE.as_secs());
    assert_eq!(*recorder.failures.lock(), 4);
}

/// Whatever the event is about, everything before it was received.
#[tokio::test]
async fn every_event_confirms_what_the_store_holds() {
    let undecodable =
        r#"{"type":"MODIFIED","object":{"metadata":{"namespace":"etl","name":"a"},"status":[]}}"#;
    let nameless = r#"{"type":"ADDED","object":null}"#;
    for line in [
        &event("ADDED", "etl", 101),
        &event("DELETED", "etl", 101),
        &event("MODIFIED", "elsewhere", 101),
        &event("DELETED", "elsewhere", 101),
        &event("BOOKMARK", "", 101),
        &event("RENAMED", "etl", 101),
        undecodable,
        nameless,
    ] {
        let (mut watch, recorder) = watch();
        watch.reader.listing.scope = Scope::Namespace("etl".to_owned());
        let line = Bytes::copy_from_slice(line.as_bytes());
        assert!(
            watch
                .apply((BodyFormat::Json, &line), &mut None)
                .unwrap()
                .is_none()
        );
        assert_eq!(*recorder.confirmations.lock(), 1, "{line:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_has_received_everything_when_a_burst_is_over() {
    let (mut watch, recorder) = watch();
    let start = Instant::now();
    let events = [101, 102, 103].map(|version| event("MODIFIED", "elsewhere", version));
    let bookmark = event("BOOKMARK", "", 104);
    // The events of two minutes arrive at once.
    let arrivals = [
        (120, &*events[0]),
        (121, &*events[1]),
        (122, &*events[2]),
        (180, &*bookmark),
    ];
    read(&mut watch, &arrivals).await;
    let caught_up = recorder.caught_up.lock().clone();
    let seconds = caught_up.iter().map(|at| (*at - start).as_secs());
    assert_eq!(seconds.collect::<Vec<_>>(), [125, 183]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_watch_confirms_everything_if_it_comes_in_time() {
    for (ends_after, confirmed) in [(60, 1), (200, 0)] {
        let (mut watch, recorder) = watch();
        watch.attempt = Attempt {
            opened: Some(Instant::now()),
            lifetime: Duration::from_mins(1),
            ..Attempt::default()
        };
        let end = Instant::now() + Duration::from_secs(ends_after);
        let frames = stream::once(async move {
            sleep_until(end).await;
            Ok(Frame::data(Bytes::new()))
        });
        let body: Frames = Box::pin(frames);
        let outcome = watch
            .read(
                Lines::new(BodyFormat::Json, StreamBody::new(body)),
                &mut None,
            )
            .await;
        assert!(matches!(outcome, Ok(End::Ended)));
        assert_eq!(recorder.caught_up.lock().len(), confirmed, "{ends_after}");
    }
}
