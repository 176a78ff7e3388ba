//! A file that is deleted while it is in use, or that can be read only after the start.

use std::os::unix::fs::symlink;

use super::*;

/// Waits until `/metrics` shows all of these lines, and none of the families in `absent`.
async fn shows(exporter: &Exporter, lines: &[&str], absent: &[&str]) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let response = exporter.get("/metrics").await;
        let metrics = response.text();
        let shown = lines
            .iter()
            .all(|line| metrics.lines().any(|it| it == *line));
        let is_absent = |family: &&str| !metrics.contains(&format!("\n{family}"));
        if shown && absent.iter().all(is_absent) {
            return;
        }
        assert!(Instant::now() < deadline, "{metrics}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Runs that succeeded of the only workload.
fn succeeded(runs: u32) -> String {
    format!(
        "batch_workload_runs_total{{namespace=\"etl\",workload_type=\"cronjob\",workload=\"nightly\",result=\"succeeded\"}} {runs}"
    )
}

fn finish(jobs: &JobGenerator, number: u32) {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    let now = now.to_string();
    let condition = json!({"type": "Complete", "status": "True", "lastTransitionTime": now});
    let name = format!("nightly-{number}");
    let status = json!({"startTime": now, "completionTime": now, "conditions": [condition]});
    jobs.apply(&name, "nightly", &json!({"active": 1}));
    jobs.apply(&name, "nightly", &status);
}

#[tokio::test]
async fn nothing_is_lost_when_the_file_is_deleted_under_a_running_process() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let jobs = JobGenerator::new(cluster.api.clone(), fastrand::Rng::new());
    let mut exporter = setup(&cluster, &path).start().await;
    exporter.logged(SYNCED).await;
    finish(&jobs, 1);
    shows(
        &exporter,
        &[&succeeded(1), "job_status_exporter_history_runs 1"],
        &[],
    )
    .await;
    fs::remove_file(&path).unwrap();
    finish(&jobs, 2);
    let line = exporter.logged("history file was deleted, replaced or changed while it was in use: writing a new one from memory, finished runs whose Jobs are gone are not in it").await;
    assert_eq!(line.text("level"), "ERROR");
    shows(&exporter, &["job_status_exporter_history_runs 2"], &[]).await;
    // Killed: nothing is written at the end.
    drop(exporter);
    let state = read(&path).await;
    assert_eq!(state.runs.len(), 2);
    assert_eq!(state.workloads[0].state.totals.succeeded, 2);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_at_the_start_is_continued_later() {
    let cluster = Cluster::start().await;
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("history.redb");
    let good = directory.path().join("good");
    let jobs = JobGenerator::new(cluster.api.clone(), fastrand::Rng::new());
    let mut exporter = setup(&cluster, &path).start().await;
    exporter.logged(SYNCED).await;
    finish(&jobs, 1);
    shows(&exporter, &["job_status_exporter_history_runs 1"], &[]).await;
    drop(exporter);
    finish(&jobs, 2);
    fs::rename(&path, &good).unwrap();
    symlink(&path, &path).unwrap();
    let mut exporter = setup(&cluster, &path).start().await;
    exporter.logged(SYNCED).await;
    let unknown = [
        "batch_workload_runs_total",
        "batch_workload_run_duration_seconds",
    ];
    shows(&exporter, &["job_status_exporter_history_up 0"], &unknown).await;
    fs::rename(&good, &path).unwrap();
    finish(&jobs, 3);
    shows(
        &exporter,
        &["job_status_exporter_history_up 1", &succeeded(3)],
        &[],
    )
    .await;
    drop(exporter);
    assert_eq!(read(&path).await.runs.len(), 3);
}
