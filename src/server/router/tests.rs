//! Responses to requests, without a connection.

use std::io::Read;

use http::{
    HeaderValue,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, VARY},
};

use crate::{
    metrics::Format,
    server::{readiness::State, tests::TestData},
};

use super::*;

fn router(data: TestData) -> Router {
    router_at("/metrics", Arc::new(data))
}

fn router_at(telemetry_path: &str, data: Arc<TestData>) -> Router {
    let settings = ServerSettings {
        telemetry_path: telemetry_path.to_owned(),
        ..ServerSettings::default()
    };
    Router::new(data, &settings)
}

fn request(method: &str, path: &str) -> Request<()> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(())
        .expect("a request")
}

async fn respond(router: &Router, request: &Request<()>) -> Response<Content> {
    router.respond(request, &ConnectionState::new()).await
}

fn bytes(content: Content) -> Vec<u8> {
    match content {
        Content::Full(bytes) => bytes.to_vec(),
        Content::Stream(chunks) => chunks
            .flat_map(|chunk| chunk.expect("no error").to_vec())
            .collect(),
    }
}

fn body(response: Response<Content>) -> String {
    String::from_utf8(bytes(response.into_body())).expect("text")
}

#[tokio::test]
async fn responses_depend_on_path_and_method() {
    let router = router(TestData::new());
    let cases = [
        ("GET", "/metrics", 200, "Text"),
        ("GET", "/metrics?name[]=up", 200, "Text"),
        ("GET", "http://elsewhere/metrics", 200, "Text"),
        ("GET", "/metrics?family[]=known", 200, "Text"),
        (
            "GET",
            "/metrics?family[]=known&family%5b%5d=unknown",
            400,
            "no family is called `unknown`: /metrics has the names of all\n",
        ),
        ("GET", "/livez", 200, "ok\n"),
        ("GET", "/readyz", 200, "ready\n"),
        (
            "GET",
            "/api/v1/targets",
            200,
            "{\"status\":\"success\",\"data\":{\"targets\":[]}}",
        ),
        ("GET", "/metrics/", 404, "not found\n"),
        ("GET", "//metrics", 404, "not found\n"),
        ("GET", "/healthz", 404, "not found\n"),
        ("POST", "/healthz", 404, "not found\n"),
        ("POST", "/-/quit", 404, "not found\n"),
        ("OPTIONS", "*", 404, "not found\n"),
        ("POST", "/metrics", 405, "method not allowed\n"),
        ("PUT", "/livez", 405, "method not allowed\n"),
        ("DELETE", "/", 405, "method not allowed\n"),
        ("get", "/readyz", 405, "method not allowed\n"),
    ];
    for (method, path, status, text) in cases {
        let response = respond(&router, &request(method, path)).await;
        assert_eq!(response.status(), status, "{method} {path}");
        let allow = response.headers().get(ALLOW);
        assert_eq!(
            allow.map(HeaderValue::as_bytes),
            (status == 405).then_some(&b"GET, HEAD"[..]),
            "{method} {path}"
        );
        assert_eq!(body(response), text, "{method} {path}");
    }
}

#[tokio::test]
async fn the_first_page_links_to_the_pages_for_machines() {
    let router = router_at("/prometheus", Arc::new(TestData::new()));
    let response = respond(&router, &request("GET", "/")).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8");
    let page = body(response);
    for path in ["/prometheus", "/livez", "/readyz"] {
        assert!(page.contains(&format!("<a href=\".{path}\">")), "{path}");
        let status = respond(&router, &request("GET", path)).await.status();
        assert_eq!(status, StatusCode::OK, "{path}");
    }
    assert_eq!(
        respond(&router, &request("GET", "/metrics")).await.status(),
        404
    );
}

#[tokio::test]
async fn all_pages_move_below_the_prefix() {
    let settings = ServerSettings {
        route_prefix: "/jobs".to_owned(),
        ..ServerSettings::default()
    };
    let router = Router::new(Arc::new(TestData::new()), &settings);
    for (path, status) in [
        ("/jobs/metrics", 200),
        ("/jobs/livez", 200),
        ("/jobs/", 200),
        ("/jobs", 302),
        ("/", 302),
        ("/metrics", 404),
        ("/livez", 404),
        ("/jobs/nowhere", 404),
    ] {
        let response = respond(&router, &request("GET", path)).await;
        assert_eq!(response.status(), status, "{path}");
    }
    let request_of_probe = request("GET", "/jobs/livez");
    let full = router.respond_when_full(&request_of_probe).await;
    assert_eq!(full.status(), 200);
    // The kubelet's own port has no prefix.
    let probes = Router::for_probes(Arc::new(TestData::new()));
    let response = respond(&probes, &request("GET", "/livez")).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn readiness_lists_the_targets_it_waits_for() {
    let data = Arc::new(TestData::new());
    let router = router_at("/metrics", data.clone());
    let readyz = async |state| {
        *data.readiness.lock() = state;
        let response = respond(&router, &request("GET", "/readyz")).await;
        (response.status().as_u16(), body(response))
    };
    let waiting = State::Waiting(vec!["cci".to_owned(), "prod".to_owned()]);
    assert_eq!(
        readyz(waiting).await,
        (
            503,
            "waiting for the first read of:\ncci\nprod\n".to_owned()
        )
    );
    assert_eq!(
        readyz(State::Draining).await,
        (503, "shutting down\n".to_owned())
    );
    assert_eq!(readyz(State::Ready).await, (200, "ready\n".to_owned()));
}

#[tokio::test]
async fn the_headers_of_a_scrape_name_its_format_and_encoding() {
    let router = router(TestData::new());
    let mut request = request("GET", "/metrics");
    let plain = respond(&router, &request).await;
    assert_eq!(plain.headers()[CONTENT_TYPE], Format::Text.content_type());
    assert_eq!(plain.headers()[VARY], "Accept, Accept-Encoding");
    assert!(!plain.headers().contains_key(CONTENT_ENCODING));
    assert_eq!(body(plain), "Text");

    let headers = request.headers_mut();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("application/openmetrics-text;version=1.0.0"),
    );
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let zipped = respond(&router, &request).await;
    assert_eq!(
        zipped.headers()[CONTENT_TYPE],
        Format::OpenMetrics.content_type()
    );
    assert_eq!(zipped.headers()[CONTENT_ENCODING], "gzip");
    let compressed = bytes(zipped.into_body());
    let mut text = String::new();
    flate2::read::GzDecoder::new(compressed.as_slice())
        .read_to_string(&mut text)
        .expect("gzip");
    assert_eq!(text, "OpenMetrics");
}

#[tokio::test]
async fn a_head_request_starts_no_scrape() {
    let router = router(TestData::scraping(|_| {
        panic!("a scrape for a HEAD request")
    }));
    let mut head = request("HEAD", "/metrics");
    head.headers_mut()
        .insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    let response = respond(&router, &head).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
    assert!(bytes(response.into_body()).is_empty());
}

#[tokio::test]
async fn a_full_server_still_responds_to_probes() {
    let data = Arc::new(TestData::new());
    *data.readiness.lock() = State::Draining;
    let router = router_at("/metrics", data);
    let cases = [
        ("/metrics", 503, true),
        ("/", 503, true),
        ("/nowhere", 503, true),
        ("/livez", 200, false),
        ("/readyz", 503, false),
    ];
    for (path, status, retry) in cases {
        let response = router.respond_when_full(&request("GET", path)).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()[CONNECTION], "close", "{path}");
        assert_eq!(
            response.headers().contains_key(RETRY_AFTER),
            retry,
            "{path}"
        );
    }
}
