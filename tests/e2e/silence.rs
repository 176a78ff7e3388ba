//! The network between the exporter and the API server drops everything for minutes, with or without closing connections.
//!
//! The exporter must notice, and must not conclude anything about the cluster, in which all runs start as scheduled.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    cluster::{Cluster, Kind::CronJob, Namespace, kubeconfig_of},
    exporter::Exporter,
    jobs::spec,
    metrics::Metrics,
    proxy::Proxy,
    wait::{TIMEOUT, WATCH_LATENCY, eventually, eventually_equals},
};

/// A watch without an event or bookmark for this time is dead, as is a connection without an answer to a PING before.
/// `stale_after` is 10 minutes.
const MAX_SILENCE: Duration = Duration::from_secs(150);

/// How late a run may start. Two due times are later than that before the network works again.
const GRACE: &str = "10s";

/// How long the API is silent or cut off.
const CUT: Duration = Duration::from_secs(130);

/// The timeout of a poll, which is also its interval.
const POLL_TIMEOUT: Duration = Duration::from_secs(5);

/// Both kinds of targets, each with a feed of Jobs and one of CronJobs.
const TARGETS: [&str; 2] = ["watched", "polled"];

/// Whether a target is up, the number of its feeds, and how many of them fail.
type Health = [Option<f64>; 3];

const WORKING: Health = [Some(1.0), Some(2.0), Some(0.0)];

const FAILING: Health = [Some(0.0), Some(2.0), Some(2.0)];

#[tokio::test]
async fn a_silent_network_is_noticed_and_nothing_is_concluded_from_it() {
    let namespace = Cluster::from_env().await.namespace("silence").await;
    let template = json!({"spec": spec("succeed", &json!({}), json!({}))});
    let minutely = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "minutely", minutely).await;
    let proxy = Proxy::start(kubeconfig_of("token-reader")).await;
    let exporter = start(&proxy, &namespace).await;
    assert_eq!(health(&exporter.scrape().await), [WORKING; 2]);

    proxy.freeze();
    let start = Instant::now();
    let limit = MAX_SILENCE + WATCH_LATENCY;
    eventually("both feeds of the watched target fail", limit, async || {
        let metrics = exporter.scrape().await;
        assert_nothing_is_overdue(&metrics);
        match health(&metrics) {
            [FAILING, FAILING] => Ok(()),
            [watched, polled] if start.elapsed() > 3 * POLL_TIMEOUT => {
                assert_eq!(polled, FAILING);
                Err([watched, polled])
            }
            health => Err(health),
        }
    })
    .await;
    println!("the silence was noticed after {:?}", start.elapsed());
    // Two runs are due before the network works again.
    while start.elapsed() < CUT {
        assert_nothing_is_overdue(&exporter.scrape().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    proxy.thaw();
    // The longest backoff of a watch is 30 s. That of a poll is longer than this test should take.
    eventually_equals("the watched target", TIMEOUT, WORKING, async || {
        health(&exporter.scrape().await)[0]
    })
    .await;
    println!("the target was up {:?} after its start", start.elapsed());
    let labels = [("target", TARGETS[0]), ("workload", "minutely")];
    let what = "the runs of two due times, which were not seen";
    eventually(what, WATCH_LATENCY, async || {
        let metrics = exporter.scrape().await;
        let runs = metrics.samples("batch_workload_runs_total", &labels);
        let succeeded =
            |(series, runs): (&String, &f64)| series.contains("succeeded") && *runs >= 2.0;
        if runs.iter().any(succeeded) {
            Ok(())
        } else {
            Err(runs)
        }
    })
    .await;
    assert_nothing_is_overdue(&exporter.scrape().await);
    exporter.stop().await;
    namespace.remove().await;
}

#[tokio::test]
async fn nothing_is_concluded_while_the_api_is_cut_off() {
    let namespace = Cluster::from_env().await.namespace("cut").await;
    let template = json!({"spec": spec("succeed", &json!({}), json!({}))});
    let minutely = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "minutely", minutely).await;
    let proxy = Proxy::start(kubeconfig_of("token-reader")).await;
    let exporter = start(&proxy, &namespace).await;
    proxy.cut();
    eventually_equals("both targets", TIMEOUT, [FAILING; 2], async || {
        health(&exporter.scrape().await)
    })
    .await;
    let start = Instant::now();
    while start.elapsed() < CUT {
        assert_nothing_is_overdue(&exporter.scrape().await);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    proxy.mend();
    // The back-off may have grown to the length of the outage.
    eventually("both targets are up", CUT + TIMEOUT, async || {
        let metrics = exporter.scrape().await;
        assert_nothing_is_overdue(&metrics);
        match health(&metrics) {
            [WORKING, WORKING] => Ok(()),
            health => Err(health),
        }
    })
    .await;
    // Some of these runs nobody saw: their Jobs may be gone, but the status reports their starts.
    assert_nothing_is_overdue(&exporter.scrape().await);
    exporter.stop().await;
    namespace.remove().await;
}

/// Starts an exporter that reads the namespace through the proxy.
async fn start(proxy: &Proxy, namespace: &Namespace) -> Exporter {
    let scope = format!(
        "kubernetes: {{kubeconfig: '{}'}}, namespaces: {{include: [{}]}}",
        proxy.kubeconfig().display(),
        namespace.name
    );
    let [watched, polled] = TARGETS;
    let config = format!(
        "{{thresholds: {{start_grace: {GRACE}}}, targets: [
            {{name: {watched}, {scope}}},
            {{name: {polled}, {scope}, mode: poll, poll: {{interval: {0}s, timeout: {0}s}}}},
        ]}}",
        POLL_TIMEOUT.as_secs()
    );
    let exporter = Exporter::with_config(&config).await;
    exporter.wait_until_ready().await;
    exporter
}

fn health(metrics: &Metrics) -> [Health; 2] {
    TARGETS.map(|target| {
        ["up", "feeds", "failing_feeds"].map(|family| {
            let family = format!("job_status_exporter_target_{family}");
            metrics.value(&family, &[("target", target)])
        })
    })
}

fn assert_nothing_is_overdue(metrics: &Metrics) {
    for family in [
        "batch_cronjob_overdue_runs",
        "batch_cronjob_missed_runs_total",
    ] {
        let runs = metrics.samples(family, &[]);
        assert!(runs.values().all(|runs| *runs == 0.0), "{runs:?}");
    }
}
