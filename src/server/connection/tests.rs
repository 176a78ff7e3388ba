//! Slow clients, with paused time and an in-memory pipe for a socket.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::server::{ServerSettings, tests::TestData};

use super::*;

mod tls;

const CHUNK: usize = 100_000;
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

fn router(data: TestData) -> Router {
    Router::new(Arc::new(data), &ServerSettings::default())
}

fn connection(io: DuplexStream, data: TestData) -> Connection<DuplexStream> {
    Connection {
        io,
        peer: Peer::Unix,
        state: ConnectionState::new(),
        tls: None,
        router: router(data),
        shutdown: CancellationToken::new(),
    }
}

/// The client side of a served connection, and its server task.
fn connect(data: TestData) -> (DuplexStream, JoinSet<()>) {
    let (client, server) = duplex(16 * 1024);
    let mut task = JoinSet::new();
    task.spawn(connection(server, data).serve());
    (client, task)
}

/// A scrape of 1000 chunks that counts the chunks it makes. It holds a reference to the counter until it is dropped.
fn thousand_chunks(made: &Arc<AtomicUsize>) -> TestData {
    let made = Arc::clone(made);
    TestData::scraping(move |_| {
        let made = Arc::clone(&made);
        Box::new((0..1000).map(move |_| {
            made.fetch_add(1, Ordering::Relaxed);
            Bytes::from(vec![b'x'; CHUNK])
        }))
    })
}

/// Reads one response that fits the pipe.
async fn read_response(client: &mut DuplexStream) -> String {
    let mut buffer = vec![0; 4096];
    let length = client.read(&mut buffer).await.expect("a response");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Reads until the server closes the connection, and returns the seconds until then.
async fn seconds_until_closed(client: &mut DuplexStream) -> u64 {
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("the end");
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_nothing_is_disconnected() {
    let (mut client, _task) = connect(TestData::new());
    assert_eq!(seconds_until_closed(&mut client).await, 5);
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_head_times_out_although_bytes_keep_coming() {
    let (mut client, mut task) = connect(TestData::new());
    let start = Instant::now();
    let send_slowly = async {
        for byte in LIVEZ {
            client.write_all(&[*byte]).await.expect("open");
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = send_slowly => panic!("a head of {} seconds was accepted", LIVEZ.len()),
        result = task.join_next() => result.expect("one task").expect("no panic"),
    }
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_idle_between_scrapes() {
    let (mut client, _task) = connect(TestData::new());
    for pause in [0, 15, 60, 5 * 60] {
        sleep(Duration::from_secs(pause)).await;
        client.write_all(LIVEZ).await.expect("still open");
        let response = read_response(&mut client).await;
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
    assert_eq!(seconds_until_closed(&mut client).await, 6 * 60);
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_later_request_head_starts_at_its_first_byte() {
    let (mut client, _task) = connect(TestData::new());
    client.write_all(LIVEZ).await.expect("open");
    read_response(&mut client).await;
    sleep(Duration::from_mins(1)).await;
    client.write_all(b"GET /li").await.expect("open");
    assert_eq!(seconds_until_closed(&mut client).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_is_disconnected_and_its_scrape_dropped() {
    let made = Arc::new(AtomicUsize::new(0));
    let (mut client, mut task) = connect(thousand_chunks(&made));
    client.write_all(METRICS).await.expect("open");
    let start = Instant::now();
    task.join_next().await.expect("one task").expect("no panic");
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(Arc::strong_count(&made), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn chunks_are_made_when_the_client_reads() {
    let made = Arc::new(AtomicUsize::new(0));
    let (mut client, _task) = connect(thousand_chunks(&made));
    client.write_all(METRICS).await.expect("open");
    let mut read = 0;
    let mut buffer = vec![0; CHUNK];
    while read < 50 * CHUNK {
        read += client.read(&mut buffer).await.expect("data");
        let made = made.load(Ordering::Relaxed);
        assert!(made <= read / CHUNK + 2, "{made} chunks for {read} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_reaches_the_response_timeout() {
    let made = Arc::new(AtomicUsize::new(0));
    let (mut client, mut task) = connect(thousand_chunks(&made));
    client.write_all(METRICS).await.expect("open");
    let start = Instant::now();
    let mut buffer = vec![0; 4096];
    let read_slowly = async {
        loop {
            sleep(Duration::from_secs(20)).await;
            client.read_exact(&mut buffer).await.expect("data");
        }
    };
    tokio::select! {
        () = read_slowly => {}
        result = task.join_next() => result.expect("one task").expect("no panic"),
    }
    assert_eq!(start.elapsed().as_secs(), 5 * 60);
    assert_eq!(Arc::strong_count(&made), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn an_evicted_connection_is_closed_at_once_and_its_scrape_dropped() {
    let made = Arc::new(AtomicUsize::new(0));
    let (mut client, server) = duplex(1024);
    let connection = connection(server, thousand_chunks(&made));
    let state = connection.state.clone();
    let mut task = JoinSet::new();
    task.spawn(connection.serve());
    client.write_all(METRICS).await.expect("open");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(Arc::strong_count(&made), 3, "no scrape is under way");
    state.evict();
    assert_eq!(seconds_until_closed(&mut client).await, 0);
    task.join_next().await.expect("one task").expect("no panic");
    assert_eq!(Arc::strong_count(&made), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn a_rejected_client_that_sends_nothing_is_disconnected_soon() {
    let (mut client, server) = duplex(1024);
    let mut task = JoinSet::new();
    task.spawn(connection(server, TestData::new()).reject());
    assert_eq!(seconds_until_closed(&mut client).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_before_shutdown_gets_its_response() {
    // Repeated, since the outcome must not depend on which of the two events is polled first.
    for _ in 0..20 {
        let (mut client, server) = duplex(1024);
        let connection = connection(server, TestData::new());
        client.write_all(LIVEZ).await.expect("open");
        connection.shutdown.cancel();
        connection.serve().await;
        let mut response = String::new();
        client
            .read_to_string(&mut response)
            .await
            .expect("a response");
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
    }
}
