//! What can go wrong between the exporter and an API, against a server that does it on purpose.

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
mod lists;
mod pace;
mod polls;
pub(crate) mod server;
mod watches;

const SECOND: Duration = Duration::from_secs(1);

fn job(name: &str) -> Value {
    numbered(name, 1)
}

/// A running Job of this resource version.
fn numbered(name: &str, version: u64) -> Value {
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

fn list(items: &[Value]) -> Value {
    json!({"kind": "JobList", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "10"}, "items": items})
}

/// What a quiet server without streamed lists answers: no objects, and watches that tell nothing.
fn quiet(request: &Request) -> Answer {
    match request.resource() {
        "version" => Answer::json(&json!({"major": "1", "minor": "33"})),
        _ if request.is_watch() => Answer::chunked().hang(),
        _ => Answer::json(&list(&[])),
    }
}

/// Gives the answers for lists of Jobs in turn, the last one for ever; watches are quiet, and there are no `CronJobs`.
fn lists(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync {
    let asked = AtomicUsize::new(0);
    move |request| {
        if request.resource() != "jobs" || request.is_watch() {
            return quiet(request);
        }
        let number = asked.fetch_add(1, Ordering::Relaxed);
        answers[number.min(answers.len() - 1)].clone()
    }
}

/// An answer that a test replaces while it is being given.
#[derive(Clone)]
struct Current(Arc<Mutex<Answer>>);

impl Current {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new(answer)))
    }

    fn set(&self, answer: Answer) {
        *self.0.lock().unwrap() = answer;
    }

    fn get(&self) -> Answer {
        self.0.lock().unwrap().clone()
    }

    /// A server that gives it to all who ask for Jobs.
    fn of_jobs(&self) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
        let current = self.clone();
        move |request| match request.resource() {
            "jobs" => current.get(),
            _ => quiet(request),
        }
    }
}

/// Gives the answers for watches of Jobs in turn, the last one for ever; the list has jobs `a` and `b`.
fn watches(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync {
    let asked = AtomicUsize::new(0);
    move |request| {
        if request.resource() != "jobs" {
            return quiet(request);
        }
        if !request.is_watch() {
            return Answer::json(&list(&[job("a"), job("b")]));
        }
        let number = asked.fetch_add(1, Ordering::Relaxed);
        answers[number.min(answers.len() - 1)].clone()
    }
}

/// Names of Jobs as the exporter shows them.
fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("etl/{name}")).collect()
}

async fn watched(
    script: impl Fn(&Request) -> Answer + Send + Sync + 'static,
) -> (Server, Exporter) {
    let server = Server::start(script).await;
    let exporter = Exporter::start(server.endpoint(), everything());
    (server, exporter)
}
