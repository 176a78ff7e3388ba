//! HTTP/2, which a client chooses in the handshake.

use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::task::JoinSet;

use super::*;

/// A client, and the task of its connection. The task ends with the connection.
struct Http2Client {
    requests: SendRequest<Empty<Bytes>>,
    connection: JoinSet<hyper::Result<()>>,
}

async fn http2_client(side: &ServerSide, server: &RunningServer) -> Http2Client {
    let mut config = side.client();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connect(server.addresses[0], &config).await.unwrap();
    let io = TokioIo::new(stream);
    let handshake = Builder::new(TokioExecutor::new()).handshake(io).await;
    let (requests, task) = handshake.unwrap();
    let mut connection = JoinSet::new();
    connection.spawn(task);
    Http2Client {
        requests,
        connection,
    }
}

impl Http2Client {
    fn start(
        &mut self,
        method: &str,
        path: &str,
    ) -> impl Future<Output = hyper::Result<http::Response<hyper::body::Incoming>>> + use<> {
        let uri = format!("https://exporter.example{path}");
        let request = Request::builder().method(method).uri(uri);
        self.requests
            .send_request(request.body(Empty::new()).unwrap())
    }

    async fn get(&mut self, path: &str) -> (StatusCode, Bytes) {
        let response = self.start("GET", path).await.unwrap();
        assert_eq!(response.version(), Version::HTTP_2);
        let status = response.status();
        (status, response.collect().await.unwrap().to_bytes())
    }

    /// Waits until the server closes the connection.
    async fn end(&mut self) {
        let end = tokio::time::timeout(TEST_TIMEOUT, self.connection.join_next());
        let _ = end.await.expect("the end in time");
    }
}

#[tokio::test]
async fn one_connection_serves_requests_at_once_and_one_after_the_other() {
    let side = ServerSide::new();
    let server = side.start().await;
    let mut client = http2_client(&side, &server).await;
    for (path, status) in [("/livez", 200), ("/nowhere", 404), ("/metrics", 200)] {
        assert_eq!(client.get(path).await.0, status, "{path}");
    }
    // More than there may be at once: the client waits with the others.
    let started: Vec<_> = (0..20).map(|_| client.start("GET", "/metrics")).collect();
    for response in started {
        let body = response.await.unwrap().collect().await.unwrap();
        assert!(body.to_bytes() == whole_scrape());
    }
    for (path, length) in [("/metrics", None), ("/livez", Some("3"))] {
        let response = client.start("HEAD", path).await.unwrap();
        assert_eq!(response.status(), 200);
        let announced = response.headers().get("content-length");
        assert_eq!(announced.map(|it| it.to_str().unwrap()), length, "{path}");
        assert!(response.collect().await.unwrap().to_bytes().is_empty());
    }
    assert_eq!(client.start("POST", "/").await.unwrap().status(), 405);
}

#[tokio::test]
async fn a_head_that_is_too_large_gets_431() {
    let side = ServerSide::new();
    let server = side.start().await;
    let mut client = http2_client(&side, &server).await;
    let request = Request::builder()
        .uri("https://exporter.example/livez")
        .header("x-large", "x".repeat(20_000))
        .body(Empty::<Bytes>::new())
        .unwrap();
    let response = client.requests.send_request(request).await;
    // The client may see the limit first, which the server told it.
    if let Ok(response) = response {
        assert_eq!(response.status(), 431);
    }
    assert_eq!(client.get("/livez").await.0, 200);
}

#[tokio::test]
async fn a_response_under_way_is_complete_after_shutdown_began() {
    let side = ServerSide::new();
    let mut server = side.start().await;
    let mut client = http2_client(&side, &server).await;
    let response = client.start("GET", "/metrics").await.unwrap();
    server.start_shutdown();
    let body = response.collect().await.unwrap().to_bytes();
    assert!(body == whole_scrape());
    client.end().await;
    server.end().await;
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away_at_shutdown() {
    let side = ServerSide::new();
    let mut server = side.start().await;
    let mut client = http2_client(&side, &server).await;
    assert_eq!(client.get("/livez").await.0, 200);
    let start = Instant::now();
    server.start_shutdown();
    client.end().await;
    assert!(client.requests.is_closed());
    server.end().await;
    // The client confirms at once, so no timeout passes.
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_connection_beyond_the_limit_ends_after_its_first_response() {
    let side = ServerSide::new();
    let settings = ServerSettings {
        max_connections: 1,
        tls: Some(TlsHandle::new(prepare(&side.tls, true))),
        ..ServerSettings::default()
    };
    let server = start(large(&Arc::default()), settings).await;
    let mut busy = http2_client(&side, &server).await;
    let scrape = busy.start("GET", "/metrics").await.unwrap();
    let mut late = http2_client(&side, &server).await;
    assert_eq!(late.get("/metrics").await.0, 503);
    late.end().await;
    let mut probe = http2_client(&side, &server).await;
    assert_eq!(probe.get("/livez").await.0, 200);
    drop(scrape);
}

#[tokio::test]
async fn a_cancelled_scrape_is_dropped_and_the_connection_goes_on() {
    let side = ServerSide::new();
    let settings = ServerSettings {
        tls: Some(TlsHandle::new(prepare(&side.tls, true))),
        ..ServerSettings::default()
    };
    let made = Arc::new(AtomicUsize::new(0));
    let server = start(large(&made), settings).await;
    let held = Arc::strong_count(&made);
    let mut client = http2_client(&side, &server).await;
    let scrape = client.start("GET", "/metrics").await.unwrap();
    assert!(Arc::strong_count(&made) > held);
    drop(scrape);
    let released = async {
        while Arc::strong_count(&made) > held {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(TEST_TIMEOUT, released)
        .await
        .expect("the scrape is dropped");
    assert_eq!(client.get("/livez").await.0, 200);
}
