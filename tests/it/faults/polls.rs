//! Invalid responses to polls of a single job.

use futures_util::future::join_all;
use job_status_exporter::model::{Code, Verb};

use super::*;
use crate::exporter::{POLL, polled};

/// Starts a server that answers every request with `answer`, and an exporter that polls one job.
async fn start_polling(answer: &SwappableAnswer) -> (Server, Exporter) {
    let current = answer.clone();
    let server = Server::start(move |_| current.get()).await;
    let exporter = Exporter::start(server.endpoint(), polled(&["etl/a"], POLL));
    (server, exporter)
}

fn exists(exporter: &Exporter) -> Option<bool> {
    exporter.snapshot().configured[0].exists
}

#[tokio::test]
async fn a_response_without_the_job_is_a_failed_poll() {
    let ok = |body: &str| Answer::whole(200, &[], body);
    let text = job("a").to_string();
    let not_found = |reason: &str, kind: &str| {
        let status =
            json!({"kind": "Status", "reason": reason, "details": {"kind": kind}, "code": 404});
        Answer::whole(404, &[], status.to_string())
    };
    let mut elsewhere = job("a");
    elsewhere["metadata"]["namespace"] = json!("web");
    let failed = [
        ("another job", Answer::json(&job("b"))),
        ("another namespace", Answer::json(&elsewhere)),
        ("a list", Answer::json(&list(&[job("a")]))),
        (
            "a status",
            ok(r#"{"kind":"Status","metadata":{},"code":500}"#),
        ),
        ("HTML", ok("<html>")),
        ("empty body", ok("")),
        ("truncated", ok(&text[..50])),
        (
            "slow",
            Answer::of_length(text.len()).send(&text[..50]).hang(),
        ),
        (
            "a gateway's 404",
            Answer::whole(404, &[], "404 page not found"),
        ),
        ("missing namespace", not_found("NotFound", "namespaces")),
        ("missing API version", not_found("", "")),
        ("500", Answer::whole(500, &[], "")),
    ];
    join_all(failed.into_iter().map(async |(what, answer)| {
        let valid = Answer::json(&job("a"));
        let current = SwappableAnswer::new(valid.clone());
        let (_server, mut exporter) = start_polling(&current).await;
        exporter.eventually(|e| (what, e.up()), (what, true)).await;
        current.set(answer);
        exporter.eventually(|e| (what, e.up()), (what, false)).await;
        assert_eq!(exists(&exporter), Some(true), "{what}");
        assert_eq!(exporter.jobs(), in_etl(&["a"]), "{what}");
        current.set(valid);
        exporter.eventually(|e| (what, e.up()), (what, true)).await;
    }))
    .await;
}

#[tokio::test]
async fn an_undecodable_job_is_skipped() {
    let bad = json!({"metadata": {"namespace": "etl", "name": "a"}, "status": {"active": "many"}});
    let (_server, mut exporter) = start_polling(&SwappableAnswer::new(Answer::json(&bad))).await;
    exporter.eventually(|e| e.decode_errors() >= 2, true).await;
    assert!(exporter.up() && exporter.ready());
    assert_eq!((exporter.jobs(), exists(&exporter)), (vec![], Some(true)));
    assert_eq!(exporter.snapshot().status.undecodable_jobs, 1);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| Answer::json(&job("a"))).await;
    let location = format!(
        "{}apis/batch/v1/namespaces/etl/jobs/a/status",
        elsewhere.address
    );
    let moved = Answer::whole(307, &[("location", &location)], "");
    let (_server, mut exporter) = start_polling(&SwappableAnswer::new(moved)).await;
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Redirect) >= 2, true)
        .await;
    assert_eq!(elsewhere.requests("").len(), 0);
}
