//! Invalid lists. The tests poll, so that timeouts are short. Watch mode handles lists in the same way.

use futures_util::future::join_all;
use job_status_exporter::{
    config::PollConfig,
    model::{Code, Verb},
};

use super::*;
use crate::exporter::{POLL, listed};

/// Starts a server with these lists of Jobs, and an exporter that polls it.
async fn start_polling(answers: Vec<Answer>) -> (Server, Exporter) {
    let server = Server::start(answer_lists(answers)).await;
    let exporter = Exporter::start(server.endpoint(), listed(POLL));
    (server, exporter)
}

/// Sends `rest` in single bytes, one every 50 ms.
fn drip(start: Answer, rest: &str) -> Answer {
    rest.bytes()
        .fold(start, |answer, byte| answer.send([byte]).wait(SECOND / 20))
}

/// Failed responses, and the code that counts each.
fn failed_responses() -> Vec<(&'static str, Answer, Code)> {
    let text = list(&[job("a")]).to_string();
    let half = &text[..text.len() / 2];
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 503});
    let ok = |body: &str| Answer::whole(200, &[], body);
    vec![
        ("slow head", Answer::none().hang(), Code::Timeout),
        (
            "slow body",
            Answer::of_length(text.len()).send(half).hang(),
            Code::Timeout,
        ),
        (
            "cut body",
            Answer::of_length(text.len()).send(half),
            Code::TransportError,
        ),
        (
            "cut chunks",
            Answer::chunked().chunk(half),
            Code::TransportError,
        ),
        (
            "reset",
            Answer::of_length(text.len()).send(half).reset(),
            Code::TransportError,
        ),
        ("no answer", Answer::none(), Code::TransportError),
        (
            "not HTTP",
            Answer::none().send("SSH-2.0-OpenSSH_9.2\r\n"),
            Code::TransportError,
        ),
        ("truncated", ok(half), Code::Ok),
        (
            "500",
            Answer::whole(500, &[], "etcdserver: leader changed"),
            Code::InternalError,
        ),
        ("503", Answer::whole(503, &[], ""), Code::Unavailable),
        (
            "302",
            Answer::whole(302, &[("location", "/apis/batch/v1/jobs?moved")], ""),
            Code::Redirect,
        ),
        ("HTML", ok("<!DOCTYPE html><title>Log in</title>"), Code::Ok),
        ("empty body", ok(""), Code::Ok),
        ("204", Answer::whole(204, &[], ""), Code::OtherSuccess),
        ("null", ok("null"), Code::Ok),
        ("not a list", ok("{}"), Code::Ok),
        ("a status", Answer::json(&status), Code::Ok),
        (
            "a list of others",
            ok(r#"{"kind":"PodList","metadata":{},"items":[]}"#),
            Code::Ok,
        ),
        ("a cut object", ok(&text.replacen('"', "", 1)), Code::Ok),
        ("gzip", ok("\u{1f}\u{8b}\u{8}\0\0\0\0\0"), Code::Ok),
        (
            "dripping head",
            drip(Answer::none(), &format!("HTTP/1.1 200 -\r\na: {half}")),
            Code::Timeout,
        ),
        (
            "dripping body",
            drip(Answer::of_length(1000), half),
            Code::Timeout,
        ),
        (
            "endless head",
            Answer::none().send(format!("HTTP/1.1 200 -\r\na: {}", "a".repeat(1 << 20))),
            Code::TransportError,
        ),
        (
            "endless headers",
            Answer::none().send(format!("HTTP/1.1 200 -\r\n{}", "a: b\r\n".repeat(1 << 17))),
            Code::TransportError,
        ),
        (
            "endless error",
            Answer::whole(500, &[], "x".repeat(1 << 20)),
            Code::InternalError,
        ),
        (
            "slow error",
            drip(Answer::head(500, &[], "content-length: 1000"), half),
            Code::Timeout,
        ),
        (
            "items not an array",
            ok(r#"{"metadata":{},"items":{}}"#),
            Code::Ok,
        ),
    ]
}

#[tokio::test]
async fn the_last_valid_list_stays_after_a_failed_list() {
    join_all(
        failed_responses()
            .into_iter()
            .map(async |(what, answer, code)| {
                let valid = Answer::json(&list(&[job("a"), job("b")]));
                let current = SwappableAnswer::new(valid.clone());
                let server = Server::start(current.answer_jobs()).await;
                let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
                exporter.eventually(|e| (what, e.up()), (what, true)).await;
                let before = exporter.requests(Verb::List, code);
                current.set(answer);
                exporter.eventually(|e| (what, e.up()), (what, false)).await;
                exporter
                    .eventually(
                        |e| (what, e.requests(Verb::List, code) > before),
                        (what, true),
                    )
                    .await;
                assert_eq!(exporter.jobs(), in_etl(&["a", "b"]), "{what}");
                current.set(valid);
                exporter.eventually(|e| (what, e.up()), (what, true)).await;
                assert_eq!(exporter.jobs(), in_etl(&["a", "b"]), "{what}");
            }),
    )
    .await;
}

#[tokio::test]
async fn one_kind_is_polled_on_schedule_while_the_other_fails() {
    let (server, mut exporter) = start_polling(vec![Answer::none().hang()]).await;
    exporter
        .eventually(|e| e.requests(Verb::List, Code::Timeout) >= 3, true)
        .await;
    assert!(!exporter.up() && !exporter.ready());
    assert_eq!(
        exporter.snapshot().status.last_success,
        None,
        "no list of Jobs succeeded"
    );
    let polls = server.requests("/cronjobs");
    for pair in polls.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap < 3 * POLL.interval, "{gap:?}");
    }
}

#[tokio::test]
async fn undecodable_objects_are_skipped_and_counted() {
    let items = json!([
        null, 5, "text", [], {}, {"metadata": null}, {"metadata": {"name": "no-namespace"}},
        {"metadata": {"namespace": "etl", "name": "bad"}, "status": {"active": "many"}},
        {"metadata": {"namespace": "etl", "name": "bad"}, "status": {"startTime": "yesterday"}},
        job("intact"), job("twice"), job("twice"),
    ]);
    let mut answer = list(items.as_array().unwrap());
    // The decoder skips deep and large values without keeping them.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    answer["metadata"]["selfLink"] = json!("/");
    let mut large = job("large");
    large["metadata"]["labels"] = json!({"team": "x".repeat(64 * 1024)});
    answer["items"].as_array_mut().unwrap().push(large);
    let text =
        answer
            .to_string()
            .replacen("\"spec\":{", &format!("\"spec\":{{\"deep\":{deep},"), 1);
    let valid = Answer::whole(200, &[], text);
    let (_server, mut exporter) = start_polling(vec![valid]).await;
    exporter
        .eventually(Exporter::jobs, in_etl(&["intact", "large", "twice"]))
        .await;
    exporter.eventually(Exporter::decode_errors, 18).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
    let metrics = exporter.metrics();
    let twice = metrics
        .lines()
        .filter(|line| line.starts_with("batch_job_state{") && line.contains("twice"));
    assert_eq!(twice.count(), 1);
    assert!(metrics.contains("job_status_exporter_decode_errors_total{resource=\"jobs\"}"));
    // By name: `bad`, `no-namespace`, and those without a name as one.
    assert!(metrics.contains("job_status_exporter_undecodable_objects{resource=\"jobs\"} 3\n"));
}

#[tokio::test]
async fn an_object_that_is_repaired_or_deleted_is_no_longer_undecodable() {
    let bad = |name: &str| json!({"metadata": {"namespace": "etl", "name": name}, "status": []});
    let current = SwappableAnswer::new(Answer::json(&list(&[bad("a"), bad("b"), job("c")])));
    let server = Server::start(current.answer_jobs()).await;
    let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
    let seen = |e: &Exporter| (e.snapshot().status.undecodable_jobs, e.jobs());
    exporter.eventually(seen, (2, in_etl(&["c"]))).await;
    current.set(Answer::json(&list(&[job("a"), bad("b"), job("c")])));
    exporter.eventually(seen, (1, in_etl(&["a", "c"]))).await;
    current.set(Answer::json(&list(&[job("a")])));
    exporter.eventually(seen, (0, in_etl(&["a"]))).await;
}

#[tokio::test]
async fn items_may_be_null_and_a_list_needs_no_resource_version() {
    for answer in [json!({"metadata": {}, "items": null}), json!({"items": []})] {
        let current = SwappableAnswer::new(Answer::json(&list(&[job("a")])));
        let server = Server::start(current.answer_jobs()).await;
        let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
        exporter.eventually(Exporter::jobs, in_etl(&["a"])).await;
        current.set(Answer::json(&answer));
        exporter.eventually(Exporter::jobs, vec![]).await;
        exporter.eventually(Exporter::up, true).await;
    }
}

#[tokio::test]
async fn a_watch_does_not_start_without_a_resource_version() {
    let mut without_version = list(&[job("a")]);
    without_version["metadata"] = json!({});
    let (server, mut exporter) =
        start_watching(answer_lists(vec![Answer::json(&without_version)])).await;
    exporter
        .eventually(|_| server.requests("/jobs?limit").len(), 2)
        .await;
    assert!(!exporter.up());
    assert_eq!(server.requests("/jobs?watch").len(), 0);
}

#[tokio::test]
async fn a_list_that_never_ends_is_aborted() {
    let mut page = list(&[job("a")]);
    page["metadata"]["continue"] = json!("again");
    let (server, mut exporter) = start_polling(vec![Answer::json(&page)]).await;
    exporter
        .eventually(|_| server.requests("/jobs?").len() >= 4, true)
        .await;
    assert!(!exporter.up());
    assert_eq!(exporter.jobs(), [""; 0]);
    let count = |part| server.requests(part).len();
    assert!(
        count("continue=again") <= count("/jobs?limit"),
        "one page after the first in each attempt"
    );
}

#[tokio::test]
async fn a_body_beyond_the_size_limit_is_rejected_whatever_the_page_size() {
    let chunk = vec![b' '; 1024 * 1024];
    let endless = (0..65).fold(Answer::chunked(), |answer, _| answer.chunk(&chunk));
    let large = Answer::of_length(65 * 1024 * 1024).hang();
    let server = Server::start(answer_lists(vec![endless.end(), large])).await;
    let poll = PollConfig {
        timeout: 20 * SECOND,
        ..POLL
    };
    let mut exporter = Exporter::start(server.endpoint(), listed(poll));
    exporter
        .eventually(|e| e.snapshot().status.failing_feeds, 1)
        .await;
    assert!(exporter.requests(Verb::List, Code::TransportError) >= 4);
    let requests = server.requests("/jobs?limit");
    let targets: Vec<_> = requests.iter().take(4).map(|r| &*r.target).collect();
    let sizes = [500, 50, 5, 1].map(|size| format!("/apis/batch/v1/jobs?limit={size}"));
    assert_eq!(targets, sizes);
}

#[tokio::test]
async fn requests_accept_only_uncompressed_answers() {
    let (server, mut exporter) = start_polling(vec![Answer::json(&list(&[job("a")]))]).await;
    exporter.eventually(Exporter::ready, true).await;
    for request in server.requests("") {
        assert_eq!(request.header("accept-encoding"), None, "{}", request.head);
        assert_eq!(
            request.header("accept"),
            Some("application/vnd.kubernetes.protobuf, application/json")
        );
        assert_eq!(
            request.header("user-agent"),
            Some(concat!("job-status-exporter/", env!("CARGO_PKG_VERSION")))
        );
        assert_eq!(request.header("authorization"), None);
    }
}
