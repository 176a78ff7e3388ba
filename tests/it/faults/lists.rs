//! Lists that are not what they should be. All are polled, so that time-outs are short; what they mean is the same in a watch.

use futures_util::future::join_all;
use job_status_exporter::{
    config::PollConfig,
    model::{Code, Verb},
};

use super::*;
use crate::exporter::{POLL, listed};

async fn polled(answers: Vec<Answer>) -> (Server, Exporter) {
    let server = Server::start(lists(answers)).await;
    let exporter = Exporter::start(server.endpoint(), listed(POLL));
    (server, exporter)
}

/// Answers that are none, and how they are counted.
fn broken() -> Vec<(&'static str, Answer, Code)> {
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
            "no HTTP",
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
        ("nothing", ok(""), Code::Ok),
        ("204", Answer::whole(204, &[], ""), Code::OtherSuccess),
        ("null", ok("null"), Code::Ok),
        ("no list", ok("{}"), Code::Ok),
        ("a status", Answer::json(&status), Code::Ok),
        ("no array", ok(r#"{"metadata":{},"items":{}}"#), Code::Ok),
    ]
}

#[tokio::test]
async fn the_last_good_list_stays_whatever_comes_after_it() {
    join_all(broken().into_iter().map(async |(what, answer, code)| {
        let good = Answer::json(&list(&[job("a"), job("b")]));
        let current = Current::new(good.clone());
        let server = Server::start(current.of_jobs()).await;
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
        assert_eq!(exporter.jobs(), names(&["a", "b"]), "{what}");
        current.set(good);
        exporter.eventually(|e| (what, e.up()), (what, true)).await;
        assert_eq!(exporter.jobs(), names(&["a", "b"]), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn the_other_kind_goes_on_while_one_is_broken() {
    let (server, mut exporter) = polled(vec![Answer::none().hang()]).await;
    exporter
        .eventually(|e| e.requests(Verb::List, Code::Timeout) >= 3, true)
        .await;
    assert!(!exporter.up() && !exporter.ready());
    assert_eq!(
        exporter.snapshot().status.last_success,
        None,
        "there was none for Jobs"
    );
    let polls = server.requests("/cronjobs");
    for pair in polls.windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap < 3 * POLL.interval, "{gap:?}");
    }
}

#[tokio::test]
async fn objects_that_cannot_be_read_are_skipped_and_counted() {
    let items = json!([
        null, 5, "text", [], {}, {"metadata": null}, {"metadata": {"name": "no-namespace"}},
        {"metadata": {"namespace": "etl", "name": "bad"}, "status": {"active": "many"}},
        {"metadata": {"namespace": "etl", "name": "bad"}, "status": {"startTime": "yesterday"}},
        job("good"), job("twice"), job("twice"),
    ]);
    let mut answer = list(items.as_array().unwrap());
    // What is deep and what is large is skipped without being kept.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    answer["metadata"]["selfLink"] = json!("/");
    let mut large = job("large");
    large["metadata"]["labels"] = json!({"team": "x".repeat(64 * 1024)});
    answer["items"].as_array_mut().unwrap().push(large);
    let text =
        answer
            .to_string()
            .replacen("\"spec\":{", &format!("\"spec\":{{\"deep\":{deep},"), 1);
    let good = Answer::whole(200, &[], text);
    let (_server, mut exporter) = polled(vec![good]).await;
    exporter
        .eventually(Exporter::jobs, names(&["good", "large", "twice"]))
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
}

#[tokio::test]
async fn a_list_may_be_null_or_come_without_a_version() {
    for answer in [json!({"metadata": {}, "items": null}), json!({"items": []})] {
        let current = Current::new(Answer::json(&list(&[job("a")])));
        let server = Server::start(current.of_jobs()).await;
        let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
        exporter.eventually(Exporter::jobs, names(&["a"])).await;
        current.set(Answer::json(&answer));
        exporter.eventually(Exporter::jobs, vec![]).await;
        exporter.eventually(Exporter::up, true).await;
    }
}

#[tokio::test]
async fn a_watch_needs_a_version_to_begin_with() {
    let mut versionless = list(&[job("a")]);
    versionless["metadata"] = json!({});
    let (server, mut exporter) = watched(lists(vec![Answer::json(&versionless)])).await;
    exporter
        .eventually(|_| server.requests("/jobs?limit").len(), 2)
        .await;
    assert!(!exporter.up());
    assert_eq!(server.requests("/jobs?watch").len(), 0);
}

#[tokio::test]
async fn a_list_that_never_ends_is_given_up() {
    let mut page = list(&[job("a")]);
    page["metadata"]["continue"] = json!("again");
    let (server, mut exporter) = polled(vec![Answer::json(&page)]).await;
    exporter
        .eventually(|_| server.requests("/jobs?").len() >= 4, true)
        .await;
    assert!(!exporter.up());
    assert_eq!(exporter.jobs(), [""; 0]);
    let asked = |part| server.requests(part).len();
    assert!(
        asked("continue=again") <= asked("/jobs?limit"),
        "one more page than the first each time"
    );
}

#[tokio::test]
async fn a_body_without_end_is_not_kept() {
    let chunk = vec![b' '; 1024 * 1024];
    let endless = (0..65).fold(Answer::chunked(), |answer, _| answer.chunk(&chunk));
    let server = Server::start(lists(vec![endless.end()])).await;
    let poll = PollConfig {
        timeout: 20 * SECOND,
        ..POLL
    };
    let mut exporter = Exporter::start(server.endpoint(), listed(poll));
    exporter
        .eventually(|e| e.requests(Verb::List, Code::TransportError), 1)
        .await;
    assert!(!exporter.up());
}

#[tokio::test]
async fn nothing_is_asked_for_that_would_not_be_understood() {
    let (server, mut exporter) = polled(vec![Answer::json(&list(&[job("a")]))]).await;
    exporter.eventually(Exporter::ready, true).await;
    for request in server.requests("") {
        assert_eq!(request.header("accept-encoding"), None, "{}", request.head);
        assert_eq!(request.header("accept"), Some("application/json"));
        assert_eq!(
            request.header("user-agent"),
            Some(concat!("job-status-exporter/", env!("CARGO_PKG_VERSION")))
        );
        assert_eq!(request.header("authorization"), None);
    }
}
