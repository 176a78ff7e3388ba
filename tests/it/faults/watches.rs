//! Watches that break off or send invalid events.

use futures_util::future::join_all;
use job_status_exporter::model::{Code, EventKind, RestartReason, Verb};

use super::*;

pub(super) fn bookmark(version: u64, ends_list: bool) -> Value {
    let mut metadata = json!({"resourceVersion": version.to_string()});
    if ends_list {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    json!({"kind": "Job", "apiVersion": "batch/v1", "metadata": metadata, "spec": {}})
}

#[tokio::test]
async fn a_watch_that_breaks_off_resumes_after_the_last_event() {
    let event = json!({"type": "ADDED", "object": job_at_version("d", 12)}).to_string();
    let start = Answer::chunked().event("ADDED", &job_at_version("c", 11));
    let cases = [
        ("cut", RestartReason::Error, start.clone()),
        (
            "reset",
            RestartReason::Error,
            start.clone().wait(SECOND / 10).reset(),
        ),
        (
            "cut in a line",
            RestartReason::Error,
            start.clone().chunk(&event[..50]),
        ),
        ("ended", RestartReason::Ended, start.clone().end()),
        (
            "ended in a line",
            RestartReason::Ended,
            start.clone().chunk(&event[..50]).end(),
        ),
    ];
    join_all(cases.map(async |(how, reason, answer)| {
        let rest = Answer::chunked()
            .event("ADDED", &job_at_version("d", 12))
            .hang();
        let (server, mut exporter) = start_watching(answer_watches(vec![answer, rest])).await;
        exporter
            .eventually(|e| (how, e.jobs()), (how, in_etl(&["a", "b", "c", "d"])))
            .await;
        let requests = server.requests("/jobs?");
        let targets: Vec<_> = requests.iter().map(|request| &request.target).collect();
        assert_eq!(
            targets.len(),
            3,
            "{how}: one list, two watches: {targets:?}"
        );
        assert!(
            targets[1].contains("&resourceVersion=10")
                && targets[2].contains("&resourceVersion=11"),
            "{targets:?}"
        );
        assert_eq!(exporter.restarts(reason), 1, "{how}");
        exporter.eventually(Exporter::up, true).await;
    }))
    .await;
}

#[tokio::test]
async fn invalid_events_are_skipped() {
    let mut elsewhere = job_at_version("elsewhere", 17);
    elsewhere["metadata"]["namespace"] = json!("web");
    let mut labelled = job_at_version("labelled", 18);
    labelled["metadata"]["labels"] = json!({"team": "x".repeat(64 * 1024)});
    let huge = format!(
        "{{\"type\":\"ADDED\",\"object\":\"{}\"}}\n",
        "x".repeat(17 * 1024 * 1024)
    );
    let answer = Answer::chunked()
        .event("RENAMED", &job_at_version("a", 11))
        .event("DELETED", &job_at_version("unknown", 12))
        .event("MODIFIED", &json!({"metadata": {"namespace": "etl", "name": "a", "resourceVersion": "13"}, "status": []}))
        .event("ADDED", &Value::Null)
        .chunk("\n\n")
        .chunk(huge)
        .event("ADDED", &elsewhere)
        .event("ADDED", &labelled)
        .event("BOOKMARK", &bookmark(19, false))
        .event("DELETED", &job_at_version("b", 20))
        .hang();
    let script = answer_watches(vec![answer]);
    let server = Server::start(script).await;
    let selection = crate::exporter::selection(&["etl", "web"], &[], "");
    let mut exporter = Exporter::start(
        server.endpoint(),
        job_status_exporter::config::Mode::Watch(selection),
    );
    // The watches of both namespaces receive the same events. Each ignores the objects of the other namespace.
    exporter
        .eventually(|e| e.events(EventKind::Bookmark), 2)
        .await;
    exporter
        .eventually(
            Exporter::jobs,
            vec![
                "etl/a".into(),
                "etl/labelled".into(),
                "web/elsewhere".into(),
            ],
        )
        .await;
    assert_eq!(exporter.events(EventKind::Unknown), 2);
    // The object of namespace `etl` once, and twice those without a name.
    assert_eq!(exporter.decode_errors(), 5);
    assert_eq!(exporter.snapshot().status.undecodable_jobs, 1);
    assert_eq!(
        exporter.states(),
        ["a: running", "elsewhere: running", "labelled: running"]
    );
    assert!(exporter.up());
    assert_eq!(
        server.requests("/jobs?watch").len(),
        2,
        "no watch was restarted"
    );
}

#[tokio::test]
async fn an_undecodable_deletion_is_followed_by_a_list() {
    let bad = json!({"metadata": {"namespace": "etl", "name": "a"}, "status": []});
    let answers = vec![
        Answer::chunked().event("DELETED", &bad).hang(),
        Answer::chunked().hang(),
    ];
    let (server, mut exporter) = start_watching(answer_watches(answers)).await;
    exporter
        .eventually(|e| e.restarts(RestartReason::Expired), 1)
        .await;
    exporter
        .eventually(|_| server.requests("/jobs?limit").len(), 2)
        .await;
    assert!(exporter.up());
}

#[tokio::test]
async fn an_error_event_is_counted_and_the_watch_is_retried() {
    let status = |code: u16| json!({"kind": "Status", "message": "etcdserver: request timed out", "code": code});
    let cases = [
        (status(500), RestartReason::Error),
        (json!(null), RestartReason::Error),
        (status(410), RestartReason::Expired),
    ];
    join_all(cases.map(async |(error, reason)| {
        let answers = vec![
            Answer::chunked().event("ERROR", &error).hang(),
            Answer::chunked().hang(),
        ];
        let (server, mut exporter) = start_watching(answer_watches(answers)).await;
        exporter.eventually(|e| e.restarts(reason), 1).await;
        assert_eq!(exporter.up(), reason == RestartReason::Expired);
        exporter
            .eventually(|_| server.requests("/jobs?watch").len(), 2)
            .await;
        exporter.eventually(Exporter::up, true).await;
        assert_eq!(exporter.events(EventKind::Error), 1);
        let lists = server.requests("/jobs?limit").len();
        assert_eq!(
            lists,
            if reason == RestartReason::Expired {
                2
            } else {
                1
            }
        );
        assert_eq!(exporter.jobs(), in_etl(&["a", "b"]));
    }))
    .await;
}

#[tokio::test]
async fn an_expired_resource_version_is_followed_by_a_list() {
    let gone = Answer::whole(
        410,
        &[],
        r#"{"kind":"Status","reason":"Expired","code":410}"#,
    );
    let (server, mut exporter) =
        start_watching(answer_watches(vec![gone, Answer::chunked().hang()])).await;
    exporter
        .eventually(
            |_| {
                (
                    server.requests("/jobs?limit").len(),
                    server.requests("/jobs?watch").len(),
                )
            },
            (2, 2),
        )
        .await;
    exporter.eventually(Exporter::up, true).await;
    assert_eq!(exporter.restarts(RestartReason::Expired), 1);
    assert_eq!(exporter.requests(Verb::Watch, Code::Gone), 1);
}

/// A server that answers requests for a streamed list of Jobs with `stream`. It also lists in pages.
pub(super) fn streaming(stream: Answer) -> impl Fn(&Request) -> Answer + Send + Sync {
    let paged = answer_watches(vec![Answer::chunked().hang()]);
    move |request| match request.resource() {
        "version" => Answer::json(&json!({"major": "1", "minor": "34+"})),
        "jobs" if request.target.contains("sendInitialEvents") => stream.clone(),
        "jobs" => paged(request),
        _ if request.is_watch() => Answer::chunked()
            .event("BOOKMARK", &bookmark(10, true))
            .hang(),
        _ => empty_api(request),
    }
}

#[tokio::test]
async fn a_streamed_list_is_shown_when_it_is_complete() {
    let stream = Answer::chunked()
        .event("ADDED", &job("c"))
        .event("BOOKMARK", &bookmark(8, false))
        .wait(SECOND / 2)
        .event("BOOKMARK", &bookmark(9, true))
        .hang();
    let (server, mut exporter) = start_watching(streaming(stream)).await;
    exporter
        .eventually(|e| e.events(EventKind::Bookmark), 1)
        .await;
    assert!(exporter.jobs().is_empty() && !exporter.ready());
    exporter.eventually(Exporter::jobs, in_etl(&["c"])).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
    assert_eq!(server.requests("limit=").len(), 0);
}

#[tokio::test]
async fn objects_that_change_during_a_streamed_list_are_undecodable_as_of_its_end() {
    let bad = |name: &str| json!({"metadata": {"namespace": "etl", "name": name}, "status": []});
    let stream = ["a", "b", "c", "d"]
        .into_iter()
        .fold(Answer::chunked(), |stream, name| {
            stream.event("ADDED", &bad(name))
        })
        .event("MODIFIED", &job("a"))
        .event("DELETED", &bad("b"))
        .event("DELETED", &job("c"))
        .event("BOOKMARK", &bookmark(9, true))
        .wait(SECOND / 2)
        .event("MODIFIED", &job_at_version("d", 10))
        .hang();
    let (_server, mut exporter) = start_watching(streaming(stream)).await;
    let seen = |e: &Exporter| (e.snapshot().status.undecodable_jobs, e.jobs());
    exporter.eventually(seen, (1, in_etl(&["a"]))).await;
    exporter.eventually(seen, (0, in_etl(&["a", "d"]))).await;
}

/// The server sends bookmarks, so their absence shows that the connection is dead.
#[tokio::test]
async fn a_silent_watch_resumes_on_a_new_connection() {
    let answers = vec![
        Answer::chunked()
            .event("ADDED", &job_at_version("c", 11))
            .event("BOOKMARK", &bookmark(12, false))
            .hang(),
        Answer::chunked()
            .event("ADDED", &job_at_version("d", 13))
            .hang(),
    ];
    let server = Server::start(answer_watches(answers)).await;
    let mut exporter = Exporter::start_with_max_silence(server.endpoint(), SECOND);
    exporter
        .eventually(|e| e.snapshot().status.failing_feeds, 1)
        .await;
    assert!(!exporter.up(), "the feed fails");
    exporter
        .eventually(Exporter::jobs, in_etl(&["a", "b", "c", "d"]))
        .await;
    exporter.eventually(Exporter::up, true).await;
    assert_eq!(exporter.restarts(RestartReason::Error), 1);
    let requests = server.requests("/jobs?");
    let [_, first, second] = &requests[..] else {
        panic!("one list, two watches: {requests:?}")
    };
    assert!(
        second.target.contains("&resourceVersion=12"),
        "{}",
        second.target
    );
    assert_ne!(first.connection, second.connection);
    // The watch of CronJobs never received a bookmark, so it is still open.
    assert_eq!(server.requests("/cronjobs?watch").len(), 1);
}

#[tokio::test]
async fn a_streamed_list_that_breaks_off_is_followed_by_a_list_in_pages() {
    let start = Answer::chunked().event("ADDED", &job("c"));
    let cases = [
        ("cut", start.clone()),
        ("ended", start.clone().end()),
        ("failed", start.event("ERROR", &json!({"code": 504})).hang()),
    ];
    join_all(cases.map(async |(how, stream)| {
        let (server, mut exporter) = start_watching(streaming(stream)).await;
        exporter
            .eventually(|e| (how, e.jobs()), (how, in_etl(&["a", "b"])))
            .await;
        exporter.eventually(Exporter::up, true).await;
        assert_eq!(server.requests("/jobs?limit").len(), 1, "{how}");
        let streamed = server.requests("sendInitialEvents");
        let of_jobs = streamed
            .iter()
            .filter(|request| request.resource() == "jobs");
        assert_eq!(of_jobs.count(), 1, "{how}");
    }))
    .await;
}
