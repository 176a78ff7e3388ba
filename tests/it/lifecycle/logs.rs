//! Levels and formats of log messages.

use std::time::Duration;

use batch_simulator::api::Kind;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{Cluster, Exporter, SYNCED, Setup, process::Line};
use crate::server::client::TEST_TIMEOUT;

/// A setup with a watched and a polled target.
fn two_targets(cluster: &Cluster) -> Setup {
    let kubernetes = "kubernetes: {kubeconfig: kubeconfig}";
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\"}}\n\
         targets:\n\
         - {{name: watched, {kubernetes}}}\n\
         - {{name: polled, {kubernetes}, poll: {{interval: 1s}}, jobs: [{{namespace: etl, name: load}}]}}\n"
    );
    Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config(&config)
}

/// Waits for the next line with this message from each of the two targets.
async fn from_both(exporter: &mut Exporter, message: &str) -> [Line; 2] {
    let lines = [
        exporter.logged(message).await,
        exporter.logged(message).await,
    ];
    let mut targets = lines.each_ref().map(|line| line.text("target"));
    targets.sort_unstable();
    assert_eq!(targets, ["polled", "watched"], "{message}");
    lines
}

#[tokio::test]
async fn transitions_are_logged_with_their_target_and_reason() {
    let mut cluster = Cluster::start().await;
    cluster.add_job("etl", "load");
    cluster.stop().await;
    let mut exporter = two_targets(&cluster).start().await;
    for line in from_both(&mut exporter, "target is down").await {
        assert_eq!(line.text("level"), "WARN");
        assert!(line.text("error").contains("refused"), "{line:?}");
        let hint = "nothing listens at this address: is the API server up?";
        assert_eq!(line.text("hint"), hint);
    }
    cluster.restart().await;
    for line in from_both(&mut exporter, "target is up again").await {
        assert_eq!(line.text("level"), "INFO");
    }

    exporter.signal(&["TERM"]);
    let about_the_process = ["starting", "listening", "shutting down", "stopped"];
    for line in exporter.exit().await.lines() {
        assert!(["INFO", "WARN"].contains(&line.text("level")), "{line:?}");
        let about_a_target = !about_the_process.contains(&line.text("message"));
        assert_eq!(line.get("target").is_some(), about_a_target, "{line:?}");
    }
}

#[tokio::test]
async fn a_list_beyond_a_limit_is_logged_with_the_setting_to_raise() {
    let cluster = Cluster::start().await;
    cluster.add_job("etl", "a");
    cluster.add_job("etl", "b");
    let config = "{web: {listen_address: \"127.0.0.1:0\"}, limits: {list_objects: 1}, \
                  targets: [{kubernetes: {kubeconfig: kubeconfig}}]}";
    let setup = Setup::new()
        .kubeconfig("kubeconfig", &cluster.url(), "{}")
        .config(config);
    let mut exporter = setup.start().await;
    let line = exporter.logged("target is down").await;
    let problem = "jobs in all namespaces: the list has more than 1 objects";
    assert!(line.text("error").ends_with(problem), "{line:?}");
    assert!(line.text("hint").starts_with("raise `limits.list_objects`"));
}

#[tokio::test]
async fn polls_and_requests_are_logged_at_debug() {
    let cluster = Cluster::start().await;
    let setup = two_targets(&cluster).argument("--log.level=debug");
    let mut exporter = setup.start().await;
    for _ in 0..2 {
        let line = exporter.logged("polling").await;
        assert_eq!(line.text("level"), "DEBUG");
        let job = ["target", "namespace", "job"].map(|key| line.text(key).to_owned());
        assert_eq!(job, ["polled", "etl", "load"]);
    }
    exporter.get("/livez?token=abc").await;
    let line = exporter.logged("request").await;
    assert_eq!(line.text("level"), "DEBUG");
    assert_eq!(line.text("path"), "/livez");
}

#[tokio::test]
async fn text_without_a_terminal_has_no_colors() {
    let cluster = Cluster::start().await;
    let mut exporter = two_targets(&cluster).spawn();
    exporter
        .until(|line| line.contains("listening address=http://127.0.0.1:"))
        .await;
    let synced = format!("INFO {SYNCED} target=polled");
    exporter.until(|line| line.ends_with(&synced)).await;
    exporter.signal(&["TERM"]);
    let log = exporter.exit().await.log;
    assert!(!log.iter().any(|line| line.contains('\u{1b}')), "{log:#?}");
}

#[tokio::test]
async fn at_level_error_a_healthy_exporter_logs_nothing() {
    let cluster = Cluster::start().await;
    let setup = two_targets(&cluster).argument("--log.level=error");
    let exporter = setup.argument("--log.format=json").spawn();
    let watches = async {
        let is_watch = |query: &str| query.contains("watch=1");
        while cluster
            .api
            .requests()
            .iter()
            .filter(|request| is_watch(&request.query))
            .count()
            < 2
        {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TEST_TIMEOUT, watches)
        .await
        .expect("two watches in time");
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    assert_eq!(exited.status.code(), Some(0));
    assert_eq!(exited.log, [""; 0]);
}

#[tokio::test]
async fn the_environment_sets_level_and_format() {
    let cluster = Cluster::start().await;
    let setup = two_targets(&cluster)
        .variable("JOB_STATUS_EXPORTER__LOG__LEVEL", "debug")
        .variable("JOB_STATUS_EXPORTER__LOG__FORMAT", "json");
    let mut exporter = setup.spawn();
    let line = exporter.logged("polling").await;
    assert_eq!(line.text("level"), "DEBUG");
}

#[tokio::test]
async fn an_annotation_without_an_effect_is_logged_with_what_is_valid() {
    let cluster = Cluster::start().await;
    let annotations = json!({
        "job-status-exporter/max-duratoin": "1h",
        "job-status-exporter/start-grace": "soon",
    });
    let metadata = json!({"namespace": "etl", "name": "load", "annotations": annotations});
    let object = json!({"metadata": metadata, "spec": {"parallelism": 1}});
    cluster.api.apply(Kind::Job, object).unwrap();
    let mut exporter = two_targets(&cluster).start().await;
    for line in from_both(&mut exporter, "ignoring invalid annotations").await {
        let of_workload = ["namespace", "kind", "name"];
        assert_eq!(
            of_workload.map(|key| line.text(key)),
            ["etl", "job", "load"]
        );
        let annotations = line.text("annotations");
        let problems = "unknown job-status-exporter/max-duratoin, start-grace=soon; known are ";
        assert!(annotations.starts_with(problems), "{annotations}");
        let known = "job-status-exporter/max-duration, ";
        assert!(annotations.contains(known), "{annotations}");
    }
}
