//! Lists and watches in protobuf, from recorded answers of an API server, and what is wrong with broken ones.

use std::{collections::BTreeSet, time::Duration};

use job_status_exporter::model::RestartReason;

use super::*;
use crate::exporter::{POLL, listed};

const PROTOBUF: (&str, &str) = ("content-type", "application/vnd.kubernetes.protobuf");
const WATCH: (&str, &str) = (
    "content-type",
    "application/vnd.kubernetes.protobuf;stream=watch",
);

/// What clients send that read protobuf.
const ACCEPTED: &str = "application/vnd.kubernetes.protobuf, application/json";

macro_rules! recorded {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/fixtures/kubernetes-1.36/protobuf/",
            $name
        ))
    };
}

/// The beginning of a watch in protobuf.
fn watch() -> Answer {
    Answer::head(200, &[WATCH], "transfer-encoding: chunked")
}

/// A recorded streamed list. It arrives in chunks of `size` bytes.
fn streamed(list: &[u8], size: usize) -> Answer {
    list.chunks(size).fold(watch(), Answer::chunk)
}

/// A message of a watch with its length before it.
fn line(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&length.to_be_bytes()[..], message].concat()
}

/// A field with a number below 16 and up to 127 bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let length = u8::try_from(bytes.len()).unwrap();
    assert!(number < 16 && length < 128);
    [&[number << 3 | 2, length], bytes].concat()
}

/// An event about an object of this kind.
fn event(event: &[u8], kind: &[u8], object: &[u8]) -> Vec<u8> {
    let object = [&field(1, &field(2, kind))[..], &field(2, object)].concat();
    let object = field(1, &[b"k8s\0", &object[..]].concat());
    line(&[field(1, event), field(2, &object)].concat())
}

/// Answers with the recorded lists in JSON, without streams.
fn recorded_json(request: &Request) -> Answer {
    let json = |body: &[u8]| Answer::whole(200, &[("content-type", "application/json")], body);
    match request.resource() {
        "jobs" if !request.is_watch() => json(recorded!("jobs.json")),
        "cronjobs" if !request.is_watch() => json(recorded!("cronjobs.json")),
        _ => empty_api(request),
    }
}

/// The lines of a scrape about objects, without the one with the time at which the exporter saw something.
fn objects(exporter: &Exporter) -> BTreeSet<String> {
    let metrics = exporter.metrics();
    let lines = metrics.lines().filter(|line| line.starts_with("batch_"));
    let lines = lines.filter(|line| !line.starts_with("batch_cronjob_suspended_since"));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn a_scrape_is_the_same_whether_the_server_streams_protobuf_or_lists_json() {
    let server = Server::start(recorded_json).await;
    let mut json = Exporter::start(server.endpoint(), everything());
    json.eventually(Exporter::ready, true).await;
    assert_eq!((json.jobs().len(), json.cronjobs().len()), (84, 12));
    let server = Server::start(|request| match request.resource() {
        "version" => Answer::json(&json!({"major": "1", "minor": "36"})),
        "jobs" => streamed(recorded!("watch/watch-list.pb"), 1_000).hang(),
        "cronjobs" => streamed(recorded!("watch/watch-list-cronjobs.pb"), 7).hang(),
        other => panic!("{other}"),
    })
    .await;
    let mut protobuf = Exporter::start(server.endpoint(), everything());
    protobuf.eventually(Exporter::ready, true).await;
    assert!(objects(&json).len() > 1_000);
    // A due time may be between the two scrapes.
    for attempt in 0.. {
        let (expected, found) = (objects(&json), objects(&protobuf));
        let missing: Vec<_> = expected.difference(&found).collect();
        let more: Vec<_> = found.difference(&expected).collect();
        if missing.is_empty() && more.is_empty() {
            break;
        }
        assert!(attempt < 10, "missing {missing:#?}, more {more:#?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(protobuf.decode_errors(), 0);
    for request in server.requests("watch=1") {
        assert_eq!(request.header("accept"), Some(ACCEPTED));
    }
    let versions = server.requests("/version");
    assert!(!versions.is_empty());
    for request in versions {
        assert_eq!(request.header("accept"), Some("application/json"));
    }
}

#[tokio::test]
async fn a_list_in_pages_is_read_to_its_end() {
    let server = Server::start(|request| match request.resource() {
        "jobs" if request.target.contains("&continue=") => {
            Answer::whole(200, &[PROTOBUF], recorded!("page-2.pb"))
        }
        "jobs" => Answer::whole(200, &[PROTOBUF], recorded!("page-1.pb")),
        "cronjobs" => Answer::whole(200, &[PROTOBUF], recorded!("cronjobs.pb")),
        _ => empty_api(request),
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
    exporter.eventually(Exporter::ready, true).await;
    assert_eq!((exporter.jobs().len(), exporter.cronjobs().len()), (84, 12));
    let first = &server.requests("/jobs?")[0];
    assert_eq!(first.header("accept"), Some(ACCEPTED));
}

#[tokio::test]
async fn events_after_the_list_are_applied_and_an_expired_watch_lists_again() {
    let bookmark = |version: &[u8]| event(b"BOOKMARK", b"Job", &field(1, &field(6, version)));
    let job = |name: &[u8]| {
        let metadata = [
            field(1, name),
            field(3, b"n"),
            field(5, name),
            field(6, b"500"),
        ]
        .concat();
        field(1, &metadata)
    };
    let expired = [0x30, 0x9a, 0x03]; // code 410
    let after = watch()
        .chunk(event(b"ADDED", b"Job", &job(b"new")))
        .chunk(event(b"ADDED", b"Job", &job(b"not \xff UTF-8")))
        .chunk(bookmark(b"501"))
        .wait(SECOND / 10)
        .chunk(event(b"ERROR", b"Status", &expired))
        .end();
    let watches = AtomicUsize::new(0);
    let server = Server::start(move |request| match request.resource() {
        "jobs" if !request.is_watch() => Answer::whole(200, &[PROTOBUF], recorded!("jobs.pb")),
        "jobs" if watches.fetch_add(1, Ordering::Relaxed) == 0 => after.clone(),
        "jobs" => watch().hang(),
        _ => empty_api(request),
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), everything());
    let has_new = |e: &Exporter| e.jobs().contains(&"n/new".to_owned());
    exporter.eventually(has_new, true).await;
    exporter
        .eventually(|e| e.restarts(RestartReason::Expired), 1)
        .await;
    exporter
        .eventually(|e| (has_new(e), e.up()), (false, true))
        .await;
    assert_eq!(exporter.decode_errors(), 1);
    assert_eq!(server.requests("/jobs?limit").len(), 2);
}

#[tokio::test]
async fn a_streamed_list_that_is_cut_off_is_listed_in_pages() {
    let list = recorded!("watch/watch-list.pb");
    let server = Server::start(|request| match request.resource() {
        "version" => Answer::json(&json!({"major": "1", "minor": "36"})),
        "jobs" if request.target.contains("sendInitialEvents") => {
            streamed(&list[..list.len() / 2], 10_000).end()
        }
        "jobs" if request.is_watch() => watch().hang(),
        "jobs" => Answer::whole(200, &[PROTOBUF], recorded!("jobs.pb")),
        _ => recorded_json(request),
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), everything());
    exporter.eventually(|e| e.jobs().len(), 84).await;
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn a_server_whose_protobuf_cannot_be_read_is_asked_for_json() {
    let broken: [&[u8]; 5] = [
        b"{}",
        b"k8s\0\x0a",
        recorded!("errors/404-job.pb"),
        b"k8s\0\x0a\x0d\x12\x0bCronJobList",
        &recorded!("jobs.pb")[..100_000],
    ];
    for body in broken {
        let server = Server::start(move |request| {
            let accepts = request.header("accept") == Some(ACCEPTED);
            match request.resource() {
                "jobs" if accepts => Answer::whole(200, &[PROTOBUF], body),
                _ => recorded_json(request),
            }
        })
        .await;
        let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
        exporter.eventually(|e| e.jobs().len(), 84).await;
        exporter.eventually(Exporter::up, true).await;
    }
}
