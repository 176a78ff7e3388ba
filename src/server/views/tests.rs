//! Which requests get a response, and what happens if too many are made at once.

use std::sync::{Mutex, PoisonError, mpsc};

use futures_util::future::join_all;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
};

use super::*;
use crate::{
    config::Pattern,
    metrics::{Format, UnknownFamily},
    model::{Change, CronJob, FeedScope, Sink, Uid, Update, WorkloadId},
    server::{Chunks, ExporterFacts, readiness::State, tests::TestData},
    status::PastRuns,
    store::{Store, TargetStore},
};

fn views(data: impl PageData) -> Views {
    Views::new(Arc::new(data), &ServerSettings::default())
}

fn request(method: &str, path: &str) -> Request<()> {
    let request = Request::builder().method(method).uri(path);
    request.body(()).expect("a request")
}

fn body(content: Content) -> String {
    let Content::Full(body) = content else {
        panic!("a stream");
    };
    String::from_utf8(body.to_vec()).expect("text")
}

#[tokio::test]
async fn pages_the_api_and_what_pages_load_have_responses() {
    let views = views(TestData::new());
    for (method, path, status) in [
        ("GET", "/", 200),
        ("HEAD", "/targets", 200),
        ("GET", "/config", 200),
        ("GET", "/api/v1/workloads", 200),
        ("GET", "/api", 404),
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/workloads/-/a/job/b", 404),
        ("GET", "/targets/", 404),
        ("GET", "/assets/none.css", 404),
        ("POST", "/", 405),
        ("POST", "/api/v1/workloads", 405),
    ] {
        let response = views.respond(&request(method, path)).await;
        assert_eq!(response.status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn browsers_keep_what_a_page_loads_and_never_the_page() {
    let views = views(TestData::new());
    let page = views.respond(&request("GET", "/config")).await;
    assert_eq!(page.headers()[CACHE_CONTROL], "no-store");
    let page = body(page.into_body());
    let linked = page.split("\"./assets/").skip(1);
    let linked: Vec<_> = linked.filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(linked.len(), 3, "{page}");
    for name in linked {
        let asset = views
            .respond(&request("GET", &format!("/assets/{name}")))
            .await;
        assert_eq!(asset.status(), 200, "{name}");
        let headers = asset.headers();
        assert_eq!(
            headers[CACHE_CONTROL],
            "public, max-age=31536000, immutable"
        );
        assert!(headers.contains_key(CONTENT_TYPE), "{name}");
    }
}

#[tokio::test]
async fn a_page_is_compressed_for_clients_that_accept_that() {
    let mut request = request("GET", "/config");
    let gzip = HeaderValue::from_static("gzip");
    request.headers_mut().insert(ACCEPT_ENCODING, gzip);
    let page = views(TestData::new()).respond(&request).await;
    assert_eq!(page.headers()[CONTENT_ENCODING], "gzip");
}

/// Page data that make each page of the configuration, and each read of the history, wait.
struct Slow {
    data: TestData,
    /// Closed when the pages may go on.
    open: Mutex<mpsc::Receiver<()>>,
}

impl PageData for Slow {
    fn scrape(&self, format: Format, families: &[Pattern]) -> Result<Chunks, UnknownFamily> {
        self.data.scrape(format, families)
    }

    fn readiness(&self) -> State {
        self.data.readiness()
    }

    fn store(&self) -> &Store {
        self.data.store()
    }

    fn exporter(&self) -> ExporterFacts {
        self.wait();
        self.data.exporter()
    }

    fn past_runs(&self, target: Option<&str>, workload: &WorkloadId) -> PastRuns {
        self.wait();
        self.data.past_runs(target, workload)
    }
}

impl Slow {
    /// The sender lets all go on when it is dropped.
    fn new(data: TestData) -> (Arc<Self>, mpsc::Sender<()>) {
        let (close, open) = mpsc::channel();
        let slow = Self {
            data,
            open: Mutex::new(open),
        };
        (Arc::new(slow), close)
    }

    fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = open.recv();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_beyond_the_limit_waits_and_then_gets_503() {
    let (data, close) = Slow::new(TestData::new());
    let views = Views::new(data, &ServerSettings::default());
    let slow = request("GET", "/config");
    let all = join_all((0..MAX_VIEWS).map(|_| views.respond(&slow)));
    let others = async {
        while views.slots.available_permits() > 0 {
            task::yield_now().await;
        }
        let (page, answer) = (request("GET", "/"), request("GET", "/api/v1/workloads"));
        let waiting = async { tokio::join!(views.respond(&page), views.respond(&answer)) };
        let (responses, ()) = tokio::join!(waiting, tokio::time::advance(MAX_WAIT * 2));
        drop(close);
        responses
    };
    let (slow, (page, answer)) = tokio::join!(all, others);
    assert_eq!(page.status(), 503);
    assert!(page.headers().contains_key(RETRY_AFTER));
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
    assert!(slow.iter().all(|response| response.status() == 200));
}

#[tokio::test]
async fn a_history_that_hangs_takes_no_slot_of_other_pages() {
    let store = Arc::new(TargetStore::new(None, Arc::default()));
    let feed = store.clone().register(FeedScope::CronJobs(None));
    let cronjob = CronJob::new(
        "ops".into(),
        "tick".into(),
        Uid::parse("1"),
        "@daily".into(),
    );
    feed.push(Update::CronJobs(Change::Replaced(vec![cronjob])));
    let (data, close) = Slow::new(TestData::with_store(Store::new(vec![store])));
    let views = Views::new(data, &ServerSettings::default());
    let page = request("GET", "/workloads/-/ops/cronjob/tick");
    let answer = request("GET", "/api/v1/workloads/-/ops/cronjob/tick/runs");
    let reads = async { tokio::join!(views.respond(&page), views.respond(&answer)) };
    let others = async {
        while views.history_slots.available_permits() > 0 {
            task::yield_now().await;
        }
        let overview = views.respond(&request("GET", "/")).await;
        drop(close);
        overview
    };
    let ((page, answer), overview) = tokio::join!(reads, others);
    assert_eq!(overview.status(), 200);
    assert_eq!(page.status(), 200);
    assert_eq!(answer.status(), 200);
}
