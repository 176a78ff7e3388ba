//! Lists and answers without an end, and objects that must not take others along.

use futures_util::future::join_all;
use job_status_exporter::{
    config::{ListLimits, Mode, Selection},
    model::{Code, EventKind, Verb},
};

use super::*;
use crate::exporter::{POLL, listed, polled};
use watches::{bookmark, streaming};

/// Far fewer than the defaults, one limit at a time.
fn limits() -> [(&'static str, ListLimits); 4] {
    let generous = ListLimits {
        objects: 1000,
        pages: 1000,
        bytes: 1_000_000,
        duration: 100 * SECOND,
    };
    [
        (
            "objects",
            ListLimits {
                objects: 12,
                ..generous
            },
        ),
        (
            "pages",
            ListLimits {
                pages: 3,
                ..generous
            },
        ),
        (
            "bytes",
            ListLimits {
                bytes: 2_000,
                ..generous
            },
        ),
        (
            "duration",
            ListLimits {
                duration: SECOND / 4,
                ..generous
            },
        ),
    ]
}

/// Answers lists of Jobs with pages that are made by `page` from their number, and everything else as an API without objects.
fn answer_pages(
    page: impl Fn(usize) -> Value + Send + Sync + 'static,
) -> impl Fn(&Request) -> Answer + Send + Sync {
    let requests_seen = AtomicUsize::new(0);
    move |request| {
        if request.resource() != "jobs" || request.is_watch() {
            return empty_api(request);
        }
        let number = requests_seen.fetch_add(1, Ordering::Relaxed);
        Answer::json(&page(number))
    }
}

/// A page with a continue token.
fn page(names: &[String], token: &str) -> Value {
    let jobs: Vec<_> = names.iter().map(|name| job(name)).collect();
    let mut page = list(&jobs);
    page["metadata"]["continue"] = json!(token);
    page
}

#[tokio::test]
async fn a_list_with_a_new_token_on_every_page_fails_at_each_limit() {
    let modes = [listed(POLL), Mode::Watch(Selection::default())];
    let cases = modes
        .iter()
        .flat_map(|mode| limits().map(|limit| (mode, limit)));
    join_all(cases.map(async |(mode, (what, limits))| {
        let server = Server::start(answer_pages(|number| {
            let names: Vec<_> = (0..5).map(|n| format!("job-{number}-{n}")).collect();
            page(&names, &number.to_string())
        }))
        .await;
        let mut exporter = Exporter::start_limited(server.endpoint(), mode.clone(), limits);
        let failing = |e: &Exporter| (what, e.snapshot().status.failing_feeds);
        exporter.eventually(failing, (what, 1)).await;
        let pages = server.requests("/jobs?limit").len();
        assert!((1..=6).contains(&pages), "{what}: {pages} pages");
        assert!(!exporter.up() && exporter.jobs().is_empty(), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn a_list_that_repeats_itself_ends_at_once() {
    type Part = fn(usize) -> usize;
    // The part of the number of a page that its token and its objects have, and the requests of one attempt.
    let cases: [(&str, Part, Part, usize); 3] = [
        (
            "the tokens x, y, x, y",
            |number| number % 2,
            |number| number,
            3,
        ),
        ("the same page", |number| number, |_| 0, 2),
        (
            "another page, then the same",
            |number| number,
            |number| number.min(1),
            3,
        ),
    ];
    join_all(cases.map(async |(what, token, name, requests)| {
        let server = Server::start(answer_pages(move |number| {
            let name = format!("job-{}", name(number));
            page(&[name], &token(number).to_string())
        }))
        .await;
        let mut exporter = Exporter::start(server.endpoint(), everything());
        let failing = |e: &Exporter| (what, e.snapshot().status.failing_feeds);
        exporter.eventually(failing, (what, 1)).await;
        let pages = server.requests("/jobs?limit").len();
        assert_eq!(pages, requests, "{what}");
        assert!(!exporter.up(), "{what}");
    }))
    .await;
}

#[tokio::test]
async fn pages_with_few_objects_are_no_flood_of_requests() {
    let server = Server::start(answer_pages(|number| {
        page(&[format!("job-{number}")], &number.to_string())
    }))
    .await;
    let mut exporter = Exporter::start(server.endpoint(), everything());
    exporter
        .throughout(2 * SECOND, |e| e.snapshot().status.failing_feeds, 0)
        .await;
    let pages = server.requests("/jobs?limit").len();
    assert!((2..=21).contains(&pages), "{pages}");
}

#[tokio::test]
async fn a_streamed_list_without_an_end_fails_at_each_limit_and_is_followed_by_pages() {
    let limits = limits().into_iter().filter(|(what, _)| *what != "pages");
    join_all(limits.map(async |(what, limits)| {
        let stream = (0..100).fold(Answer::chunked(), |stream, number| {
            let stream = stream.event("ADDED", &job(&format!("job-{number}")));
            stream.wait(SECOND / 50)
        });
        let server = Server::start(streaming(stream.hang())).await;
        let mut exporter = Exporter::start_limited(server.endpoint(), everything(), limits);
        exporter
            .eventually(|e| (what, e.jobs()), (what, in_etl(&["a", "b"])))
            .await;
        exporter.eventually(Exporter::up, true).await;
        let events = exporter.events(EventKind::Added);
        assert!(events < 50, "{what}: {events} events");
    }))
    .await;
}

#[tokio::test]
async fn large_objects_are_read_in_smaller_pages() {
    let large = Answer::of_length(65 * 1024 * 1024).hang();
    let server = Server::start(move |request| match request.resource() {
        "jobs" if request.is_watch() => empty_api(request),
        "jobs" if request.target.contains("?limit=5&") => Answer::json(&list(&[job("b")])),
        "jobs" if request.target.ends_with("?limit=5") => {
            Answer::json(&page(&["a".to_owned()], "next"))
        }
        "jobs" => large.clone(),
        _ => empty_api(request),
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), everything());
    exporter
        .eventually(Exporter::jobs, in_etl(&["a", "b"]))
        .await;
    let requests = server.requests("/jobs?limit");
    let targets: Vec<_> = requests.iter().map(|request| &*request.target).collect();
    let path = "/apis/batch/v1/jobs?limit=";
    let expected = ["500", "50", "5", "5&continue=next"].map(|rest| format!("{path}{rest}"));
    assert_eq!(targets, expected);
}

/// A Job whose text `placeholder` becomes bytes that are not UTF-8.
fn not_utf8(body: &Value) -> Vec<u8> {
    let text = body.to_string();
    let (before, after) = text.split_once("placeholder").unwrap();
    [before.as_bytes(), b"\xe2\x82", after.as_bytes()].concat()
}

#[tokio::test]
async fn invalid_text_in_an_object_affects_no_other_object() {
    let mut bad = job_at_version("bad", 11);
    bad["metadata"]["uid"] = json!("placeholder");
    let mut skipped = job_at_version("skipped", 11);
    skipped["spec"]["template"] = json!({"placeholder": 1});
    let listed_page = |bad: &Value| not_utf8(&list(&[job("a"), bad.clone(), job("z")]));
    let event = |kind: &str, object: &Value| {
        let event = not_utf8(&json!({"type": kind, "object": object}));
        [event, b"\n".to_vec()].concat()
    };
    let seen = |e: &Exporter| (e.snapshot().status.undecodable_jobs, e.jobs());

    for (bad, expected) in [
        (&bad, (1, in_etl(&["a", "z"]))),
        (&skipped, (0, in_etl(&["a", "skipped", "z"]))),
    ] {
        let answer = Answer::whole(200, &[], listed_page(bad));
        let server = Server::start(answer_lists(vec![answer])).await;
        let mut exporter = Exporter::start(server.endpoint(), listed(POLL));
        exporter.eventually(seen, expected).await;
        exporter.eventually(Exporter::up, true).await;
    }

    let watch = Answer::chunked()
        .chunk(event("ADDED", &bad))
        .chunk(event("ADDED", &skipped))
        .event("ADDED", &job_at_version("c", 12))
        .hang();
    let (server, mut exporter) = start_watching(answer_watches(vec![watch])).await;
    exporter
        .eventually(seen, (1, in_etl(&["a", "b", "c", "skipped"])))
        .await;
    assert!(exporter.up());
    assert_eq!(server.requests("/jobs?watch").len(), 1);

    let stream = Answer::chunked()
        .chunk(event("ADDED", &bad))
        .event("ADDED", &job("c"))
        .event("BOOKMARK", &bookmark(9, true))
        .hang();
    let (server, mut exporter) = start_watching(streaming(stream)).await;
    exporter.eventually(seen, (1, in_etl(&["c"]))).await;
    assert_eq!(server.requests("limit=").len(), 0);

    let server = Server::start(move |_| Answer::whole(200, &[], not_utf8(&bad))).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&["etl/bad"], POLL));
    exporter.eventually(seen, (1, vec![])).await;
    exporter.eventually(Exporter::up, true).await;
}

#[tokio::test]
async fn one_huge_object_affects_no_other_object() {
    let mut huge = job("huge");
    huge["spec"]["template"] = json!("x".repeat(50 * 1024 * 1024));
    let answer = Answer::json(&list(&[job("a"), huge, job("z")]));
    let server = Server::start(answer_lists(vec![answer])).await;
    let (_, mut exporter) = (&server, Exporter::start(server.endpoint(), everything()));
    exporter
        .eventually(Exporter::jobs, in_etl(&["a", "huge", "z"]))
        .await;
}

#[tokio::test]
async fn an_endless_answer_about_the_server_stops_nothing() {
    let endless = Answer::chunked().chunk(vec![b' '; 2 * 1024 * 1024]).hang();
    let slow = Answer::none().hang();
    join_all(
        [("endless", endless), ("slow", slow)].map(async |(what, answer)| {
            let paged = answer_watches(vec![Answer::chunked().hang()]);
            let version = answer.clone();
            let server = Server::start(move |request| match request.resource() {
                "version" => version.clone(),
                _ => paged(request),
            })
            .await;
            let mut exporter = Exporter::start(server.endpoint(), everything());
            let read = (what, in_etl(&["a", "b"]), true);
            exporter
                .eventually(|e| (what, e.jobs(), e.up()), read)
                .await;
        }),
    )
    .await;

    let endless = Answer::chunked().chunk(vec![b' '; 2 * 1024 * 1024]).hang();
    let paged = answer_watches(vec![Answer::chunked().hang()]);
    let server = Server::start(move |request| match request.resource() {
        "cronjobs" => Answer::whole(404, &[], ""),
        "v1" => endless.clone(),
        _ => paged(request),
    })
    .await;
    let mut exporter = Exporter::start(server.endpoint(), everything());
    exporter
        .eventually(Exporter::jobs, in_etl(&["a", "b"]))
        .await;
    let status = |e: &Exporter| e.snapshot().status.failing_feeds;
    exporter.eventually(status, 1).await;
    assert_eq!(exporter.requests(Verb::Get, Code::TransportError), 1);
}

/// The server sends bookmarks, so a line that does not end shows that something is wrong.
#[tokio::test]
async fn a_line_that_arrives_in_single_bytes_counts_as_silence() {
    let start = Answer::chunked().event("BOOKMARK", &bookmark(12, false));
    let drip = (0..100).fold(start, |answer, _| answer.chunk("x").wait(SECOND / 10));
    let answers = vec![drip, Answer::chunked().hang()];
    let server = Server::start(answer_watches(answers)).await;
    let mut exporter = Exporter::start_with_max_silence(server.endpoint(), SECOND);
    exporter
        .eventually(|_| server.requests("/jobs?watch").len(), 2)
        .await;
    let watches = server.requests("/jobs?watch");
    assert!(watches[1].at - watches[0].at < 5 * SECOND);
}
