//! Probes of an API that is slow, refuses, or answers something else; and probes that share what there is.

use std::sync::atomic::{AtomicUsize, Ordering};

use batch_simulator::api::Permissions;
use futures_util::{
    FutureExt as _,
    future::{join, join_all},
};
use tokio::sync::Semaphore;

use super::*;
use crate::faults::server::{Answer, Request, Server};

/// Much shorter than the timeout of a target.
const SHORT: Duration = Duration::from_millis(200);

/// A script that answers each request in turn, and then with the last answer.
fn in_turn(answers: Vec<Answer>) -> impl Fn(&Request) -> Answer + Send + Sync + 'static {
    let seen = AtomicUsize::new(0);
    move |_| {
        let number = seen.fetch_add(1, Ordering::Relaxed);
        answers[number.min(answers.len() - 1)].clone()
    }
}

fn hanging() -> Answer {
    Answer::none().hang()
}

/// A server that has any Job, and answers one request for each permit of the gate.
async fn gated_server() -> (Server, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let answers = gate.clone();
    let server = Server::start(move |request| {
        let name = request.target.split('/').nth(7).unwrap();
        Answer::json(&job(name)).after(&answers)
    });
    (server.await, gate)
}

#[tokio::test]
async fn an_api_that_fails_is_a_page_that_says_so() {
    let text = job("load").to_string();
    let unknown_path = Answer::whole(404, &[], "404 page not found");
    for (what, answer) in [
        ("500", Answer::whole(500, &[], "")),
        ("401", Answer::whole(401, &[], "")),
        ("403", Answer::whole(403, &[], "")),
        ("another job", Answer::json(&job("other"))),
        ("HTML", Answer::whole(200, &[], "<html>")),
        ("a gateway's 404", unknown_path),
        ("closes the connection", Answer::none()),
        ("truncated", Answer::of_length(text.len()).send(&text[..50])),
    ] {
        let server = Server::start(move |_| answer.clone()).await;
        let probed = Bench::new(server.endpoint()).probe("etl/load").await;
        assert_eq!(probed.summary(), failed(), "{what}");
    }
}

#[tokio::test]
async fn a_missing_permission_fails_the_probe_until_it_is_granted() {
    let directory = tempfile::tempdir().unwrap();
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    let lister = Permissions::of_user("lister").allow(&["list", "watch"], &["jobs", "cronjobs"]);
    cluster.api.grant("token", lister.clone());
    let bench = Bench::new(cluster.endpoint_with_token(directory.path(), "token"));
    assert_eq!(bench.probe("etl/load").await.summary(), failed());
    assert_eq!(bench.requests(Code::Forbidden), 1);
    cluster
        .api
        .grant("token", lister.allow(&["get"], &["jobs/status"]));
    assert_eq!(
        bench.probe("etl/load").await.value("probe_success"),
        Some(1.0)
    );
}

#[tokio::test]
async fn a_job_that_cannot_be_decoded_exists_and_fails_the_probe() {
    let bad = json!({"metadata": {"namespace": "etl", "name": "load"}, "status": {"active": "x"}});
    let server = Server::start(move |_| Answer::json(&bad)).await;
    let probed = Bench::new(server.endpoint()).probe("etl/load").await;
    let expected = (Some(0.0), Some(1.0), Some(1.0), 0);
    assert_eq!(probed.summary(), expected);
}

#[tokio::test]
async fn a_slow_api_fails_the_probe_by_its_timeout_and_is_counted() {
    for answer in [hanging(), Answer::of_length(1000).send("{").hang()] {
        let server = Server::start(move |_| answer.clone()).await;
        let bench = Bench::new(server.endpoint());
        assert_eq!(
            bench.probe_within("etl/load", SHORT).await.summary(),
            failed()
        );
        assert_eq!(bench.requests(Code::Timeout), 1);
    }
}

#[tokio::test]
async fn the_timeout_of_the_target_is_the_longest() {
    let server = Server::start(|_| hanging()).await;
    let store = Arc::new(TargetStore::new(None, Arc::default()));
    let api = Arc::new(Api::new(server.endpoint(), store, None));
    let allowed = ProbeConfig {
        any: true,
        timeout: SHORT,
        ..ProbeConfig::default()
    };
    let settings = ProbeSettings::from_config(&Config::default(), &everything(), allowed);
    let prober = JobProber::new("prod".to_owned(), settings, api);
    let job = JobReference::parse("etl", "load").unwrap();
    let outcome = tokio::time::timeout(TEST_TIMEOUT, prober.probe(&job, Duration::MAX)).await;
    assert!(!outcome.expect("an outcome in time").succeeded());
}

#[tokio::test]
async fn concurrent_probes_of_one_job_share_one_request() {
    let (server, gate) = gated_server().await;
    let bench = Bench::new(server.endpoint());
    let mut probes: Vec<_> = (0..5).map(|_| Box::pin(bench.probe("etl/load"))).collect();
    probes.push(Box::pin(bench.probe("etl/other")));
    // Each probe waits before the API answers.
    for probe in &mut probes {
        assert!(probe.now_or_never().is_none());
    }
    gate.add_permits(2);
    for probed in join_all(probes).await {
        assert_eq!(probed.value("probe_success"), Some(1.0), "{probed:?}");
    }
    assert_eq!(server.requests("/load/").len(), 1);
    assert_eq!(server.requests("/other/").len(), 1);
    // A later probe sends a request of its own.
    gate.add_permits(1);
    bench.probe("etl/load").await;
    assert_eq!(server.requests("/load/").len(), 2);
}

#[tokio::test]
async fn a_probe_goes_on_when_the_one_that_sent_the_request_leaves() {
    let (server, gate) = gated_server().await;
    let bench = Bench::new(server.endpoint());
    let mut first = Box::pin(bench.probe("etl/load"));
    let mut second = Box::pin(bench.probe("etl/load"));
    assert!((&mut first).now_or_never().is_none());
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    gate.add_permits(1);
    assert_eq!(second.await.value("probe_success"), Some(1.0));
    assert_eq!(server.requests("").len(), 1);
}

#[tokio::test]
async fn a_probe_that_everybody_left_is_not_joined_by_the_next() {
    let (server, gate) = gated_server().await;
    let bench = Bench::new(server.endpoint());
    let left = tokio::time::timeout(SHORT, bench.probe("etl/load")).await;
    assert!(left.is_err());
    assert_eq!(server.requests("").len(), 1);
    gate.add_permits(2);
    assert_eq!(
        bench.probe("etl/load").await.value("probe_success"),
        Some(1.0)
    );
    assert_eq!(server.requests("").len(), 2);
}

#[tokio::test]
async fn a_probe_is_not_failed_by_the_shorter_timeout_of_another() {
    let server = Server::start(in_turn(vec![hanging(), Answer::json(&job("load"))])).await;
    let bench = Bench::new(server.endpoint());
    let short = bench.probe_within("etl/load", SHORT);
    let long = bench.probe("etl/load");
    let (short, long) = join(short, long).await;
    assert_eq!(short.value("probe_success"), Some(0.0));
    assert_eq!(long.value("probe_success"), Some(1.0));
    assert_eq!(server.requests("").len(), 2);
}

#[tokio::test]
async fn a_shorter_timeout_does_not_wait_for_the_longer_one_of_another() {
    let (server, gate) = gated_server().await;
    let bench = Bench::new(server.endpoint());
    let mut long = Box::pin(bench.probe("etl/load"));
    assert!((&mut long).now_or_never().is_none());
    let short = bench.probe_within("etl/load", SHORT).await;
    assert_eq!(short.summary(), failed());
    gate.add_permits(1);
    assert_eq!(long.await.value("probe_success"), Some(1.0));
    assert_eq!(server.requests("").len(), 1);
}

#[tokio::test]
async fn a_probe_waits_for_the_rate_limit_and_no_longer_than_its_timeout() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    // The second request is due in more than a minute.
    let limit = RateLimit::new(0.01);
    let bench = Bench::with_limit(cluster.endpoint(), Config::default(), Some(limit));
    assert_eq!(
        bench.probe("etl/load").await.value("probe_success"),
        Some(1.0)
    );
    assert_eq!(
        bench.probe_within("etl/load", SHORT).await.summary(),
        failed()
    );
    assert_eq!(cluster.api.requests().len(), 1, "it was not sent");
    assert_eq!(bench.requests(Code::Ok), 1);
    assert_eq!(bench.requests(Code::Timeout), 0);
}
