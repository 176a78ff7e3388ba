//! The server over real sockets, with regular, slow and invalid clients.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use job_status_exporter::{
    metrics::{self, Metrics},
    model::{Change, FeedScope, Sink as _, Update},
    server::readiness::Readiness,
    server::{ExporterData, ExporterRecord, LoadedConfig, ServerSettings},
    store::{Store, TargetStore},
};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};

pub(crate) mod client;
mod hostile;
mod limits;
mod sockets;
pub(crate) mod tls;

use client::{RunningServer, TestData, request, start};

/// Ten chunks of about 60 KB.
fn scrape() -> impl Iterator<Item = Bytes> + Send + 'static {
    (0..10).map(|block| {
        let lines = (0..1000).map(|job| {
            format!(
                "batch_job_info{{job_name=\"{block}-{job}\",uid=\"{}\"}} 1\n",
                job * 7919
            )
        });
        Bytes::from(lines.collect::<String>())
    })
}

fn whole_scrape() -> Vec<u8> {
    scrape().collect::<Vec<_>>().concat()
}

async fn running_server() -> RunningServer {
    start(TestData::new(scrape), ServerSettings::default()).await
}

#[tokio::test]
async fn all_addresses_serve_the_same() {
    let mut server = running_server().await;
    assert_eq!(server.get("/metrics").await.body, whole_scrape());
    server.addresses.swap(0, 1);
    assert_eq!(server.get("/metrics").await.body, whole_scrape());
}

#[tokio::test]
async fn the_gzip_scrape_unzips_to_the_plain_scrape() {
    let server = running_server().await;
    let mut client = server.connect().await;
    client
        .send("GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
        .await;
    let response = client.response("GET").await;
    assert_eq!(response.headers["content-encoding"], "gzip");
    assert_eq!(response.headers["vary"], "Accept, Accept-Encoding");
    assert!(response.body.len() < whole_scrape().len() / 4);
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(response.body.as_slice())
        .read_to_end(&mut plain)
        .expect("gzip");
    assert!(plain == whole_scrape());
}

#[tokio::test]
async fn a_connection_is_reused() {
    let server = running_server().await;
    let mut client = server.connect().await;
    for (method, path, status) in [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/", 200),
        ("GET", "/nowhere", 404),
        ("POST", "/metrics", 405),
        ("GET", "/livez", 200),
    ] {
        client.send(request(method, path)).await;
        let response = client.response(method).await;
        assert_eq!(response.status, status, "{method} {path}");
    }
}

#[tokio::test]
async fn pipelined_requests_get_their_responses_in_order() {
    let server = running_server().await;
    let mut client = server.connect().await;
    let all = ["/livez", "/metrics", "/readyz"].map(|path| request("GET", path));
    client.send(all.concat()).await;
    assert_eq!(client.response("GET").await.text(), "ok\n");
    assert!(client.response("GET").await.body == whole_scrape());
    assert_eq!(client.response("GET").await.text(), "ready\n");
}

#[tokio::test]
async fn a_head_request_gets_the_headers_of_a_get_request() {
    let server = running_server().await;
    for path in [
        "/metrics",
        "/",
        "/targets",
        "/api/v1/workloads",
        "/livez",
        "/readyz",
        "/nowhere",
    ] {
        let get = server.get(path).await;
        let mut client = server.connect().await;
        client.send(request("HEAD", path)).await;
        let head = client.response("HEAD").await;
        assert_eq!(head.status, get.status, "{path}");
        let mut expected = get.headers;
        // A response without a body has no transfer encoding.
        expected.remove("transfer-encoding");
        expected.remove("date");
        let mut headers = head.headers;
        headers.remove("date");
        assert_eq!(headers, expected, "{path}");
        client.half_close().await;
        assert_eq!(client.rest().await, b"", "{path}");
    }
}

#[tokio::test]
async fn other_methods_get_405_with_the_allowed_methods() {
    let server = running_server().await;
    let requests = [
        "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
        "PUT /livez HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n",
        // The server does not wait for the body and does not ask for it.
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
        "POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nthe first bytes",
    ];
    for request in requests {
        let mut client = server.connect().await;
        client.send(request).await;
        let response = client.response("POST").await;
        assert_eq!(response.status, 405, "{request}");
        assert_eq!(response.headers["allow"], "GET, HEAD", "{request}");
    }
}

#[tokio::test]
async fn a_get_request_with_a_body_gets_its_response() {
    let server = running_server().await;
    let mut client = server.connect().await;
    client
        .send("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.response("GET").await.text(), "ok\n");
}

#[tokio::test]
async fn the_end_of_the_connection_ends_an_http_1_0_response() {
    let server = running_server().await;
    let mut client = server.connect().await;
    client.send("GET /metrics HTTP/1.0\r\n\r\n").await;
    let response = client.response("GET").await;
    assert!(!response.headers.contains_key("transfer-encoding"));
    assert!(response.body == whole_scrape());
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_request_head_times_out() {
    let server = running_server().await;
    let mut client = server.connect().await;
    client.send("GET /livez HTTP/1.1\r\nHost: x\r\n").await;
    let start = Instant::now();
    assert_eq!(client.rest().await, b"");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn a_panic_ends_only_its_own_connection() {
    let scrapes = AtomicUsize::new(0);
    let data = TestData::new(move || {
        let first = scrapes.fetch_add(1, Ordering::Relaxed) == 0;
        scrape().inspect(move |_| assert!(!first, "the first scrape panics on purpose"))
    });
    let server = start(data, ServerSettings::default()).await;
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    let response = client.rest().await;
    assert!(
        !response.ends_with(b"0\r\n\r\n"),
        "the response looks complete"
    );
    assert!(server.get("/metrics").await.body == whole_scrape());
}

/// A scrape of 100 MB, more than socket buffers can hold. It counts the chunks it makes.
fn large(made: &Arc<AtomicUsize>) -> TestData {
    let made = Arc::clone(made);
    TestData::new(move || {
        let made = Arc::clone(&made);
        let chunk = Bytes::from(vec![b'x'; 100_000]);
        (0..1000).map(move |_| {
            made.fetch_add(1, Ordering::Relaxed);
            chunk.clone()
        })
    })
}

#[tokio::test]
async fn a_client_may_close_its_sending_side_after_the_request() {
    let server = start(large(&Arc::default()), ServerSettings::default()).await;
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    client.half_close().await;
    assert_eq!(client.response("GET").await.body.len(), 100_000_000);
    assert_eq!(client.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn chunks_of_a_scrape_are_made_when_the_client_reads() {
    let made = Arc::new(AtomicUsize::new(0));
    let server = start(large(&made), ServerSettings::default()).await;
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    client.head().await;
    client.exactly(100_000).await;
    // With paused time, the sleep ends when all tasks are idle.
    sleep(Duration::from_secs(1)).await;
    let made = made.load(Ordering::Relaxed);
    assert!((1..500).contains(&made), "{made} of 1000 chunks");
}

#[tokio::test]
async fn an_open_scrape_is_completed_at_shutdown() {
    let made = Arc::new(AtomicUsize::new(0));
    let mut server = start(large(&made), ServerSettings::default()).await;
    let mut idle = server.connect().await;
    idle.send(request("GET", "/livez")).await;
    idle.response("GET").await;
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    let (status, _) = client.head().await;
    server.start_shutdown();
    assert_eq!(
        idle.rest().await,
        b"",
        "idle connections are closed at once"
    );
    let refused = TcpStream::connect(server.addresses[0]).await;
    assert!(refused.is_err(), "the port is still open");

    assert!(
        made.load(Ordering::Relaxed) < 1000,
        "the scrape was complete before the shutdown"
    );
    let body = client.rest().await;
    assert_eq!(status, 200);
    assert!(body.len() > 100_000_000 && body.ends_with(b"0\r\n\r\n"));
    server.end().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_disconnected_after_the_shutdown_timeout() {
    let made = Arc::new(AtomicUsize::new(0));
    let settings = ServerSettings {
        shutdown_timeout: Duration::from_millis(50),
        ..ServerSettings::default()
    };
    let mut server = start(large(&made), settings).await;
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    client.head().await;
    server.start_shutdown();
    server.end().await;
    let rest = client.rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the response looks complete");
}

#[tokio::test]
async fn pages_show_the_targets_and_their_readiness() {
    let target = TargetStore::new(Some("prod".into()), Arc::default());
    let target = Arc::new(target);
    let jobs = target.clone().register(FeedScope::Jobs(None));
    let store = Arc::new(Store::new(vec![target]));
    let grace = Duration::from_hours(1);
    let readiness = Arc::new(Readiness::new(store.clone(), grace));
    let metrics = Metrics::new(Arc::clone(&store), &metrics::MetricsSettings::default());
    let record = Arc::new(ExporterRecord::new(LoadedConfig::default(), None));
    let data = ExporterData::new(metrics, store, Arc::clone(&readiness), record);
    let mut server = start(data, ServerSettings::default()).await;

    let waiting = server.get("/readyz").await;
    assert_eq!(waiting.status, 503);
    assert!(waiting.text().contains("prod"));
    let page = server.get("/").await;
    assert!(
        page.text()
            .contains("<b>Target prod</b>: not read completely yet")
    );
    assert!(page.text().contains("Nothing was read yet"));

    jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
    assert_eq!(server.get("/readyz").await.status, 200);
    let page = server.get("/").await;
    assert!(page.text().contains("1 target up"));
    assert!(!page.text().contains("Target prod"));
    let metrics = server.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.headers["content-type"].starts_with("text/plain"));

    server.start_shutdown();
    server.end().await;
}
