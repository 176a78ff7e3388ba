//! Events on standard output.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::Stdio,
    thread,
    time::Duration,
};

use batch_simulator::api::Kind;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::{Cluster, Exporter, SYNCED, Setup};
use crate::server::client::{Client, TEST_TIMEOUT, request};

fn config(more: &str) -> String {
    format!(
        "web: {{listen_address: \"127.0.0.1:0\", enable_lifecycle: true}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n{more}\n"
    )
}

fn setup(cluster: &Cluster, more: &str) -> Setup {
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    setup.config(&config(more))
}

/// Creates a Job that has just succeeded or failed.
fn add_finished(cluster: &Cluster, name: &str, result: &str, note: &str) {
    let now = jiff::Timestamp::now();
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let condition = json!({"type": result, "status": "True", "lastTransitionTime": now});
    let metadata =
        json!({"namespace": "etl", "name": name, "annotations": {"example.com/note": note}});
    let status = json!({"startTime": now, "completionTime": now, "conditions": [condition]});
    let job = json!({"metadata": metadata, "spec": {"parallelism": 1}, "status": status});
    cluster.api.apply(Kind::Job, job).unwrap();
}

/// Waits until the metrics have this line.
async fn until(exporter: &Exporter, line: &str) {
    let wait = async {
        while !exporter.scrape().await.lines().any(|it| it == line) {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(TEST_TIMEOUT, wait).await.expect(line);
}

fn counted(name: &str, result: &str) -> String {
    format!(
        "batch_workload_runs_total{{namespace=\"etl\",workload_type=\"job\",workload=\"{name}\",result=\"{result}\"}} 1"
    )
}

#[tokio::test]
async fn a_reload_starts_events_and_stops_them() {
    let cluster = Cluster::start().await;
    let mut exporter = setup(&cluster, "").start().await;
    exporter.logged(SYNCED).await;
    add_finished(&cluster, "before", "Complete", "");
    until(&exporter, &counted("before", "succeeded")).await;
    let mapped = "labels: {note: \"annotation:example.com/note\"}";
    for (more, name) in [("events: {log: true}", "during"), ("", "after")] {
        exporter.replace("exporter.yaml", &config(&format!("{mapped}\n{more}")));
        let response = exporter.request("POST", "/-/reload").await;
        assert_eq!(response.status, 200, "{}", response.text());
        add_finished(&cluster, name, "Failed", "two\nlines \u{1b}[31m");
        until(&exporter, &counted(name, "failed")).await;
    }
    exporter.signal(&["TERM"]);
    let exited = exporter.exit().await;
    assert_eq!(exited.status.code(), Some(0), "{:?}", exited.log);
    let lines: Vec<&str> = exited.stdout.lines().collect();
    let [line] = lines[..] else {
        panic!("{lines:?}")
    };
    let event: Value = serde_json::from_str(line).unwrap();
    assert_eq!(event["event"], "run_failed");
    assert_eq!(event["job_name"], "during");
    assert_eq!(event["labels"]["note"], "two\nlines \u{1b}[31m");
}

/// The value of a metric without labels.
async fn value(address: std::net::SocketAddr, name: &str) -> u64 {
    let mut client = Client::connect(address).await;
    client.send(request("GET", "/metrics")).await;
    let response = client.response("GET").await;
    let mut lines = response.text().lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap().parse().unwrap()
}

// The simulated API answers while this thread reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_waits_for_standard_output() {
    const JOBS: u64 = 400;
    let cluster = Cluster::start().await;
    // Lines of 60 KiB fill the queue soon.
    let labels = (0..10).map(|number| format!("l{number}: \"annotation:example.com/note\""));
    let labels = labels.collect::<Vec<_>>().join(", ");
    let more = format!("labels: {{{labels}}}\nevents: {{log: true}}");
    let files = setup(&cluster, &more);
    let mut child = files.command().stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut log = log.map(Result::unwrap);
    let listening = log
        .find(|line| line.contains(" listening address="))
        .unwrap();
    let (_, address) = listening.rsplit_once("://").unwrap();
    let address = address.parse().unwrap();
    log.find(|line| line.contains(SYNCED)).unwrap();
    let log = thread::spawn(move || log.for_each(drop));
    for number in 0..JOBS {
        add_finished(
            &cluster,
            &format!("j{number}"),
            "Complete",
            &"\u{1}".repeat(1000),
        );
    }
    let dropped_name = "job_status_exporter_events_dropped_total";
    let start = Instant::now();
    while value(address, dropped_name).await == 0 {
        assert!(start.elapsed() < TEST_TIMEOUT);
        sleep(Duration::from_millis(20)).await;
    }
    let start = Instant::now();
    assert!(value(address, dropped_name).await > 0);
    assert!(start.elapsed() < Duration::from_secs(5));

    // Once it is read again, it has everything that was not dropped, and the number of those that were.
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (mut uids, mut dropped) = (BTreeSet::new(), 0);
    for line in stdout.lines() {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        match event["uid"].as_str() {
            Some(uid) => assert!(uids.insert(uid.to_owned())),
            None => dropped += event["dropped"].as_u64().unwrap(),
        }
        if uids.len() as u64 + dropped == JOBS {
            break;
        }
    }
    assert!(dropped > 0 && !uids.is_empty());
    assert_eq!(value(address, dropped_name).await, dropped);
    child.kill().unwrap();
    child.wait().unwrap();
    log.join().unwrap();
}

// The simulated API answers while this thread reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_does_not_wait_for_standard_output() {
    let cluster = Cluster::start().await;
    let files = setup(&cluster, "events: {log: true}");
    let mut child = files.command().stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut log = log.map(Result::unwrap);
    log.find(|line| line.contains(SYNCED)).unwrap();
    // More than a pipe takes.
    for number in 0..300 {
        add_finished(&cluster, &format!("j{number}"), "Complete", "");
    }
    sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    let pid = child.id().to_string();
    let mut kill = std::process::Command::new("/bin/sh");
    kill.args(["-c", "kill -s TERM $0", &pid]);
    assert!(kill.status().unwrap().success());
    log.find(|line| line.contains("stopped")).unwrap();
    let status = tokio::task::spawn_blocking(move || child.wait().unwrap());
    let status = timeout(TEST_TIMEOUT, status).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(15));
}
