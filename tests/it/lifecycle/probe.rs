//! `/probe` of the process: its parameters, access, log, and what a reload changes.

use tokio::time::timeout;

use super::{Cluster, Exporter, SYNCED, Setup, process::Line};
use crate::server::client::{Response, TEST_TIMEOUT};

/// A configuration with these targets, each as its name and further settings. All read the kubeconfig `api`.
fn config(targets: &[(&str, &str)]) -> String {
    let target = |(name, more): &(&str, &str)| {
        format!("{{name: {name}, kubernetes: {{kubeconfig: api}}{more}}}")
    };
    let targets: Vec<_> = targets.iter().map(target).collect();
    format!(
        "web: {{listen_address: \"127.0.0.1:0\", enable_lifecycle: true}}\ntargets: [{}]\n",
        targets.join(", ")
    )
}

const ANY: &str = ", poll: {probe_any: true}";
const POLLED: &str = ", jobs: [{namespace: etl, name: load}]";

async fn start(cluster: &Cluster, config: &str) -> Exporter {
    let setup = Setup::new().kubeconfig("api", &cluster.url(), "{}");
    let mut exporter = setup.config(config).start().await;
    exporter.logged(SYNCED).await;
    exporter
}

async fn probe(exporter: &Exporter, target: &str, job: &str) -> Response {
    let path = format!("/probe?target={target}&namespace=etl&job={job}");
    exporter.get(&path).await
}

/// Loads this configuration by HTTP, and returns the changes.
async fn reload(exporter: &Exporter, config: &str) -> String {
    exporter.replace("exporter.yaml", config);
    let response = timeout(TEST_TIMEOUT, exporter.request("POST", "/-/reload")).await;
    let response = response.expect("an answer in time");
    assert_eq!(response.status, 200, "{}", response.text());
    let changes = response.text().strip_prefix("configuration reloaded\n");
    changes.expect("the changes").to_owned()
}

#[tokio::test]
async fn jobs_of_all_targets_can_be_probed_as_they_allow_it() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    cluster.add_job("etl", "other");
    let targets = [("watched", ANY), ("polled", POLLED), ("closed", "")];
    let exporter = start(&cluster, &config(&targets)).await;
    for (target, job, status) in [
        ("watched", "load", 200),
        ("watched", "other", 200),
        ("polled", "load", 200),
        ("polled", "other", 403),
        ("closed", "load", 403),
        ("absent", "load", 400),
    ] {
        let response = probe(&exporter, target, job).await;
        assert_eq!(response.status, status, "{target} {job}");
        if status == 200 {
            let state = format!(
                "batch_job_state{{target=\"{target}\",namespace=\"etl\",job_name=\"{job}\",workload_type=\"job\",workload=\"{job}\",state=\"pending\"}} 1\n"
            );
            assert!(response.text().contains(&state), "{}", response.text());
            assert!(response.text().contains("\nprobe_success 1\n"));
        }
    }
    // Probes are no scrapes, and are not among their families.
    let scrape = exporter.scrape().await;
    assert!(!scrape.contains("probe_success"), "{scrape}");
}

#[tokio::test]
async fn a_reload_changes_what_can_be_probed_and_reads_nothing_again() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let exporter = start(&cluster, &config(&[("one", "")])).await;
    let requests = cluster.api.requests().len();
    assert_eq!(probe(&exporter, "one", "load").await.status, 403);
    let changes = reload(&exporter, &config(&[("one", ANY)])).await;
    assert_eq!(changes, "changed: targets[].poll\n");
    assert_eq!(probe(&exporter, "one", "load").await.status, 200);
    let changes = reload(&exporter, &config(&[("one", "")])).await;
    assert_eq!(changes, "changed: targets[].poll\n");
    assert_eq!(probe(&exporter, "one", "load").await.status, 403);
    assert_eq!(cluster.api.requests().len(), requests + 1, "one probe");

    let changes = reload(&exporter, &config(&[("one", ""), ("two", ANY)])).await;
    assert_eq!(changes, "targets added: two\n");
    assert_eq!(probe(&exporter, "two", "load").await.status, 200);
    let changes = reload(&exporter, &config(&[("one", "")])).await;
    assert_eq!(changes, "targets removed: two\n");
    let response = probe(&exporter, "two", "load").await;
    assert_eq!(response.status, 400);
    assert!(
        response.text().ends_with("targets: one\n"),
        "{}",
        response.text()
    );
}

#[tokio::test]
async fn a_failed_probe_is_logged_once_and_again_after_a_success() {
    let mut cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    let mut exporter = start(&cluster, &config(&[("one", ANY)])).await;
    for _ in 0..2 {
        cluster.stop().await;
        for _ in 0..3 {
            let response = probe(&exporter, "one", "load").await;
            assert_eq!(response.status, 200);
            assert!(
                response.text().contains("\nprobe_success 0\n"),
                "{}",
                response.text()
            );
        }
        let line = exporter.logged("probe failed").await;
        assert_eq!(line.text("level"), "WARN");
        let names = (
            line.text("target"),
            line.text("namespace"),
            line.text("job"),
        );
        assert_eq!(names, ("one", "etl", "load"));
        assert!(line.text("error").starts_with("get status of job `load`"));
        cluster.restart().await;
        let response = probe(&exporter, "one", "load").await;
        assert!(
            response.text().contains("\nprobe_success 1\n"),
            "{}",
            response.text()
        );
    }
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    let is_about_probe = |line: &&String| Line::parse(line).text("message") == "probe failed";
    assert_eq!(exited.log.iter().filter(is_about_probe).count(), 2);
}
