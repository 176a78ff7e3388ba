//! Answers about single jobs that are not what they should be.

use futures_util::future::join_all;
use job_status_exporter::model::{Code, Verb};

use super::*;
use crate::exporter::{POLL, polled};

/// Polls one job, about which this is said.
async fn exporter(answer: &Current) -> (Server, Exporter) {
    let given = answer.clone();
    let server = Server::start(move |_| given.get()).await;
    let exporter = Exporter::start(server.endpoint(), polled(&["etl/a"], POLL));
    (server, exporter)
}

fn exists(exporter: &Exporter) -> Option<bool> {
    exporter.snapshot().configured.first().map(|job| job.exists)
}

#[tokio::test]
async fn what_is_not_the_job_is_no_answer() {
    let ok = |body: &str| Answer::whole(200, &[], body);
    let text = job("a").to_string();
    let not_found = |reason: &str, kind: &str| {
        let status =
            json!({"kind": "Status", "reason": reason, "details": {"kind": kind}, "code": 404});
        Answer::whole(404, &[], status.to_string())
    };
    let mut elsewhere = job("a");
    elsewhere["metadata"]["namespace"] = json!("web");
    let broken = [
        ("another job", Answer::json(&job("b"))),
        ("another namespace", Answer::json(&elsewhere)),
        ("a list", Answer::json(&list(&[job("a")]))),
        (
            "a status",
            ok(r#"{"kind":"Status","metadata":{},"code":500}"#),
        ),
        ("HTML", ok("<html>")),
        ("nothing", ok("")),
        ("truncated", ok(&text[..50])),
        (
            "slow",
            Answer::of_length(text.len()).send(&text[..50]).hang(),
        ),
        (
            "a gateway's 404",
            Answer::whole(404, &[], "404 page not found"),
        ),
        ("no such namespace", not_found("NotFound", "namespaces")),
        ("no such version", not_found("", "")),
        ("500", Answer::whole(500, &[], "")),
    ];
    join_all(broken.into_iter().map(async |(what, answer)| {
        let good = Answer::json(&job("a"));
        let current = Current::new(good.clone());
        let (_server, mut exporter) = exporter(&current).await;
        exporter.eventually(|e| (what, e.up()), (what, true)).await;
        current.set(answer);
        exporter.eventually(|e| (what, e.up()), (what, false)).await;
        assert_eq!(exists(&exporter), Some(true), "{what}");
        assert_eq!(exporter.jobs(), names(&["a"]), "{what}");
        current.set(good);
        exporter.eventually(|e| (what, e.up()), (what, true)).await;
    }))
    .await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_skipped() {
    let bad = json!({"metadata": {"namespace": "etl", "name": "a"}, "status": {"active": "many"}});
    let (_server, mut exporter) = exporter(&Current::new(Answer::json(&bad))).await;
    exporter.eventually(|e| e.decode_errors() >= 2, true).await;
    assert!(exporter.up());
    assert_eq!((exporter.jobs(), exists(&exporter)), (vec![], None));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| Answer::json(&job("a"))).await;
    let location = format!(
        "{}apis/batch/v1/namespaces/etl/jobs/a/status",
        elsewhere.address
    );
    let moved = Answer::whole(307, &[("location", &location)], "");
    let (_server, mut exporter) = exporter(&Current::new(moved)).await;
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::Redirect) >= 2, true)
        .await;
    assert_eq!(elsewhere.requests("").len(), 0);
}
