//! Responses of the running process.

use std::{io::Read as _, time::Duration};

use flate2::read::MultiGzDecoder;
use job_status_exporter::metrics::Format;
use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, Exporter, SYNCED, Setup};
use crate::{
    checker::{self, Families},
    server::client::TEST_TIMEOUT,
};

/// The URL of an address that refuses connections.
async fn unreachable_url() -> String {
    let mut cluster = Cluster::start().await;
    cluster.stop().await;
    cluster.url()
}

/// Scrapes with these headers, and returns the content type and the unzipped body.
async fn scrape(exporter: &Exporter, headers: &str) -> (String, String) {
    let mut client = exporter.connect().await;
    client
        .send(format!(
            "GET /metrics HTTP/1.1\r\nHost: exporter\r\n{headers}\r\n"
        ))
        .await;
    let response = client.response("GET").await;
    assert_eq!(response.status, 200);
    let text = match response.headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => {
            let mut text = String::new();
            let mut reader = MultiGzDecoder::new(response.body.as_slice());
            reader.read_to_string(&mut text).unwrap();
            text
        }
        other => {
            assert_eq!(other, None);
            response.text().to_owned()
        }
    };
    (response.headers["content-type"].clone(), text)
}

async fn families(exporter: &Exporter) -> Families {
    checker::check(Format::Text, &scrape(exporter, "").await.1)
}

/// The value of the only series of `family` with this label.
fn value(families: &Families, family: &str, label: (&str, &str)) -> f64 {
    let has = |labels: &[(String, String)]| {
        labels
            .iter()
            .any(|(k, v)| (k.as_str(), v.as_str()) == label)
    };
    let samples: Vec<_> = families[family]
        .samples
        .iter()
        .filter(|sample| has(&sample.labels))
        .collect();
    assert_eq!(samples.len(), 1, "{family} with {label:?}");
    samples[0].value
}

#[tokio::test]
async fn one_unnamed_target_is_served_in_every_format() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let mut exporter = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .variable("KUBECONFIG", "kubeconfig")
        .argument("--web.listen-address=127.0.0.1:0")
        .argument("--web.telemetry-path=/metrics")
        .start()
        .await;
    exporter.logged(SYNCED).await;
    for (headers, content_type, format) in [
        ("", "text/plain; version=0.0.4", Format::Text),
        (
            "Accept-Encoding: gzip\r\n",
            "text/plain; version=0.0.4",
            Format::Text,
        ),
        (
            "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\nAccept-Encoding: gzip\r\n",
            "application/openmetrics-text; version=1.0.0",
            Format::OpenMetrics,
        ),
    ] {
        let (actual, text) = scrape(&exporter, headers).await;
        assert!(actual.starts_with(content_type), "{actual}");
        let families = checker::check(format, &text);
        let up = &families["job_status_exporter_target_up"].samples;
        let jobs = &families["batch_job_info"].samples;
        assert_eq!((up[0].value, jobs.len()), (1.0, 1));
        let labels: Vec<_> = jobs[0]
            .labels
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(
            labels[..4],
            ["namespace", "job_name", "workload_type", "workload"]
        );
    }
    assert_eq!(exporter.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_unreachable_target_shows_as_down_and_delays_readiness_for_the_grace_period_only() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let config = "web: {listen_address: \"127.0.0.1:0\", ready_grace: 2s}\n\
                  targets:\n\
                  - {name: reachable, kubernetes: {kubeconfig: reachable}}\n\
                  - {name: unreachable, kubernetes: {kubeconfig: unreachable}}\n";
    let setup = Setup::new()
        .kubeconfig("reachable", &cluster.url(), "{}")
        .kubeconfig("unreachable", &unreachable_url().await, "{}")
        .config(config);
    let start = Instant::now();
    let mut exporter = setup.start().await;
    assert_eq!(exporter.logged(SYNCED).await.text("target"), "reachable");

    let families = families(&exporter).await;
    let up = |target| {
        value(
            &families,
            "job_status_exporter_target_up",
            ("target", target),
        )
    };
    assert_eq!((up("reachable"), up("unreachable")), (1.0, 0.0));
    let batch = families
        .iter()
        .filter(|(name, _)| name.starts_with("batch_"));
    let samples: Vec<_> = batch.flat_map(|(_, family)| &family.samples).collect();
    assert!(samples.iter().any(|sample| sample.name == "batch_job_info"));
    for sample in samples {
        assert_eq!(
            sample.labels[0],
            ("target".to_owned(), "reachable".to_owned()),
            "{sample:?}"
        );
    }

    let ready = async {
        loop {
            let response = exporter.get("/readyz").await;
            let now = start.elapsed();
            if response.status == 200 {
                return now;
            }
            assert_eq!(response.status, 503);
            assert_eq!(
                response.text(),
                "waiting for the first read of:\nunreachable\n"
            );
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ready = timeout(TEST_TIMEOUT, ready).await.expect("ready in time");
    assert!(ready >= Duration::from_secs(2), "ready after {ready:?}");
}

#[tokio::test]
async fn an_idle_watch_uses_almost_no_cpu() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let setup = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config("web: {listen_address: \"127.0.0.1:0\"}\ntargets: [{kubernetes: {kubeconfig: kubeconfig}}]\n");
    let mut exporter = setup.start().await;
    exporter.logged(SYNCED).await;
    let cpu = async || families(&exporter).await["process_cpu_seconds_total"].samples[0].value;
    let before = cpu().await;
    sleep(Duration::from_secs(3)).await;
    let used = cpu().await - before;
    assert!(used < 0.5, "{used} seconds of CPU in 3 idle seconds");
}

#[tokio::test]
async fn targets_that_use_up_the_descriptors_leave_some_for_serving() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let target =
        |number| format!("- {{name: t{number}, kubernetes: {{kubeconfig: kubeconfig}}}}\n");
    let targets: String = (0..20).map(target).collect();
    let config = format!("web: {{listen_address: \"127.0.0.1:0\"}}\ntargets:\n{targets}");
    let setup = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config(&config)
        .descriptors(64);
    let mut exporter = setup.start().await;
    // Each target needs two connections. Nothing but the descriptors keeps one from being read.
    exporter.logged("target is down").await;
    let mut idle = Vec::new();
    for _ in 0..100 {
        idle.push(exporter.connect().await);
        if idle.len() % 10 == 0 {
            let start = Instant::now();
            assert_eq!(exporter.get("/livez").await.status, 200);
            assert_eq!(exporter.get("/metrics").await.status, 200);
            assert!(start.elapsed() < Duration::from_secs(5));
        }
    }
}
