//! The rate of requests to a server that fails or throttles. The exporter must not overload it.

use futures_util::future::join_all;
use job_status_exporter::{
    config::PollConfig,
    model::{Code, Verb},
};

use super::*;
use crate::exporter::{POLL, listed, polled};

/// Creates a refusal. Its argument formats the date in some seconds from now.
type Refusal = fn(&dyn Fn(i64) -> String) -> Answer;

type Script = Box<dyn Fn(&Request) -> Answer + Send + Sync>;

/// The most lists or watches within 3 s. Backoffs start at 0.25 to 0.5 s and double.
const MAX_REQUESTS: usize = 5;

/// Servers that invite a client to send requests in a tight loop.
fn provoking_servers() -> Vec<(&'static str, Script)> {
    let list_a = || Answer::json(&list(&[job("a")]));
    vec![
        ("closes at once", Box::new(|_| Answer::none())),
        ("resets at once", Box::new(|_| Answer::none().reset())),
        ("refuses all", Box::new(|_| Answer::whole(500, &[], ""))),
        (
            "ends watches at once",
            Box::new(answer_watches(vec![Answer::chunked().end()])),
        ),
        (
            "refuses watches",
            Box::new(answer_watches(vec![Answer::whole(403, &[], "")])),
        ),
        (
            "expires at once",
            Box::new(answer_watches(vec![Answer::whole(410, &[], "")])),
        ),
        (
            "replays old events",
            Box::new(answer_watches(vec![
                Answer::chunked()
                    .event("ADDED", &job_at_version("a", 7))
                    .event("ADDED", &job_at_version("b", 3))
                    .end(),
            ])),
        ),
        (
            "repeats one event",
            Box::new(answer_watches(vec![
                Answer::chunked()
                    .event("ADDED", &job_at_version("a", 10))
                    .end(),
            ])),
        ),
        (
            "sends HTML in watches",
            Box::new(answer_watches(vec![Answer::whole(
                200,
                &[],
                "<html>\n</html>\n",
            )])),
        ),
        (
            "expires lists",
            Box::new(answer_lists(vec![Answer::whole(410, &[], "")])),
        ),
        (
            "lists without version",
            Box::new(answer_lists(vec![Answer::json(&json!({"items": []}))])),
        ),
        ("lists successfully", Box::new(answer_lists(vec![list_a()]))),
    ]
}

#[tokio::test]
async fn requests_are_never_sent_in_a_tight_loop() {
    join_all(provoking_servers().into_iter().map(async |(what, script)| {
        let server = Server::start(script).await;
        let mut exporter = Exporter::start(server.endpoint(), everything());
        exporter.throughout(3 * SECOND, |_| (), ()).await;
        let lists = server.requests("/jobs?limit").len();
        let watches = server.requests("/jobs?watch").len();
        assert!((1..=MAX_REQUESTS).contains(&lists), "{what}: {lists} lists");
        assert!(watches <= MAX_REQUESTS, "{what}: {watches} watches");
    }))
    .await;
}

/// Some servers end every watch after an event. The exporter resumes each time, with a pause.
#[tokio::test]
async fn watches_that_end_after_each_event_are_resumed() {
    let version = AtomicUsize::new(10);
    let (server, mut exporter) = start_watching(move |request| {
        if request.resource() != "jobs" || !request.is_watch() {
            return empty_api(request);
        }
        let version = 1 + version.fetch_add(1, Ordering::Relaxed) as u64;
        Answer::chunked()
            .event("ADDED", &job_at_version(&format!("job-{version}"), version))
            .end()
    })
    .await;
    exporter
        .eventually(|_| server.requests("/jobs?watch").len() >= 6, true)
        .await;
    let watches = server.requests("/jobs?watch");
    for pair in watches.windows(2) {
        // The pause is as long as the first backoff.
        let gap = (pair[1].at - pair[0].at).as_secs_f64();
        assert!(gap > 0.24, "{gap}");
    }
    assert_eq!(
        server.requests("/jobs?limit").len(),
        1,
        "each watch resumes after the last event"
    );
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let date = |seconds: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let refusals: [(&str, Refusal); 3] = [
        ("seconds", |_| {
            Answer::whole(429, &[("retry-after", "1")], "too many requests")
        }),
        // A date has whole seconds, so it may be up to 1 s too early.
        ("date", |date| {
            Answer::whole(429, &[("retry-after", &date(2))], "")
        }),
        ("status", |_| {
            Answer::whole(503, &[], r#"{"details":{"retryAfterSeconds":1}}"#)
        }),
    ];
    let cases = refusals
        .iter()
        .flat_map(|refusal| [(refusal, true), (refusal, false)]);
    join_all(cases.map(async |((what, refusal), watch)| {
        let (refusal, requests_seen) = (*refusal, AtomicUsize::new(0));
        let server = Server::start(move |request| {
            if request.resource() != "jobs" || requests_seen.fetch_add(1, Ordering::Relaxed) > 0 {
                return empty_api(request);
            }
            refusal(&date)
        })
        .await;
        let mode = if watch { everything() } else { listed(POLL) };
        let mut exporter = Exporter::start(server.endpoint(), mode);
        exporter
            .eventually(|_| server.requests("/jobs?limit").len() >= 2, true)
            .await;
        exporter.eventually(Exporter::up, true).await;
        let lists = server.requests("/jobs?limit");
        let gap = (lists[1].at - lists[0].at).as_secs_f64();
        assert!((1.0..10.0).contains(&gap), "{what}, watch {watch}: {gap}");
    }))
    .await;
}

/// `Retry-After` holds for the whole server, including polls that are about to start.
#[tokio::test]
async fn retry_after_pauses_all_polls_of_a_target() {
    let requests_seen = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if requests_seen.fetch_add(1, Ordering::Relaxed) == 20 {
            return Answer::whole(429, &[("retry-after", "2")], "");
        }
        Answer::json(&job(request.target.split('/').nth(7).unwrap()))
    })
    .await;
    let jobs: Vec<_> = (0..50).map(|number| format!("etl/job-{number}")).collect();
    let poll = PollConfig {
        requests_per_second: 50.0,
        concurrency: 8,
        ..POLL
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs, poll));
    exporter.eventually(|e| e.jobs().len(), 50).await;
    let requests = server.requests("");
    let refused = requests[20].at;
    let meanwhile = requests[21..]
        .iter()
        .filter(|r| (r.at - refused).as_secs_f64() < 2.0);
    // These were already being sent.
    assert!(meanwhile.count() <= 2);
}

#[tokio::test]
async fn invalid_and_huge_values_of_retry_after_are_tolerated() {
    for value in [
        "18446744073709551615",
        "99999999999999999999",
        "-1",
        "Mon, 01 Jan 9999 00:00:00 GMT",
        "soon",
    ] {
        let busy = Answer::whole(429, &[("retry-after", value)], "");
        let (_server, mut exporter) = start_watching(answer_lists(vec![busy])).await;
        exporter
            .eventually(|e| e.requests(Verb::List, Code::TooManyRequests) >= 1, true)
            .await;
        exporter.throughout(SECOND / 5, Exporter::up, false).await;
    }
}

#[tokio::test]
async fn a_hanging_job_does_not_delay_the_others() {
    let server = Server::start(|request| {
        let name = request.target.split('/').nth(7).unwrap();
        if name == "hanging" {
            Answer::none().hang()
        } else {
            Answer::json(&job(name))
        }
    })
    .await;
    let mut jobs: Vec<_> = (0..49)
        .map(|number| format!("etl/job-{number:02}"))
        .collect();
    jobs.insert(20, "etl/hanging".to_owned());
    let poll = PollConfig {
        interval: SECOND,
        timeout: SECOND,
        concurrency: 4,
        requests_per_second: 500.0,
        by_list: false,
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs, poll));
    // The unit tests check exact intervals under paused time. Here the bounds allow for a busy machine.
    exporter
        .eventually(|_| server.requests("").len() >= 200, true)
        .await;
    for job in jobs.iter().filter(|job| *job != "etl/hanging") {
        let path = format!("/jobs/{}/status", &job[4..]);
        let polls = server.requests(&path).len();
        assert!((3..=5).contains(&polls), "{job}: {polls} polls");
    }
    let hanging = server.requests("/jobs/hanging/status").len();
    assert!((1..=3).contains(&hanging), "{hanging}");
    assert_eq!(exporter.jobs().len(), 49);
    assert!(!exporter.up());
}

#[tokio::test]
async fn the_rate_limit_holds_in_every_second() {
    let server =
        Server::start(|request| Answer::json(&job(request.target.split('/').nth(7).unwrap())))
            .await;
    let jobs: Vec<_> = (0..50)
        .map(|number| format!("etl/job-{number:02}"))
        .collect();
    let poll = PollConfig {
        requests_per_second: 20.0,
        ..POLL
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs, poll));
    exporter
        .eventually(|_| server.requests("").len() >= 45, true)
        .await;
    let times: Vec<_> = server
        .requests("")
        .iter()
        .map(|request| request.at)
        .collect();

    for (position, start) in times.iter().enumerate() {
        let within = times[position..].iter().filter(|at| **at - *start < SECOND);
        let within = within.count();
        assert!(within <= 20, "{within} in a second");
    }
}
