//! Answers of CCI and of the gateway before it that look like something else.

use super::*;
use futures_util::future::join_all;
use job_status_exporter::model::{Code, Verb};

#[tokio::test]
async fn no_404_of_a_gateway_makes_a_job_absent() {
    let status = |extra: Value| {
        let mut status =
            json!({"kind": "Status", "reason": "NotFound", "message": "not found", "code": 404});
        status
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        Answer::whole(404, &[], status.to_string())
    };
    let refusals = [
        gateway(
            404,
            "APIGW.0101",
            "The API does not exist or has not been published in the environment",
        ),
        gateway(404, "APIG.0101", "The API does not exist"),
        status(json!({"errorCode": "CCI.01.404101"})),
        status(json!({"details": {"kind": "namespaces"}})),
        status(
            json!({"message": "the server could not find the requested resource", "details": {}}),
        ),
        Answer::whole(404, &[], "404 page not found"),
        Answer::whole(404, &[], ""),
    ];
    join_all(refusals.map(async |refusal| {
        let server = Server::start(move |_| refusal.clone()).await;
        let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
        exporter
            .eventually(|e| e.requests(Verb::Get, Code::NotFound) >= 2, true)
            .await;
        assert!(!exporter.up() && !exporter.ready());
        assert_eq!(exporter.snapshot().configured, []);
        assert!(!exporter.metrics().contains("batch_job_exists"));
    }))
    .await;
}

/// 64 KiB of response headers are fine, and a server that goes on and on is given up.
#[tokio::test]
async fn large_headers_are_taken_and_endless_ones_are_not() {
    let line = ("x-filler", "f".repeat(8 * 1024));
    let large: Vec<_> = (0..8).map(|_| (line.0, line.1.as_str())).collect();
    let large = Answer::whole(200, &large, job("a", "b").to_string());
    let server = Server::start(move |_| large.clone()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(Exporter::jobs, vec!["a/b".into()])
        .await;

    let endless = vec![("x-filler", line.1.as_str()); 90];
    let endless = Answer::whole(200, &endless, job("a", "b").to_string());
    let server = Server::start(move |_| endless.clone()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::TransportError) >= 2, true)
        .await;
    assert!(!exporter.up());
}

/// By what it says of its length alone, without a byte of it.
#[tokio::test]
async fn a_body_of_a_hundred_mebibytes_is_not_waited_for() {
    let server = Server::start(|_| Answer::of_length(100 * 1024 * 1024).hang()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::TransportError) >= 2, true)
        .await;
    assert_eq!(exporter.requests(Verb::Get, Code::Timeout), 0);
}
