//! What `promtool` thinks of `/metrics` when the cluster behind it is a real one.

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
    patience::{SOON, eventually},
};

#[tokio::test]
async fn promtool_finds_nothing_to_complain_about() {
    let cluster = Cluster::given().await;
    let namespace = cluster.namespace("promtool").await;
    let exporter = Exporter::discovering(cluster.kubeconfig()).await;
    exporter.is_ready().await;
    namespace
        .create(Kind::Job, "any", spec("hang", &json!({}), json!({})))
        .await;
    let template: Value = json!({"spec": spec("succeed", &json!({}), json!({}))});
    let cronjob = json!({"schedule": "@yearly", "jobTemplate": template});
    namespace.create(Kind::CronJob, "any", cronjob).await;
    let page = eventually("both are shown", SOON, async || {
        let page = exporter.page().await;
        let shown =
            |family: &str| page.contains(&format!("{family}{{namespace=\"{}\"", namespace.name));
        if shown("batch_job_info") && shown("batch_cronjob_info") {
            Ok(page)
        } else {
            Err(page)
        }
    })
    .await;
    check(&page);
    exporter.stop().await;
    namespace.remove().await;
}

fn check(page: &str) {
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
    input.write_all(page.as_bytes()).expect("promtool reads");
    drop(input);
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success() && said.is_empty(),
        "{}",
        String::from_utf8_lossy(&said)
    );
}
