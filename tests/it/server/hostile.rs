//! Requests that no proper client sends, byte by byte.

use super::*;

/// What the server does with a request that it reads.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// It closes the connection without a response.
    Drops,
    /// It responds with this status and closes the connection.
    Closes(u16),
    /// It responds with this status, and serves the next request.
    Stays(u16),
}

use Outcome::{Closes, Drops, Stays};

/// Sends `bytes` and then a regular request, and checks the outcome.
async fn check(server: &RunningServer, name: &str, bytes: &[u8], outcome: Outcome) {
    let mut client = server.connect().await;
    client.send(bytes).await;
    match outcome {
        Drops => assert_eq!(client.rest().await, b"", "{name}"),
        Closes(status) => {
            let response = String::from_utf8(client.rest().await).expect("text");
            let expected = format!("HTTP/1.1 {status} ");
            assert!(response.starts_with(&expected), "{name}: {response}");
        }
        Stays(status) => {
            assert_eq!(client.response("GET").await.status, status, "{name}");
            client.send(request("GET", "/livez")).await;
            assert_eq!(client.response("GET").await.status, 200, "after {name}");
        }
    }
    assert_eq!(server.get("/livez").await.status, 200, "after {name}");
}

/// Whole requests.
const REQUESTS: [(&str, &[u8], Outcome); 16] = [
    ("no request line", b"invalid\r\n\r\n", Closes(400)),
    ("HTTP/0.9", b"GET /livez\r\n\r\n", Closes(400)),
    ("no path", b"GET\r\n\r\n", Closes(400)),
    (
        "TLS",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 hello\r\n\r\n",
        Closes(400),
    ),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Drops),
    ("HTTP/9.9", b"GET /livez HTTP/9.9\r\n\r\n", Closes(400)),
    ("only NULs", &[0; 100], Closes(400)),
    (
        "NUL in the path",
        b"GET /li\0vez HTTP/1.1\r\n\r\n",
        Closes(400),
    ),
    (
        "blank in the path",
        b"GET /li vez HTTP/1.1\r\n\r\n",
        Closes(400),
    ),
    (
        "escape in the method",
        b"G\x1bT /livez HTTP/1.1\r\n\r\n",
        Closes(400),
    ),
    (
        "unknown method",
        b"!BREW /livez HTTP/1.1\r\n\r\n",
        Stays(405),
    ),
    (
        "method of other servers",
        b"CONNECT a:1 HTTP/1.1\r\n\r\n",
        Stays(404),
    ),
    (
        "path out of the root",
        b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
        Stays(404),
    ),
    (
        "encoded NUL in the path",
        b"GET /livez%00 HTTP/1.1\r\n\r\n",
        Stays(404),
    ),
    (
        "empty lines first",
        b"\r\n\r\nGET /livez HTTP/1.1\r\n\r\n",
        Stays(200),
    ),
    ("line feeds alone", b"GET /livez HTTP/1.1\n\n", Stays(200)),
];

/// The header lines and the body of requests for `/livez`.
const HEADERS: [(&str, &[u8], Outcome); 15] = [
    ("NUL", b"X: \0\r\n\r\n", Closes(400)),
    ("no colon", b"no colon\r\n\r\n", Closes(400)),
    ("no name", b": x\r\n\r\n", Closes(400)),
    ("line fold", b"X: a\r\n b\r\n\r\n", Closes(400)),
    (
        "length that is no number",
        b"Content-Length: many\r\n\r\n",
        Closes(400),
    ),
    (
        "negative length",
        b"Content-Length: -1\r\n\r\n",
        Closes(400),
    ),
    (
        "two lengths",
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        Closes(400),
    ),
    (
        "length of 16 EiB",
        b"Content-Length: 18446744073709551614\r\n\r\nx",
        Closes(431),
    ),
    (
        "length of 1 TB",
        b"Content-Length: 1000000000000\r\n\r\nx",
        Closes(200),
    ),
    (
        "unknown coding",
        b"Transfer-Encoding: gzip\r\n\r\n",
        Closes(400),
    ),
    (
        "chunked body",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        Closes(200),
    ),
    (
        "invalid chunk length",
        b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
        Closes(200),
    ),
    (
        "chunk of 16 EiB",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        Closes(200),
    ),
    (
        "host that is no name",
        b"Host: \xff\xfe\r\n\r\n",
        Stays(200),
    ),
    (
        "upgrade",
        b"Upgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        Stays(200),
    ),
];

#[tokio::test]
async fn hostile_requests_get_their_status_and_the_server_keeps_serving() {
    let server = running_server().await;
    for (name, bytes, outcome) in REQUESTS {
        check(&server, name, bytes, outcome).await;
    }
    for (name, headers, outcome) in HEADERS {
        let bytes = [b"GET /livez HTTP/1.1\r\n", headers].concat();
        check(&server, name, &bytes, outcome).await;
    }
}

#[tokio::test]
async fn oversized_requests_get_their_status_and_the_server_keeps_serving() {
    let server = running_server().await;
    let get =
        |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let header = |name: &str, value: &str, times| format!("{name}: {}\r\n", value.repeat(times));
    let cases = [
        (
            "a large header",
            get("/livez", &header("X", "x", 20_000)),
            Closes(431),
        ),
        (
            "many headers",
            get("/livez", &"X: 1\r\n".repeat(200)),
            Closes(431),
        ),
        (
            "a long header name",
            get("/livez", &header(&"x".repeat(20_000), "", 0)),
            Closes(431),
        ),
        (
            "a long path",
            get(&format!("/{}", "x".repeat(20_000)), ""),
            Closes(431),
        ),
        (
            "a path of 10 KB",
            get(&format!("/{}", "x".repeat(10_000)), ""),
            Stays(404),
        ),
        (
            "10,000 parameters",
            get(&format!("/metrics?{}", "family[]=a&".repeat(10_000)), ""),
            Closes(431),
        ),
        (
            "1,000 unknown families",
            get(&format!("/metrics?{}", "family[]=*&".repeat(1_000)), ""),
            Stays(200),
        ),
        (
            "stars",
            get(&format!("/metrics?family[]={}", "*a".repeat(7_000)), ""),
            Stays(200),
        ),
        (
            "5,000 media types",
            get("/metrics", &header("Accept", "a/b,", 3_900)),
            Stays(200),
        ),
        (
            "a media type of many parameters",
            get("/metrics", &header("Accept", ";q=1", 3_900)),
            Stays(200),
        ),
        (
            "empty media types",
            get("/metrics", &header("Accept", ",", 15_000)),
            Stays(200),
        ),
        (
            "quality of many digits",
            get("/metrics", &header("Accept", "text/plain;q=0.9", 1)),
            Stays(200),
        ),
        (
            "many codings",
            get("/metrics", &header("Accept-Encoding", "br;q=9e99,", 1_500)),
            Stays(200),
        ),
    ];
    for (name, request, outcome) in cases {
        check(&server, name, request.as_bytes(), outcome).await;
    }
}

#[tokio::test]
async fn a_flood_of_pipelined_requests_is_answered_in_order_and_delays_no_other_client() {
    let server = running_server().await;
    let mut client = server.connect().await;
    client.send(request("GET", "/livez").repeat(1_000)).await;
    assert_eq!(server.get("/livez").await.status, 200);
    for _ in 0..1_000 {
        assert_eq!(client.response("GET").await.text(), "ok\n");
    }
}
