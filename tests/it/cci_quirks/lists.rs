//! `poll.by_list`: one list per namespace instead of one request per configured Job.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use job_status_exporter::{
    config::PollConfig,
    model::{Code, Verb},
};

use super::*;

const BY_LIST: PollConfig = PollConfig {
    by_list: true,
    ..POLL
};

const CONFIGURED: [&str; 4] = ["a/one", "a/two", "a/missing", "b/alone"];

fn list(items: &[Value]) -> Answer {
    Answer::json(&json!({"kind": "JobList", "metadata": {}, "items": items}))
}

/// `namespace/name: exists` of each configured Job.
fn exists(exporter: &Exporter) -> Vec<String> {
    let configured = exporter.snapshot().configured;
    let line = |job: &job_status_exporter::store::ConfiguredJob| {
        let exists = job.exists?;
        Some(format!("{}/{}: {exists}", job.namespace, job.name))
    };
    configured.iter().filter_map(line).collect()
}

/// All configured Jobs are read.
fn all() -> Vec<String> {
    vec![
        "a/one: true".into(),
        "a/two: true".into(),
        "a/missing: false".into(),
        "b/alone: true".into(),
    ]
}

/// The response to a status request. All Jobs exist except `a/missing`.
fn status(request: &Request) -> Answer {
    let (namespace, name) = job_of(request);
    if name == "missing" {
        let body = json!({"kind": "Status", "reason": "NotFound", "details": {"kind": "jobs"}, "code": 404});
        return Answer::whole(404, &[], body.to_string());
    }
    Answer::json(&job(namespace, name))
}

#[tokio::test]
async fn a_namespace_is_listed_once_for_all_its_configured_jobs() {
    let server = Server::start(|request| match request.target.split('?').next() {
        Some("/apis/batch/v1/namespaces/a/jobs") if request.target.contains("continue=next") => {
            list(&[job("a", "two"), job("elsewhere", "missing")])
        }
        Some("/apis/batch/v1/namespaces/a/jobs") => Answer::json(&json!({
            "metadata": {"continue": "next"},
            "items": [
                job("a", "one"),
                job("a", "not-configured"),
                {"metadata": {"namespace": "a", "name": "broken"}, "status": 5},
                {"metadata": null},
                5,
            ],
        })),
        _ => status(request),
    })
    .await;
    let mode = polled(&CONFIGURED, BY_LIST);
    let mut exporter = Exporter::start(server.endpoint(), mode);
    exporter.eventually(exists, all()).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
    exporter.throughout(SECOND, Exporter::up, true).await;
    assert_eq!(exporter.jobs(), ["a/one", "a/two", "b/alone"]);
    assert_eq!(
        exporter.decode_errors(),
        0,
        "the broken Job is not configured"
    );
    assert!(server.requests("/namespaces/a/jobs/").is_empty());
    assert!(
        server.requests("/namespaces/b/jobs?").is_empty(),
        "a single Job is read by its own request"
    );
    assert!(server.requests("/namespaces/a/jobs?limit=500").len() >= 4);
}

#[tokio::test]
async fn a_failed_list_changes_nothing_and_an_undecodable_job_still_exists() {
    let broken = Arc::new(AtomicBool::new(false));
    let down = Arc::new(AtomicBool::new(false));
    let (is_broken, is_down) = (broken.clone(), down.clone());
    let server = Server::start(move |request| {
        if !request.target.contains("/a/jobs?") {
            return status(request);
        }
        if is_down.load(Ordering::Relaxed) {
            return Answer::whole(500, &[], "");
        }
        let mut two = job("a", "two");
        if is_broken.load(Ordering::Relaxed) {
            two["status"] = json!("?");
        }
        list(&[job("a", "one"), two])
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&CONFIGURED, BY_LIST));
    exporter.eventually(exists, all()).await;
    broken.store(true, Ordering::Relaxed);
    exporter.eventually(|e| e.decode_errors() >= 2, true).await;
    assert_eq!(exists(&exporter), all());
    assert!(exporter.up());
    down.store(true, Ordering::Relaxed);
    exporter.eventually(Exporter::up, false).await;
    assert_eq!(exists(&exporter), all());
    down.store(false, Ordering::Relaxed);
    broken.store(false, Ordering::Relaxed);
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn without_the_list_permission_each_job_is_read_by_its_own_request() {
    let server = Server::start(|request| {
        if request.target.contains("/a/jobs?") {
            return Answer::whole(
                403,
                &[],
                r#"{"kind":"Status","reason":"Forbidden","code":403,"errorCode":"CCI.01.403114"}"#,
            );
        }
        status(request)
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&CONFIGURED, BY_LIST));
    exporter.eventually(exists, all()).await;
    exporter
        .eventually(|e| (e.up(), e.ready()), (true, true))
        .await;
    exporter.throughout(SECOND, Exporter::up, true).await;
    assert_eq!(
        server.requests("/a/jobs?").len(),
        1,
        "the list is requested only once"
    );
    assert_eq!(exporter.requests(Verb::List, Code::Forbidden), 1);
    for name in ["one", "two", "missing"] {
        let gets = server.requests(&format!("/a/jobs/{name}/status")).len();
        assert!(gets >= 3, "{name}: {gets}");
    }
}
