//! Clients that do not complete a handshake, or do not even begin one.

use super::*;

/// The answer to bytes that are not TLS.
async fn answer(server: &RunningServer, sent: &[u8]) -> Vec<u8> {
    let mut client = server.connect().await;
    client.send(sent).await;
    client.rest().await
}

#[tokio::test]
async fn plain_http_gets_an_answer_that_says_https() {
    let server = ServerSide::new().start().await;
    for request in [
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
        "HEAD / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = answer(&server, request.as_bytes()).await;
        let answer = String::from_utf8(answer).expect("text");
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, "this port speaks HTTPS, the request was plain HTTP\n");
    }
}

#[tokio::test]
async fn a_whole_client_of_plain_http_understands_the_answer() {
    let server = ServerSide::new().start().await;
    let response = server.get("/metrics").await;
    assert_eq!(response.status, 400);
    assert_eq!(response.headers["connection"], "close");
}

/// The type of a record with an alert.
const ALERT: u8 = 21;

#[tokio::test]
async fn other_bytes_get_an_alert_or_nothing() {
    let side = ServerSide::new();
    let server = side.start().await;
    // A handshake of another kind, a record that is longer than allowed, SSL 2, and text.
    for sent in [
        &b"\x16\x03\x01\x00\x05hello"[..],
        b"\x16\x03\x01\xff\xffxxxx",
        b"\x80\x2e\x01\x00\x02",
        b"hello\r\n\r\n",
    ] {
        let mut client = server.connect().await;
        client.send(sent).await;
        client.half_close().await;
        let answer = client.rest().await;
        assert!(
            answer.first().is_none_or(|first| *first == ALERT),
            "{answer:?}"
        );
    }
    let status = try_livez(server.addresses[0], &side.client()).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test]
async fn a_client_of_tls_1_1_gets_an_alert() {
    const HANDSHAKE_FAILURE: u8 = 40;
    const PROTOCOL_VERSION: u8 = 70;
    let server = ServerSide::new().start().await;
    // Version 1.1 and the random number.
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    // No session; one suite, ECDHE with AES-CBC; no compression; no extensions.
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0]);
    let length = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, length + 4, 1, 0, 0, length];
    record.extend(&hello);
    let alert = answer(&server, &record).await;
    assert_eq!(alert.len(), 7, "{alert:?}");
    assert_eq!(alert[0], ALERT);
    assert!([HANDSHAKE_FAILURE, PROTOCOL_VERSION].contains(&alert[6]));
}

#[tokio::test]
async fn half_open_handshakes_delay_no_probe() {
    const HALF_OPEN: usize = 500;
    let side = ServerSide::new();
    let server = side.start().await;
    let client = side.client();
    for sent in [
        &b""[..],
        b"\x16",
        b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03",
    ] {
        let mut open = Vec::new();
        for count in 0..HALF_OPEN {
            let mut half_open = server.connect().await;
            half_open.send(sent).await;
            open.push(half_open);
            if count % 50 == 49 {
                let start = Instant::now();
                let status = try_livez(server.addresses[0], &client).await.unwrap();
                assert_eq!(status, 200);
                // The limit of the handshakes is ten seconds.
                let passed = start.elapsed();
                assert!(passed < Duration::from_secs(5), "{passed:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_server_full_of_scrapes_still_answers_probes_over_tls() {
    let side = ServerSide::new();
    let handle = TlsHandle::new(prepare(&side.tls, true));
    let settings = ServerSettings {
        max_connections: 2,
        tls: Some(handle),
        ..ServerSettings::default()
    };
    let server = start(large(&Arc::default()), settings).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let stream = connect(server.addresses[0], &side.client()).await.unwrap();
        let mut client = client::Client::new(stream);
        client.send(request("GET", "/metrics")).await;
        assert_eq!(client.head().await.0, 200);
        busy.push(client);
    }
    let status = try_livez(server.addresses[0], &side.client()).await;
    assert_eq!(status.unwrap(), 200);
}

#[tokio::test]
async fn a_tls_client_on_a_plain_port_fails_at_once() {
    let server = running_server().await;
    let client = ServerSide::new().client();
    let start = Instant::now();
    assert!(try_livez(server.addresses[0], &client).await.is_err());
    assert!(start.elapsed() < Duration::from_secs(5));
}
