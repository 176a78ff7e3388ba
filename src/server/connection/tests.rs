//! Slow clients, on paused time and a pipe instead of a socket.

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

use crate::server::tests::TestPages;

use super::*;

const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
const CHUNK: usize = 100_000;
const LIVEZ: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const METRICS: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

fn router(pages: TestPages) -> Router {
    Router::new(Arc::new(pages), "/metrics".to_owned())
}

/// A served connection, seen from the client; it ends with the set.
fn connect(pages: TestPages) -> (DuplexStream, JoinSet<()>) {
    let (client, server) = duplex(16 * 1024);
    let mut task = JoinSet::new();
    task.spawn(serve(server, PEER, router(pages), CancellationToken::new()));
    (client, task)
}

/// A scrape of a thousand chunks, counting those that were asked for; the counter is shared as long as the scrape lives.
fn thousand_chunks(asked: &Arc<AtomicUsize>) -> TestPages {
    let asked = Arc::clone(asked);
    TestPages::scraping(move |_| {
        let asked = Arc::clone(&asked);
        Box::new((0..1000).map(move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            Bytes::from(vec![b'x'; CHUNK])
        }))
    })
}

/// Reads one answer that fits the pipe.
async fn read_some(client: &mut DuplexStream) -> String {
    let mut buffer = vec![0; 4096];
    let length = client.read(&mut buffer).await.expect("an answer");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// Seconds until the server hangs up, with everything it says until then read.
async fn seconds_until_cut(client: &mut DuplexStream) -> u64 {
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.expect("the end");
    start.elapsed().as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_nothing_is_cut() {
    let (mut client, _task) = connect(TestPages::new());
    assert_eq!(seconds_until_cut(&mut client).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_dripping_head_is_cut_however_steady() {
    let (mut client, mut task) = connect(TestPages::new());
    let start = Instant::now();
    let drip = async {
        for byte in LIVEZ {
            client.write_all(&[*byte]).await.expect("open");
            sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = drip => panic!("a head of {} seconds was accepted", LIVEZ.len()),
        ended = task.join_next() => ended.expect("one").expect("no panic"),
    }
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_connection_may_idle_between_scrapes() {
    let (mut client, _task) = connect(TestPages::new());
    for pause in [0, 15, 60, 5 * 60] {
        sleep(Duration::from_secs(pause)).await;
        client.write_all(LIVEZ).await.expect("still open");
        let answer = read_some(&mut client).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    assert_eq!(seconds_until_cut(&mut client).await, 6 * 60);
}

#[tokio::test(start_paused = true)]
async fn a_later_head_is_timed_from_its_first_byte() {
    let (mut client, _task) = connect(TestPages::new());
    client.write_all(LIVEZ).await.expect("open");
    read_some(&mut client).await;
    sleep(Duration::from_mins(1)).await;
    client.write_all(b"GET /li").await.expect("open");
    assert_eq!(seconds_until_cut(&mut client).await, 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_loses_its_scrape() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut client, mut task) = connect(thousand_chunks(&asked));
    client.write_all(METRICS).await.expect("open");
    let start = Instant::now();
    task.join_next().await.expect("one").expect("no panic");
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!(Arc::strong_count(&asked), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn chunks_are_made_as_the_client_reads() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut client, _task) = connect(thousand_chunks(&asked));
    client.write_all(METRICS).await.expect("open");
    let mut read = 0;
    let mut buffer = vec![0; CHUNK];
    while read < 50 * CHUNK {
        read += client.read(&mut buffer).await.expect("data");
        let made = asked.load(Ordering::Relaxed);
        assert!(made <= read / CHUNK + 2, "{made} chunks for {read} bytes");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_little_now_and_then_is_cut_in_the_end() {
    let asked = Arc::new(AtomicUsize::new(0));
    let (mut client, mut task) = connect(thousand_chunks(&asked));
    client.write_all(METRICS).await.expect("open");
    let start = Instant::now();
    let mut buffer = vec![0; 4096];
    let trickle = async {
        loop {
            sleep(Duration::from_secs(20)).await;
            client.read_exact(&mut buffer).await.expect("data");
        }
    };
    tokio::select! {
        () = trickle => {}
        ended = task.join_next() => ended.expect("one").expect("no panic"),
    }
    assert_eq!(start.elapsed().as_secs(), 5 * 60);
    assert_eq!(Arc::strong_count(&asked), 1, "the scrape is still held");
}

#[tokio::test(start_paused = true)]
async fn without_a_place_a_silent_client_is_cut_soon() {
    let (mut client, server) = duplex(1024);
    let shutdown = CancellationToken::new();
    let mut task = JoinSet::new();
    task.spawn(decline(server, PEER, router(TestPages::new()), shutdown));
    assert_eq!(seconds_until_cut(&mut client).await, 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_already_here_at_shutdown_is_answered() {
    // Often, as it must not be left to chance which of the two is seen first.
    for _ in 0..20 {
        let (mut client, server) = duplex(1024);
        let shutdown = CancellationToken::new();
        client.write_all(LIVEZ).await.expect("open");
        shutdown.cancel();
        serve(server, PEER, router(TestPages::new()), shutdown).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}
