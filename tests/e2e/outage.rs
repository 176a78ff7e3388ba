//! The API server goes away and comes back: with what it had, or with another day's state.

use std::time::Duration;

use serde_json::json;

use crate::{
    cluster::{Kind::Job, Namespace},
    control_plane::ControlPlane,
    exporter::Exporter,
    jobs::spec,
    metrics::Facts,
    patience::{EVENTUALLY, SOON, eventually},
};

/// For how long the processor is looked at while there is no API server.
const IDLE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn nothing_is_lost_when_the_api_server_is_restarted() {
    let (plane, exporter, namespace) = begin().await;
    let before = shown(&exporter).await;
    plane.kill_api_server();
    is_down(&exporter).await;
    assert_eq!(shown(&exporter).await, before);
    let up = async {
        plane.up().await;
        is_up(&exporter).await;
    };
    let watched = async {
        loop {
            assert_eq!(shown(&exporter).await, before);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = up => {}
        () = watched => {}
    }
    assert_eq!(shown(&exporter).await, before);
    create(&namespace, "late").await;
    eventually("the watch goes on", SOON, async || {
        let jobs = jobs(&exporter).await;
        if jobs == ["early", "late"] {
            Ok(())
        } else {
            Err(jobs)
        }
    })
    .await;
    exporter.stop().await;
}

#[tokio::test]
async fn another_days_state_is_followed() {
    let (plane, exporter, _) = begin().await;
    let before = shown(&exporter).await;
    plane.kill_api_server();
    is_down(&exporter).await;
    let begin = exporter.cpu();
    tokio::time::sleep(IDLE).await;
    let used = exporter.cpu().saturating_sub(begin);
    println!("used {used:?} of processor time in {IDLE:?} without API server");
    assert!(used < IDLE / 50, "{used:?} of processor time in {IDLE:?}");
    assert_eq!(shown(&exporter).await, before);
    assert_eq!(exporter.up().await, Some(0.0));

    plane.down();
    plane.forget();
    plane.up().await;
    let namespace = plane.cluster().await.namespace("new").await;
    create(&namespace, "other").await;
    is_up(&exporter).await;
    eventually("only the new state is shown", SOON, async || {
        let jobs = jobs(&exporter).await;
        if jobs == ["other"] { Ok(()) } else { Err(jobs) }
    })
    .await;
    create(&namespace, "later").await;
    eventually("the new state is followed", SOON, async || {
        let jobs = jobs(&exporter).await;
        if jobs == ["later", "other"] {
            Ok(())
        } else {
            Err(jobs)
        }
    })
    .await;
    exporter.stop().await;
}

/// A control plane with one Job, which is shown.
async fn begin() -> (ControlPlane, Exporter, Namespace) {
    let plane = ControlPlane::start().await;
    let namespace = plane.cluster().await.namespace("outage").await;
    create(&namespace, "early").await;
    let exporter = Exporter::discovering(&plane.kubeconfig()).await;
    exporter.is_ready().await;
    assert_eq!(jobs(&exporter).await, ["early"]);
    (plane, exporter, namespace)
}

async fn create(namespace: &Namespace, job: &str) {
    namespace
        .create(Job, job, spec("succeed", &json!({}), json!({})))
        .await;
}

/// All that is shown of Jobs.
async fn shown(exporter: &Exporter) -> Facts {
    exporter.scrape().await.facts("batch_", &[])
}

/// The names of the Jobs shown. Each is a workload of its own.
async fn jobs(exporter: &Exporter) -> Vec<String> {
    let facts = exporter.scrape().await.facts("batch_job_created_", &[]);
    let name = |fact: &str| {
        Some(
            fact.split_once("job_name=\"")?
                .1
                .split_once('"')?
                .0
                .to_owned(),
        )
    };
    let mut names: Vec<_> = facts.keys().filter_map(|fact| name(fact)).collect();
    names.sort();
    names
}

async fn is_down(exporter: &Exporter) {
    eventually("the target is down", SOON, async || {
        match exporter.up().await {
            Some(0.0) => Ok(()),
            up => Err(up),
        }
    })
    .await;
}

async fn is_up(exporter: &Exporter) {
    // The longest pause between two attempts is 30 s.
    eventually("the target is up", EVENTUALLY, async || {
        match exporter.up().await {
            Some(1.0) => Ok(()),
            up => Err(up),
        }
    })
    .await;
}
