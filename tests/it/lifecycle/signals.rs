//! The end: signals, the drain, exit codes.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{Cluster, Exporter, SYNCED, Setup};
use crate::server::client::{Client, PATIENCE, request};

/// An exporter of `cluster` whose drain may take this long.
async fn start(cluster: &Cluster, shutdown_timeout: &str) -> Exporter {
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\", shutdown_timeout: {shutdown_timeout}}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n"
    );
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    setup.config(&config).start().await
}

/// More Jobs than the buffers of a connection can hold the metrics of.
const MANY: usize = 2_500;

async fn busy_cluster() -> Cluster {
    let cluster = Cluster::start().await;
    for number in 0..MANY {
        cluster.add_job("etl", &format!("{}-{number}", "long-name".repeat(24)));
    }
    cluster
}

/// Begins a scrape and reads some of it.
async fn begin_scrape(exporter: &Exporter) -> (Client, Vec<u8>) {
    let mut scraper = exporter.connect().await;
    scraper.send(request("GET", "/metrics")).await;
    assert_eq!(scraper.head().await.0, 200);
    let begin = scraper.exactly(100_000).await;
    (scraper, begin)
}

/// What completes the request of [`begin_request`].
const REST: &str = "Host: exporter\r\n\r\n";

/// Sends half a request, and makes sure that the exporter has it.
async fn begin_request(exporter: &Exporter, path: &str) -> Client {
    let mut client = exporter.connect().await;
    client.send(format!("GET {path} HTTP/1.1\r\n")).await;
    // Connections are accepted in their order: where a later one is answered, the earlier is not in the backlog any more.
    assert_eq!(exporter.get("/livez").await.status, 200);
    client
}

#[tokio::test]
async fn a_signal_ends_it_quickly_and_well() {
    let cluster = Cluster::start().await;
    for (short, name) in [("TERM", "SIGTERM"), ("INT", "SIGINT")] {
        let mut exporter = start(&cluster, "1h").await;
        exporter.logged(SYNCED).await;
        // Idle connections do not hold it up, be they new or used.
        let mut used = exporter.connect().await;
        used.send(request("GET", "/livez")).await;
        assert_eq!(used.response("GET").await.status, 200);
        let _new = exporter.connect().await;

        exporter.signal(&[short]);
        let line = exporter.logged("shutting down").await;
        assert_eq!(line.text("signal"), name);
        let ended = timeout(PATIENCE, exporter.end()).await.unwrap();
        assert_eq!(ended.status.code(), Some(0), "{name}");
        assert_eq!(ended.lines().last().unwrap().text("message"), "bye");
        assert_eq!(ended.stdout, "");
    }
}

#[tokio::test]
async fn a_scrape_in_flight_is_finished_while_nothing_new_is_taken() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1h").await;
    exporter.logged(SYNCED).await;
    let (mut scraper, mut scrape) = begin_scrape(&exporter).await;
    let mut probe = begin_request(&exporter, "/readyz").await;

    exporter.signal(&["TERM"]);
    exporter.logged("shutting down").await;
    let refused = async { while TcpStream::connect(exporter.address).await.is_ok() {} };
    timeout(PATIENCE, refused)
        .await
        .expect("the port is closed");
    probe.send(REST).await;
    let answer = probe.response("GET").await;
    assert_eq!((answer.status, answer.text()), (503, "shutting down\n"));

    scrape.extend(scraper.rest().await);
    assert!(scrape.ends_with(b"0\r\n\r\n"), "the scrape was cut");
    let scrape = String::from_utf8(scrape).unwrap();
    assert_eq!(scrape.matches("\nbatch_job_info{").count(), MANY);
    let ended = timeout(PATIENCE, exporter.end()).await.unwrap();
    assert_eq!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn a_stuck_client_is_cut_when_the_time_to_shut_down_is_over() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1s").await;
    exporter.logged(SYNCED).await;
    let _stuck = begin_scrape(&exporter).await;
    let begin = Instant::now();
    exporter.signal(&["TERM"]);
    let cut = "cut connections that did not finish before the drain deadline";
    assert_eq!(exporter.logged(cut).await.text("level"), "WARN");
    assert_eq!(exporter.end().await.status.code(), Some(0));
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1h").await;
    exporter.logged(SYNCED).await;
    let _stuck = begin_scrape(&exporter).await;
    exporter.signal(&["TERM"]);
    exporter.logged("shutting down").await;
    // What follows right after the first is not yet a second.
    let aborted = loop {
        exporter.signal(&["INT"]);
        let next = timeout(
            Duration::from_millis(100),
            exporter.logged("aborted by a second signal (SIGINT)"),
        );
        if let Ok(line) = next.await {
            break line;
        }
    };
    assert_eq!(aborted.text("level"), "ERROR");
    let ended = timeout(PATIENCE, exporter.end()).await.unwrap();
    assert_eq!(ended.status.code(), Some(1));
}

#[tokio::test]
async fn a_signal_that_comes_twice_at_once_is_one() {
    let cluster = Cluster::start().await;
    let mut exporter = start(&cluster, "1h").await;
    let mut probe = begin_request(&exporter, "/livez").await;
    exporter.signal(&["TERM", "TERM", "INT"]);
    exporter.logged("shutting down").await;
    // Long enough for the others to arrive.
    sleep(Duration::from_millis(200)).await;
    probe.send(REST).await;
    assert_eq!(probe.response("GET").await.status, 200);
    assert_eq!(exporter.end().await.status.code(), Some(0));
}
