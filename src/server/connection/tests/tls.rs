//! Slow clients of TLS and of HTTP/2, with paused time.

use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::TokioExecutor;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::*;
use crate::{
    model,
    server::{
        connection_state::Rank,
        tls::{PreparedTls, tests::Identity},
    },
};

/// The client side of a connection whose handshake has not begun, and its server task.
struct Pipe {
    client: DuplexStream,
    state: ConnectionState,
    shutdown: CancellationToken,
    task: JoinSet<()>,
}

/// A client that trusts the server.
struct Side {
    tls: TlsHandle,
    config: ClientConfig,
}

fn side() -> Side {
    let identity = Identity::new();
    let prepared = PreparedTls::new(&identity.settings(), true, model::now()).unwrap();
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
    roots.add(certificate.unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Side {
        tls: TlsHandle::new(prepared),
        config,
    }
}

impl Side {
    fn accept(&self, data: TestData) -> Pipe {
        let (client, server) = duplex(16 * 1024);
        let mut connection = connection(server, data);
        connection.tls = Some(self.tls.clone());
        let (state, shutdown) = (connection.state.clone(), connection.shutdown.clone());
        let mut task = JoinSet::new();
        task.spawn(connection.serve());
        Pipe {
            client,
            state,
            shutdown,
            task,
        }
    }

    /// Completes a handshake with these protocols to choose from.
    async fn connect(&self, client: DuplexStream, protocols: &[&[u8]]) -> TlsStream<DuplexStream> {
        let mut config = self.config.clone();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("exporter.example").unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(name, client).await.unwrap()
    }
}

/// A client of HTTP/2 that takes this much of a response before it reads the body.
async fn http2_client(
    stream: TlsStream<DuplexStream>,
    window: u32,
    tasks: &mut JoinSet<()>,
) -> SendRequest<Empty<Bytes>> {
    let handshake = Builder::new(TokioExecutor::new())
        .initial_stream_window_size(window)
        .handshake(TokioIo::new(stream));
    let (requests, connection) = handshake.await.unwrap();
    tasks.spawn(async move { drop(connection.await) });
    requests
}

fn get(path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("https://exporter.example{path}");
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn seconds_until_ended(task: &mut JoinSet<()>, start: Instant) -> u64 {
    task.join_next().await.expect("one task").expect("no panic");
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_begins_no_handshake_is_disconnected() {
    let mut pipe = side().accept(TestData::new());
    assert_eq!(seconds_until_closed(&mut pipe.client).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_handshake_times_out_although_bytes_keep_coming() {
    let mut pipe = side().accept(TestData::new());
    let start = Instant::now();
    // The first bytes of a long message.
    let hello = [&[22, 3, 1, 1, 0, 1, 0, 0, 252, 3, 3][..], &[7; 100]].concat();
    let send_slowly = async {
        for byte in hello {
            pipe.client.write_all(&[byte]).await.expect("open");
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = send_slowly => panic!("a handshake of 100 seconds was accepted"),
        seconds = seconds_until_ended(&mut pipe.task, start) => assert_eq!(seconds, 10),
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_handshake_can_be_evicted() {
    let mut pipe = side().accept(TestData::new());
    pipe.client.write_all(&[22, 3, 1]).await.expect("open");
    sleep(Duration::from_secs(1)).await;
    let (rank, _) = pipe.state.rank(Instant::now()).expect("a rank");
    assert_eq!(rank, Rank::Silent);
    pipe.state.evict();
    assert_eq!(seconds_until_closed(&mut pipe.client).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_does_not_wait_for_a_handshake() {
    let mut pipe = side().accept(TestData::new());
    pipe.client.write_all(&[22, 3, 1]).await.expect("open");
    sleep(Duration::from_secs(1)).await;
    pipe.shutdown.cancel();
    let start = Instant::now();
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_without_request_after_its_handshake_is_disconnected() {
    let side = side();
    for (protocol, seconds) in [(&b"http/1.1"[..], 5), (b"h2", 5)] {
        let mut pipe = side.accept(TestData::new());
        let _stream = side.connect(pipe.client, &[protocol]).await;
        let start = Instant::now();
        assert_eq!(seconds_until_ended(&mut pipe.task, start).await, seconds);
    }
    // With HTTP/2, the settings are no request.
    let mut pipe = side.accept(TestData::new());
    let stream = side.connect(pipe.client, &[b"h2"]).await;
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    let _requests = http2_client(stream, 65_535, &mut tasks).await;
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 10);
}

#[tokio::test(start_paused = true)]
async fn an_http2_connection_may_be_idle_between_scrapes() {
    let side = side();
    let mut pipe = side.accept(TestData::new());
    let stream = side.connect(pipe.client, &[b"h2"]).await;
    let mut tasks = JoinSet::new();
    let mut requests = http2_client(stream, 65_535, &mut tasks).await;
    for pause in [0, 15, 60, 5 * 60] {
        sleep(Duration::from_secs(pause)).await;
        let response = requests.send_request(get("/metrics")).await.unwrap();
        assert_eq!(response.status(), 200);
        response.collect().await.unwrap();
    }
    let start = Instant::now();
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 6 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_opens_no_window_is_disconnected_and_its_scrape_dropped() {
    let side = side();
    let made = Arc::new(AtomicUsize::new(0));
    let mut pipe = side.accept(thousand_chunks(&made));
    let stream = side.connect(pipe.client, &[b"h2"]).await;
    let mut tasks = JoinSet::new();
    let mut requests = http2_client(stream, 10_000, &mut tasks).await;
    let _unread = requests.send_request(get("/metrics")).await.unwrap();
    let start = Instant::now();
    sleep(Duration::from_secs(2)).await;
    let (rank, _) = pipe.state.rank(Instant::now()).expect("a rank");
    assert_eq!(rank, Rank::SlowResponse);
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 30);
    assert_eq!(Arc::strong_count(&made), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn chunks_are_made_when_a_client_of_http2_reads() {
    let side = side();
    let made = Arc::new(AtomicUsize::new(0));
    let pipe = side.accept(thousand_chunks(&made));
    let stream = side.connect(pipe.client, &[b"h2"]).await;
    let mut tasks = JoinSet::new();
    let mut requests = http2_client(stream, 65_535, &mut tasks).await;
    let response = requests.send_request(get("/metrics")).await.unwrap();
    let mut body = response.into_body();
    let mut read = 0;
    while read < 50 * CHUNK {
        let frame = body.frame().await.expect("data").expect("data");
        read += frame.data_ref().expect("data").len();
        // The client has a window of its own.
        let made = made.load(Ordering::Relaxed);
        assert!(made <= read / CHUNK + 3, "{made} chunks for {read} bytes");
    }
}

/// The preface of HTTP/2 and empty settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0pingpong";

/// The head of `GET /livez`, as HTTP/2 has it.
fn raw_livez(stream: u8) -> Vec<u8> {
    // The method and the scheme are in the table of HPACK; the path and the authority follow their names.
    let head = b"\x82\x87\x04\x06/livez\x01\x01x";
    let length = u8::try_from(head.len()).unwrap();
    let ends_headers_and_stream = 5;
    let frame = [0, 0, length, 1, ends_headers_and_stream, 0, 0, 0, stream];
    [&frame[..], head].concat()
}

/// Whether the page is among the bytes that the server has sent.
async fn has_page(stream: &mut TlsStream<DuplexStream>) -> bool {
    let mut received = vec![0; 4096];
    let length = stream.read(&mut received).await.unwrap();
    received[..length].windows(3).any(|bytes| bytes == b"ok\n")
}

#[tokio::test(start_paused = true)]
async fn a_ping_on_an_idle_connection_of_http2_is_no_request() {
    let side = side();
    let mut pipe = side.accept(TestData::new());
    let mut stream = side.connect(pipe.client, &[b"h2"]).await;
    stream.write_all(PREFACE).await.unwrap();
    for number in [1, 3] {
        stream.write_all(&raw_livez(number)).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        assert!(has_page(&mut stream).await, "{number}");
        stream.write_all(PING).await.unwrap();
        sleep(Duration::from_mins(5)).await;
        assert!(!has_page(&mut stream).await);
    }
    let start = Instant::now();
    let rest_of_the_idle_timeout = 59;
    let seconds = seconds_until_ended(&mut pipe.task, start).await;
    assert_eq!(seconds, rest_of_the_idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http2_that_does_not_confirm_a_shutdown_is_disconnected() {
    let side = side();
    let mut pipe = side.accept(TestData::new());
    let mut stream = side.connect(pipe.client, &[b"h2"]).await;
    stream.write_all(PREFACE).await.unwrap();
    stream.write_all(&raw_livez(1)).await.unwrap();
    sleep(Duration::from_mins(1)).await;
    assert!(has_page(&mut stream).await);
    pipe.shutdown.cancel();
    let start = Instant::now();
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 2);
}

#[tokio::test(start_paused = true)]
async fn an_evicted_connection_of_http2_drops_all_its_scrapes() {
    let side = side();
    let made = Arc::new(AtomicUsize::new(0));
    let mut pipe = side.accept(thousand_chunks(&made));
    let stream = side.connect(pipe.client, &[b"h2"]).await;
    let mut tasks = JoinSet::new();
    let mut requests = http2_client(stream, 10_000, &mut tasks).await;
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(requests.send_request(get("/metrics")).await.unwrap());
    }
    let held = Arc::strong_count(&made);
    assert!(held > 3, "{held}");
    let start = Instant::now();
    pipe.state.evict();
    assert_eq!(seconds_until_ended(&mut pipe.task, start).await, 0);
    // Tasks that were aborted end at their next turn.
    tokio::task::yield_now().await;
    assert_eq!(Arc::strong_count(&made), 1, "a scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_connection_of_http2_ends_after_its_first_response() {
    let side = side();
    let (client, server) = duplex(16 * 1024);
    let mut connection = connection(server, TestData::new());
    connection.tls = Some(side.tls.clone());
    let mut task = JoinSet::new();
    task.spawn(connection.reject());
    let stream = side.connect(client, &[b"h2"]).await;
    let mut tasks = JoinSet::new();
    let mut requests = http2_client(stream, 65_535, &mut tasks).await;
    let response = requests.send_request(get("/metrics")).await.unwrap();
    assert_eq!(response.status(), 503);
    let start = Instant::now();
    assert_eq!(seconds_until_ended(&mut task, start).await, 0);
}
