//! Faults between the exporter and an API. A scripted server causes them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use crate::exporter::{Exporter, everything};
use server::{Answer, Request, Server};

mod credentials;
mod limits;
mod lists;
mod polls;
mod protobuf;
mod rate_limits;
pub(crate) mod server;
mod watches;

const SECOND: Duration = Duration::from_secs(1);

/// A running Job of resource version 1.
fn job(name: &str) -> Value {
    job_at_version(name, 1)
}

/// A running Job with this resource version.
fn job_at_version(name: &str, version: u64) -> Value {
    json!({
        "metadata": {
            "namespace": "etl",
            "name": name,
            "uid": format!("uid of {name}"),
            "resourceVersion": version.to_string(),
        },
        "spec": {"parallelism": 1},
        "status": {"active": 1, "ready": 1},
    })
}

/// A list with resource version 10.
fn list(items: &[Value]) -> Value {
    json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "10"}, "items": items})
}

/// Answers like an API without objects and without streamed lists. Watches send no events.
fn empty_api(request: &Request) -> Answer {
    match request.resource() {
        "version" => Answer::json(&json!({"major": "1", "minor": "33"})),
        _ if request.is_watch() => Answer::chunked().hang(),
        "cronjobs" => Answer::json(&json!({
            "kind": "CronJobList", "metadata": {"resourceVersion": "10"}, "items": [],
        })),
        _ => Answer::json(&list(&[])),
    }
}

/// Answers lists of Jobs with each answer in turn, and then with the last one. Watches send no events, and there are no
/// `CronJobs`.
fn answer_lists(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync {
    let requests_seen = AtomicUsize::new(0);
    move |request| {
        if request.resource() != "jobs" || request.is_watch() {
            return empty_api(request);
        }
        let number = requests_seen.fetch_add(1, Ordering::Relaxed);
        answers[number.min(answers.len() - 1)].clone()
    }
}

/// An answer that a test can replace while the server runs.
#[derive(Clone)]
struct SwappableAnswer(Arc<Mutex<Answer>>);

impl SwappableAnswer {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new(answer)))
    }

    fn set(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }

    fn get(&self) -> Answer {
        self.0.lock().unwrap().clone()
    }

    /// Answers all requests for Jobs with the current answer.
    fn answer_jobs(&self) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
        let current = self.clone();
        move |request| match request.resource() {
            "jobs" => current.get(),
            _ => empty_api(request),
        }
    }
}

/// Answers watches of Jobs with each answer in turn, and then with the last one. The list has jobs `a` and `b`.
fn answer_watches(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync {
    let requests_seen = AtomicUsize::new(0);
    move |request| {
        if request.resource() != "jobs" {
            return empty_api(request);
        }
        if !request.is_watch() {
            return Answer::json(&list(&[job("a"), job("b")]));
        }
        let number = requests_seen.fetch_add(1, Ordering::Relaxed);
        answers[number.min(answers.len() - 1)].clone()
    }
}

/// Job names with the namespace `etl`, as [`Exporter::jobs`] returns them.
fn in_etl(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("etl/{name}")).collect()
}

/// Starts a server with this script, and an exporter that watches it.
async fn start_watching(
    script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> (Server, Exporter) {
    let server = Server::start(script).await;
    let exporter = Exporter::start(server.endpoint(), everything());
    (server, exporter)
}
