//! Shutdown: signals, draining, exit codes.

use std::time::Duration;

use tokio::{
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

use super::{Cluster, Exporter, SYNCED, Setup};
use crate::server::client::{Client, TEST_TIMEOUT, request};

/// Starts an exporter of `cluster` with this shutdown timeout.
async fn start(cluster: &Cluster, shutdown_timeout: &str) -> Exporter {
    let config = format!(
        "web: {{listen_address: \"127.0.0.1:0\", shutdown_timeout: {shutdown_timeout}}}\n\
         targets: [{{kubernetes: {{kubeconfig: kubeconfig}}}}]\n"
    );
    let setup = Setup::new().kubeconfig("kubeconfig", &cluster.url(), "{}");
    setup.config(&config).start().await
}

/// Number of Jobs whose metrics do not fit in the buffers of a connection.
const JOBS: usize = 2_500;

async fn busy_cluster() -> Cluster {
    let cluster = Cluster::start().await;
    for number in 0..JOBS {
        cluster.add_job("etl", &format!("{}-{number}", "long-name".repeat(24)));
    }
    cluster
}

/// Starts a scrape and reads its first part.
async fn start_scrape(exporter: &Exporter) -> (Client, Vec<u8>) {
    let mut scraper = exporter.connect().await;
    scraper.send(request("GET", "/metrics")).await;
    assert_eq!(scraper.head().await.0, 200);
    let first_part = scraper.exactly(100_000).await;
    (scraper, first_part)
}

/// Completes the request of [`start_request`].
const REST: &str = "Host: exporter\r\n\r\n";

/// Sends the first half of a request, and waits until the exporter has accepted the connection.
async fn start_request(exporter: &Exporter, path: &str) -> Client {
    let mut client = exporter.connect().await;
    client.send(format!("GET {path} HTTP/1.1\r\n")).await;
    // Connections are accepted in order. A response on a later one means that this one has left the backlog.
    assert_eq!(exporter.get("/livez").await.status, 200);
    client
}

#[tokio::test]
async fn sigterm_and_sigint_end_the_process_with_exit_code_0() {
    let cluster = Cluster::start().await;
    for (short, name) in [("TERM", "SIGTERM"), ("INT", "SIGINT")] {
        let mut exporter = start(&cluster, "1h").await;
        exporter.logged(SYNCED).await;
        // Idle connections do not delay the shutdown, whether new or used.
        let mut used = exporter.connect().await;
        used.send(request("GET", "/livez")).await;
        assert_eq!(used.response("GET").await.status, 200);
        let _new = exporter.connect().await;

        exporter.signal(&[short]);
        let line = exporter.logged("shutting down").await;
        assert_eq!(line.text("signal"), name);
        let exited = timeout(TEST_TIMEOUT, exporter.exit()).await.unwrap();
        assert_eq!(exited.status.code(), Some(0), "{name}");
        assert_eq!(exited.lines().last().unwrap().text("message"), "stopped");
        assert_eq!(exited.stdout, "");
    }
}

#[tokio::test]
async fn an_open_scrape_is_completed_while_new_connections_are_refused() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1h").await;
    exporter.logged(SYNCED).await;
    let (mut scraper, mut scrape) = start_scrape(&exporter).await;
    let mut probe = start_request(&exporter, "/readyz").await;

    exporter.signal(&["TERM"]);
    exporter.logged("shutting down").await;
    let refused = async { while TcpStream::connect(exporter.address).await.is_ok() {} };
    timeout(TEST_TIMEOUT, refused)
        .await
        .expect("the port closes in time");
    probe.send(REST).await;
    let response = probe.response("GET").await;
    assert_eq!((response.status, response.text()), (503, "shutting down\n"));

    scrape.extend(scraper.rest().await);
    assert!(scrape.ends_with(b"0\r\n\r\n"), "the scrape is incomplete");
    let scrape = String::from_utf8(scrape).unwrap();
    assert_eq!(scrape.matches("\nbatch_job_info{").count(), JOBS);
    let exited = timeout(TEST_TIMEOUT, exporter.exit()).await.unwrap();
    assert_eq!(exited.status.code(), Some(0));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_after_the_shutdown_timeout() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1s").await;
    exporter.logged(SYNCED).await;
    let _stuck = start_scrape(&exporter).await;
    let start = Instant::now();
    exporter.signal(&["TERM"]);
    let message = "closed connections that did not finish within the shutdown timeout";
    assert_eq!(exporter.logged(message).await.text("level"), "WARN");
    assert_eq!(exporter.exit().await.status.code(), Some(0));
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_second_signal_aborts_the_shutdown() {
    let cluster = busy_cluster().await;
    let mut exporter = start(&cluster, "1h").await;
    exporter.logged(SYNCED).await;
    let _stuck = start_scrape(&exporter).await;
    exporter.signal(&["TERM"]);
    exporter.logged("shutting down").await;
    // A signal right after the first one is ignored.
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
    let exited = timeout(TEST_TIMEOUT, exporter.exit()).await.unwrap();
    assert_eq!(exited.status.code(), Some(1));
}

#[tokio::test]
async fn signals_that_arrive_together_count_as_one() {
    let cluster = Cluster::start().await;
    let mut exporter = start(&cluster, "1h").await;
    let mut probe = start_request(&exporter, "/livez").await;
    exporter.signal(&["TERM", "TERM", "INT"]);
    exporter.logged("shutting down").await;
    // Long enough for the other signals to arrive.
    sleep(Duration::from_millis(200)).await;
    probe.send(REST).await;
    assert_eq!(probe.response("GET").await.status, 200);
    assert_eq!(exporter.exit().await.status.code(), Some(0));
}
