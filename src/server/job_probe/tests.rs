//! Responses to requests for probes, with a prober that answers when a test lets it.

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use tokio::sync::Notify;

use super::*;

/// Allows the Job `load` of its targets. A page is the name of its format.
#[derive(Debug, Default)]
struct TestProber {
    targets: Vec<Option<String>>,
    /// Whether a probe waits for `release`.
    waits: bool,
    release: Notify,
}

impl Prober for TestProber {
    fn targets(&self) -> Vec<Option<String>> {
        self.targets.clone()
    }

    fn check(&self, request: &ProbeRequest) -> Result<(), ProbeError> {
        let refusal = ProbeRefusal::NotConfigured(request.job.clone());
        match &request.target {
            target if !self.targets.contains(target) => Err(match target {
                Some(name) => ProbeError::UnknownTarget(name.clone()),
                None => ProbeError::NoTarget,
            }),
            _ if request.job.name != "load" => Err(refusal.into()),
            _ => Ok(()),
        }
    }

    fn probe(&self, _: ProbeRequest, format: Format) -> BoxFuture<'_, Result<Chunks, ProbeError>> {
        async move {
            if self.waits {
                self.release.notified().await;
            }
            let chunk = Bytes::from(format!("{format:?}"));
            Ok(Box::new([chunk].into_iter()) as Chunks)
        }
        .boxed()
    }
}

fn job_probe(targets: &[&str]) -> JobProbe {
    let targets = targets.iter().map(|name| Some((*name).to_owned()));
    let prober = TestProber {
        targets: targets.collect(),
        ..TestProber::default()
    };
    JobProbe::new(Arc::new(prober), 128)
}

fn request(method: &str, query: &str) -> Request<()> {
    let uri = format!("/probe{query}");
    Request::builder().method(method).uri(uri).body(()).unwrap()
}

fn body(response: Response<Content>) -> String {
    let bytes = match response.into_body() {
        Content::Full(bytes) => bytes.to_vec(),
        Content::Stream(chunks) => chunks.flat_map(|chunk| chunk.unwrap()).collect(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

const LOAD: &str = "?target=prod&namespace=etl&job=load";

#[tokio::test]
async fn a_wrong_request_is_told_what_would_be_right() {
    let usage = "usage: /probe?target=TARGET&namespace=NAMESPACE&job=JOB\ntargets: prod, test\n";
    for (query, status, expected) in [
        (LOAD, 200, "Text".to_owned()),
        ("", 400, format!("parameter `namespace` is missing\n{usage}")),
        (
            "?target=other&namespace=etl&job=load",
            400,
            format!("there is no target `other`\n{usage}"),
        ),
        (
            "?namespace=etl&job=load",
            400,
            format!("parameter `target` is missing\n{usage}"),
        ),
        (
            "?target=prod&namespace=etl&job=other",
            403,
            "job `other` in namespace `etl` is not configured: add the job to `jobs` of the target, or allow any job with `poll.probe_any: true`\n".to_owned(),
        ),
    ] {
        let response = job_probe(&["prod", "test"]).respond(&request("GET", query)).await;
        assert_eq!(response.status(), status, "{query}");
        assert_eq!(body(response), expected, "{query}");
    }
}

#[tokio::test]
async fn the_only_target_has_no_name() {
    let prober = TestProber {
        targets: vec![None],
        ..TestProber::default()
    };
    let probe = JobProbe::new(Arc::new(prober), 128);
    let response = probe
        .respond(&request("GET", "?namespace=etl&job=load"))
        .await;
    assert_eq!(response.status(), 200);
    let text = body(probe.respond(&request("GET", LOAD)).await);
    let usage = "usage: /probe?namespace=NAMESPACE&job=JOB\nthe only target has no name\n";
    assert_eq!(text, format!("there is no target `prod`\n{usage}"));
}

#[tokio::test]
async fn only_some_of_many_targets_are_named() {
    let names: Vec<String> = (0..60).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let text = body(job_probe(&names).respond(&request("GET", "")).await);
    assert!(text.ends_with("t48, t49 and 10 more\n"), "{text}");
}

#[tokio::test]
async fn the_format_and_the_compression_are_negotiated_as_for_metrics() {
    let mut wanted = request("GET", LOAD);
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    wanted.headers_mut().insert(ACCEPT, accept.parse().unwrap());
    let response = job_probe(&["prod"]).respond(&wanted).await;
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        Format::OpenMetrics.content_type()
    );
    assert_eq!(body(response), "OpenMetrics");
    wanted
        .headers_mut()
        .insert(ACCEPT_ENCODING, "gzip".parse().unwrap());
    let response = job_probe(&["prod"]).respond(&wanted).await;
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
}

#[tokio::test]
async fn a_head_request_is_checked_and_probes_nothing() {
    let prober = TestProber {
        targets: vec![Some("prod".to_owned())],
        waits: true,
        ..TestProber::default()
    };
    let probe = JobProbe::new(Arc::new(prober), 128);
    let response = probe.respond(&request("HEAD", LOAD)).await;
    assert_eq!(
        response.headers()[CONTENT_TYPE],
        Format::Text.content_type()
    );
    assert_eq!(body(response), "");
    let response = probe.respond(&request("HEAD", "?job=load")).await;
    assert_eq!(response.status(), 400);
    let response = probe.respond(&request("POST", LOAD)).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()[ALLOW]),
        (405, &"GET, HEAD".parse().unwrap())
    );
}

#[tokio::test]
async fn probes_take_half_of_the_connections_and_no_more() {
    let prober = Arc::new(TestProber {
        targets: vec![Some("prod".to_owned())],
        waits: true,
        ..TestProber::default()
    });
    let probe = JobProbe::new(prober.clone(), 5);
    let load = request("GET", LOAD);
    let mut first = Box::pin(probe.respond(&load));
    let mut second = Box::pin(probe.respond(&load));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    let refused = probe.respond(&load).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key(RETRY_AFTER));
    // A client that leaves makes room.
    drop(first);
    let mut third = Box::pin(probe.respond(&load));
    assert!((&mut third).now_or_never().is_none());
    prober.release.notify_waiters();
    assert_eq!(
        (second.await.status(), third.await.status()),
        (StatusCode::OK, StatusCode::OK)
    );
}
