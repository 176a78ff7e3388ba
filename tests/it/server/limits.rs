//! Many clients at once: silent, idle, slow and busy ones.

use std::collections::VecDeque;

use job_status_exporter::app;
use tokio::time::timeout;

use super::{client::Client, *};

/// What a client sends before it falls silent.
const SILENT: &str = "";
const PART_OF_A_HEAD: &str = "GET /metrics HTTP/1.1\r\nHos";
const WHOLE_REQUEST: &str = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";

/// Connects, and sends a request or a part of it. Reads the response to a whole one.
async fn connect(server: &RunningServer, sent: &str) -> Client {
    let mut client = server.connect().await;
    client.send(sent).await;
    if sent == WHOLE_REQUEST {
        assert_eq!(client.response("GET").await.status, 200);
    }
    client
}

/// Starts a scrape and reads nothing of its body.
async fn start_scrape(server: &RunningServer) -> Client {
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    assert_eq!(client.head().await.0, 200);
    client
}

/// Shorter than any timeout of the server, and long enough for a busy machine. A response takes milliseconds.
const SOON: Duration = Duration::from_secs(3);

/// Asserts that a page is there soon.
async fn assert_fast(server: &RunningServer, path: &str) {
    let start = Instant::now();
    assert_eq!(server.get(path).await.status, 200, "{path}");
    let passed = start.elapsed();
    assert!(passed < SOON, "{path} took {passed:?}");
}

#[tokio::test]
async fn a_thousand_clients_that_send_nothing_more_delay_no_scrape() {
    for sent in [SILENT, PART_OF_A_HEAD, WHOLE_REQUEST] {
        let server = running_server().await;
        let mut open = VecDeque::new();
        for count in 0..1000 {
            open.push_back(connect(&server, sent).await);
            // The oldest one gave way. Closing it here keeps the test within its own limit of descriptors.
            if count >= 300 {
                let mut oldest = open.pop_front().expect("300");
                assert_eq!(oldest.rest().await, b"");
            }
            if count % 100 == 99 {
                assert_fast(&server, "/metrics").await;
                assert_fast(&server, "/livez").await;
            }
        }
    }
}

#[tokio::test]
async fn a_full_server_closes_the_oldest_idle_connection() {
    let settings = ServerSettings {
        max_connections: 3,
        ..ServerSettings::default()
    };
    let server = start(TestData::new(scrape), settings).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(connect(&server, WHOLE_REQUEST).await);
    }
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(idle[0].rest().await, b"");
    idle[2].send(WHOLE_REQUEST).await;
    assert_eq!(idle[2].response("GET").await.status, 200);
}

#[tokio::test]
async fn a_server_full_of_scrapes_responds_503_at_once_but_serves_probes() {
    let settings = ServerSettings {
        max_connections: 3,
        ..ServerSettings::default()
    };
    let server = start(large(&Arc::default()), settings).await;
    let mut busy = Vec::new();
    for _ in 0..3 {
        busy.push(start_scrape(&server).await);
    }
    let mut late = server.connect().await;
    late.send(request("GET", "/metrics")).await;
    let response = late.response("GET").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.headers["connection"], "close");
    assert!(response.headers.contains_key("retry-after"));
    assert_eq!(late.rest().await, b"");
    // Rejected connections that send nothing take no probe's place.
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(server.connect().await);
    }
    assert_fast(&server, "/livez").await;
    // Clients that read nothing for some seconds give way.
    let retrying = async { while server.get("/metrics").await.status == 503 {} };
    timeout(client::TEST_TIMEOUT, retrying)
        .await
        .expect("a connection gives way");
}

#[tokio::test]
async fn scrapes_that_nobody_reads_give_way_to_others() {
    let server = start(large(&Arc::default()), ServerSettings::default()).await;
    let mut unread = Vec::new();
    for _ in 0..16 {
        unread.push(start_scrape(&server).await);
    }
    let start = Instant::now();
    let mut client = server.connect().await;
    client.send(request("GET", "/metrics")).await;
    let response = client.response("GET").await;
    assert_eq!((response.status, response.body.len()), (200, 100_000_000));
    let waited = start.elapsed();
    assert!(waited < Duration::from_secs(5), "waited {waited:?}");
    let rest = unread[0].rest().await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the response looks complete");
}

#[test]
fn fifty_scrapes_at_once_delay_no_probe() {
    let runtime = app::runtime().expect("threads");
    runtime.block_on(scrape_fifty_times_and_probe());
}

async fn scrape_fifty_times_and_probe() {
    // As a scrape of 100,000 Jobs keeps a thread busy.
    let busy = || {
        (0..20).map(|_| {
            let start = std::time::Instant::now();
            while start.elapsed() < Duration::from_millis(4) {}
            Bytes::from(vec![b'x'; 100_000])
        })
    };
    let server = start(TestData::new(busy), ServerSettings::default()).await;
    let mut scrapes = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut client = server.connect().await;
        client.send(request("GET", "/metrics")).await;
        scrapes.spawn(async move { client.response("GET").await });
    }
    assert_eq!(server.get("/livez").await.status, 200);
    let mut ended = 0;
    while let Some(scrape) = scrapes.try_join_next() {
        assert_eq!(scrape.expect("no panic").status, 200);
        ended += 1;
    }
    assert!(ended < 25, "the probe waited for {ended} scrapes");
}

#[tokio::test]
async fn shutdown_keeps_its_deadline_whatever_clients_do() {
    let settings = ServerSettings {
        max_connections: 4,
        shutdown_timeout: Duration::from_millis(50),
        ..ServerSettings::default()
    };
    let mut server = start(large(&Arc::default()), settings).await;
    let mut clients = vec![start_scrape(&server).await];
    for sent in [SILENT, PART_OF_A_HEAD, WHOLE_REQUEST] {
        clients.push(connect(&server, sent).await);
    }
    // Connections that are evicted, rejected, or wait in the backlog.
    for _ in 0..50 {
        clients.push(connect(&server, SILENT).await);
    }
    let start = Instant::now();
    server.start_shutdown();
    server.end().await;
    let passed = start.elapsed();
    assert!(passed < SOON, "took {passed:?}");
}
