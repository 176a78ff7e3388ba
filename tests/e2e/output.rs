//! `promtool` checks `/metrics` of a real cluster.

use std::{
    env,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind},
    exporter::Exporter,
    jobs::spec,
    wait::{WATCH_LATENCY, eventually},
};

#[tokio::test]
async fn promtool_reports_no_problems() {
    let cluster = Cluster::from_env().await;
    let namespace = cluster.namespace("promtool").await;
    let exporter = Exporter::with_kubeconfig(cluster.kubeconfig()).await;
    exporter.wait_until_ready().await;
    namespace
        .create(Kind::Job, "any", spec("hang", &json!({}), json!({})))
        .await;
    let template: Value = json!({"spec": spec("succeed", &json!({}), json!({}))});
    let cronjob = json!({"schedule": "@yearly", "jobTemplate": template});
    namespace.create(Kind::CronJob, "any", cronjob).await;
    let text = eventually(
        "the job and the cronjob are shown",
        WATCH_LATENCY,
        async || {
            let text = exporter.scrape_text().await;
            let shown = |family: &str| {
                text.contains(&format!("{family}{{namespace=\"{}\"", namespace.name))
            };
            if shown("batch_job_info") && shown("batch_cronjob_info") {
                Ok(text)
            } else {
                Err(text)
            }
        },
    )
    .await;
    check_metrics(&text);
    exporter.stop().await;
    namespace.remove().await;
}

fn check_metrics(text: &str) {
    let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/usr/bin");
    let path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(env::split_paths(&path).chain([unpacked])).expect("a path");
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = promtool.expect("promtool: scripts/install-tools gets it");
    let mut input = promtool.stdin.take().expect("a pipe");
    input.write_all(text.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let report = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && report.is_empty(),
        "{}",
        String::from_utf8_lossy(&report)
    );
}
