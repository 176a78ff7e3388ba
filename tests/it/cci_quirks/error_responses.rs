//! Error responses of CCI and its gateway that are easily misread, and responses that are too large.

use super::*;
use futures_util::future::join_all;
use job_status_exporter::model::{Code, Verb};

#[tokio::test]
async fn a_404_of_the_gateway_does_not_mean_a_missing_job() {
    let status = |extra: Value| {
        let mut status =
            json!({"kind": "Status", "reason": "NotFound", "message": "not found", "code": 404});
        status
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        Answer::whole(404, &[], status.to_string())
    };
    let responses = [
        gateway_error(
            404,
            "APIGW.0101",
            "The API does not exist or has not been published in the environment",
        ),
        gateway_error(404, "APIG.0101", "The API does not exist"),
        status(json!({"errorCode": "CCI.01.404101"})),
        status(json!({"details": {"kind": "namespaces"}})),
        status(
            json!({"message": "the server could not find the requested resource", "details": {}}),
        ),
        Answer::whole(404, &[], "404 page not found"),
        Answer::whole(404, &[], ""),
    ];
    join_all(responses.map(async |response| {
        let server = Server::start(move |_| response.clone()).await;
        let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
        exporter
            .eventually(|e| e.requests(Verb::Get, Code::NotFound) >= 2, true)
            .await;
        assert!(!exporter.up() && !exporter.ready());
        assert_eq!(exporter.snapshot().configured[0].exists, None);
        assert!(!exporter.metrics().contains("batch_job_exists"));
    }))
    .await;
}

/// 64 KiB of response headers are accepted; 720 KiB are an error.
#[tokio::test]
async fn large_headers_are_accepted_up_to_a_limit() {
    let line = ("x-filler", "f".repeat(8 * 1024));
    let large: Vec<_> = (0..8).map(|_| (line.0, line.1.as_str())).collect();
    let large = Answer::whole(200, &large, job("a", "b").to_string());
    let server = Server::start(move |_| large.clone()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(Exporter::jobs, vec!["a/b".into()])
        .await;

    let too_large = vec![("x-filler", line.1.as_str()); 90];
    let too_large = Answer::whole(200, &too_large, job("a", "b").to_string());
    let server = Server::start(move |_| too_large.clone()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::TransportError) >= 2, true)
        .await;
    assert!(!exporter.up());
}

/// The `Content-Length` is enough to reject it.
#[tokio::test]
async fn a_body_of_a_hundred_mebibytes_is_rejected_at_once() {
    let server = Server::start(|_| Answer::of_length(100 * 1024 * 1024).hang()).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["a/b"], POLL));
    exporter
        .eventually(|e| e.requests(Verb::Get, Code::TransportError) >= 2, true)
        .await;
    assert_eq!(exporter.requests(Verb::Get, Code::Timeout), 0);
}
