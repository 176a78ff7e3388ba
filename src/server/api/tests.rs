//! Answers of the API for a store of two targets.

use std::{io::Read, sync::Arc};

use flate2::read::GzDecoder;
use http::{
    HeaderMap,
    header::{
        ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    config::{LabelSource, MappedLabel},
    model::{
        Change, CronJob, FailureReason, FeedError, FeedHandle, FeedScope, Job, JobState, Name,
        Seconds, Sink, Uid, Update, WorkloadAnnotations, WorkloadRef,
    },
    server::tests::TestData,
    store::{Store, StoreSettings, TargetStore},
};

use super::*;

mod config;
mod objects;
mod runs;
mod schema;
mod targets;
mod workloads;

/// 2026-11-23T00:00:00Z, a Monday.
const MIDNIGHT: Seconds = 1_795_392_000;
const HOUR: Seconds = 3600;

/// A name with everything that HTML, JSON and URLs escape.
const HOSTILE: &str = "<script>alert(\"1\")</script>&'%2F%\u{202e}ünï\u{1F4A5}\\\n";

fn clock() -> Timestamp {
    Timestamp::from_second(MIDNIGHT + 12 * HOUR).expect("a time")
}

/// A target that was read.
struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
}

impl Target {
    fn new(name: Option<&str>) -> Self {
        let label = MappedLabel {
            label: "team".into(),
            source: LabelSource::Label("team".into()),
        };
        let settings = StoreSettings {
            clock,
            labels: [label].into(),
            ..StoreSettings::default()
        };
        let store = Arc::new(TargetStore::new(name.map(Into::into), settings.into()));
        Self {
            jobs: store.clone().register(FeedScope::Jobs(None)),
            cronjobs: store.clone().register(FeedScope::CronJobs(None)),
            store,
        }
    }

    fn with(self, cronjobs: Vec<CronJob>, jobs: Vec<Job>) -> Self {
        self.cronjobs
            .push(Update::CronJobs(Change::Replaced(cronjobs)));
        self.jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
        for job in jobs {
            self.jobs.push(Update::Jobs(Change::Applied(job)));
        }
        self.cronjobs.push(Update::CaughtUp(clock()));
        self.jobs.push(Update::CaughtUp(clock()));
        self
    }
}

fn data(targets: Vec<Target>) -> TestData {
    TestData::with_store(Store::new(
        targets.into_iter().map(|target| target.store).collect(),
    ))
}

/// The unnamed target with these objects.
fn unnamed(cronjobs: Vec<CronJob>, jobs: Vec<Job>) -> TestData {
    data(vec![Target::new(None).with(cronjobs, jobs)])
}

/// `prod` has one workload that fails, one that runs and one of a hostile name. `down` was never read.
fn two_targets() -> TestData {
    let severe = WorkloadAnnotations {
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example/<nightly>".into()),
        max_duration: Some(2 * HOUR),
        ..WorkloadAnnotations::default()
    };
    let nightly = CronJob {
        annotations: Some(Box::new(severe)),
        labels: Some([Name::from("core")].into()),
        schedule: "0 9 * * *".into(),
        time_zone: Some("Europe/Berlin".into()),
        ..cronjob("ops", "nightly")
    };
    let prod = Target::new(Some("prod")).with(
        vec![nightly],
        vec![
            failed("ops", "cronjob", "nightly", 8),
            job("etl", "workflow", "train", 9, JobState::Running),
            job("etl", "workflow", HOSTILE, 10, JobState::Complete),
        ],
    );
    let down = Target::new(Some("down"));
    down.jobs.push(Update::Failed(FeedError::default()));
    down.cronjobs.push(Update::Failed(FeedError::default()));
    data(vec![prod, down])
}

/// A `CronJob` of every hour.
fn cronjob(namespace: &str, name: &str) -> CronJob {
    CronJob {
        created: Some(MIDNIGHT),
        ..CronJob::new(
            namespace.into(),
            name.into(),
            Uid::parse(name),
            "0 * * * *".into(),
        )
    }
}

/// A run that started at this hour, and took one minute if it has ended.
fn job(namespace: &str, kind: &str, workload: &str, hour: Seconds, state: JobState) -> Job {
    let workload = WorkloadRef {
        kind: kind.into(),
        name: workload.into(),
    };
    let name = format!("{}-{hour}", workload.name);
    let start = MIDNIGHT + hour * HOUR;
    let ended = matches!(state, JobState::Complete | JobState::Failed);
    Job {
        state,
        due: (kind == "cronjob").then_some(start).into(),
        created: Some(start).into(),
        start: Some(start).into(),
        state_since: ended.then_some(start + 60).into(),
        ..Job::new(
            namespace.into(),
            name.as_str().into(),
            Uid::parse(&name),
            workload,
        )
    }
}

fn failed(namespace: &str, kind: &str, workload: &str, hour: Seconds) -> Job {
    Job {
        failure: Some(FailureReason::BackoffLimitExceeded),
        ..job(namespace, kind, workload, hour, JobState::Failed)
    }
}

fn request(method: &str, path: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(format!("{PREFIX}{path}"))
        .body(())
        .expect("a request")
}

/// Status, headers and body of a response.
fn send(data: &TestData, request: &Request<()>) -> (u16, HeaderMap, Vec<u8>) {
    let (head, content) = respond(request, data).into_parts();
    let Content::Full(body) = content else {
        panic!("an answer of the API is complete before it is sent");
    };
    (head.status.as_u16(), head.headers, body.to_vec())
}

fn get(data: &TestData, path: &str) -> (u16, Value) {
    let (status, _, body) = send(data, &request("GET", path));
    (status, serde_json::from_slice(&body).expect("JSON"))
}

/// The data of a successful answer.
fn found(data: &TestData, path: &str) -> Value {
    let (status, mut answer) = get(data, path);
    assert_eq!(
        (status, &answer["status"]),
        (200, &json!("success")),
        "{path}: {answer}"
    );
    answer["data"].take()
}

/// Status, kind and text of an error.
fn refused(data: &TestData, path: &str) -> (u16, String, String) {
    let (status, answer) = get(data, path);
    assert_eq!(answer["status"], "error", "{path}: {answer}");
    let text = |field: &str| answer[field].as_str().expect("a text").to_owned();
    (status, text("errorType"), text("error"))
}

/// The values of a field of each row.
fn column<'a>(rows: &'a Value, field: &str) -> Vec<&'a Value> {
    let rows = rows.as_array().expect("rows");
    rows.iter().map(|row| &row[field]).collect()
}

/// A segment of a path, encoded.
fn encoded(segment: &str) -> String {
    percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn paths_are_those_below_the_prefix() {
    for (path, expected) in [
        ("/api/v1", true),
        ("/api/v1/", true),
        ("/api/v1/jobs", true),
        ("/api/v10", false),
        ("/api/v2/jobs", false),
        ("/x/api/v1/jobs", false),
    ] {
        assert_eq!(is_path(path), expected, "{path}");
    }
}

#[test]
fn other_methods_than_get_and_head_are_refused_where_there_is_a_resource() {
    let data = two_targets();
    for path in [
        "/workloads",
        "/workloads/-/a/b/c",
        "/workloads/-/a/b/c/runs",
        "/targets",
        "/config",
        "/openapi.json",
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"] {
            let (status, headers, body) = send(&data, &request(method, path));
            assert_eq!(status, 405, "{method} {path}");
            assert_eq!(headers[ALLOW], "GET, HEAD");
            let answer: Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(answer["errorType"], "method_not_allowed");
        }
    }
    let (status, headers, _) = send(&data, &request("POST", "/nowhere"));
    assert_eq!(status, 404);
    assert!(!headers.contains_key(ALLOW));
}

#[test]
fn a_head_request_has_the_headers_of_the_get_request() {
    let data = two_targets();
    for path in [
        "/workloads",
        "/workloads/prod/ops/cronjob/nightly/runs?limit=1",
        "/targets",
        "/config",
        "/openapi.json",
        "/workloads?page=0",
        "/nowhere",
    ] {
        let (status, headers, _) = send(&data, &request("GET", path));
        assert_eq!(send(&data, &request("HEAD", path)).0, status, "{path}");
        assert_eq!(send(&data, &request("HEAD", path)).1, headers, "{path}");
    }
}

#[test]
fn unknown_paths_name_the_document() {
    let data = two_targets();
    for path in [
        "",
        "/",
        "/nowhere",
        "/jobs/",
        "/workloads/-/a/b",
        "//jobs",
        "/config/",
    ] {
        let (status, kind, text) = refused(&data, path);
        assert_eq!((status, kind.as_str()), (404, "not_found"), "{path}");
        assert!(text.contains("/api/v1/openapi.json"), "{text}");
    }
}

#[test]
fn answers_are_json_that_is_neither_cached_nor_sniffed() {
    let data = two_targets();
    for path in ["/workloads", "/workloads?page=0", "/nowhere"] {
        let (_, headers, _) = send(&data, &request("GET", path));
        assert_eq!(headers[CONTENT_TYPE], "application/json", "{path}");
        assert_eq!(headers[CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[VARY], "Accept-Encoding", "{path}");
        let allows_origin = headers
            .keys()
            .any(|name| name.as_str().contains("access-control"));
        assert!(!allows_origin, "{path}");
    }
}

#[test]
fn large_answers_are_compressed_for_those_who_ask() {
    let data = two_targets();
    let zipped = |path| {
        let mut request = request("GET", path);
        let gzip = "gzip".parse().expect("a value");
        request.headers_mut().insert(ACCEPT_ENCODING, gzip);
        let (_, headers, body) = send(&data, &request);
        headers.contains_key(CONTENT_ENCODING).then(|| {
            let mut plain = Vec::new();
            GzDecoder::new(&body[..])
                .read_to_end(&mut plain)
                .expect("gzip");
            plain
        })
    };
    let (_, _, plain) = send(&data, &request("GET", "/workloads"));
    assert_eq!(zipped("/workloads"), Some(plain));
    assert_eq!(zipped("/nowhere"), None, "it is short");
}

#[test]
fn a_busy_server_says_when_to_try_again() {
    let response = unavailable();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()[RETRY_AFTER], "5");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
}
