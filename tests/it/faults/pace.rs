//! How often a server is asked that does not work well: servers must not suffer from those who watch them.

use futures_util::future::join_all;
use job_status_exporter::{
    config::PollConfig,
    model::{Code, Verb},
};

use super::*;
use crate::exporter::{POLL, listed, polled};

/// Makes an answer, with the date in so many seconds at hand.
type Refusal = fn(&dyn Fn(i64) -> String) -> Answer;

type Script = Box<dyn Fn(&Request) -> Answer + Send + Sync>;

/// Watches for 3 s with waits that begin at 0.25 to 0.5 s and double.
const BOUND: usize = 5;

#[tokio::test]
async fn nobody_is_asked_without_pause() {
    let list_a = || Answer::json(&list(&[job("a")]));
    let scripts: Vec<(&str, Script)> = vec![
        ("closes at once", Box::new(|_| Answer::none())),
        ("resets at once", Box::new(|_| Answer::none().reset())),
        ("refuses all", Box::new(|_| Answer::whole(500, &[], ""))),
        (
            "ends watches at once",
            Box::new(watches(vec![Answer::chunked().end()])),
        ),
        (
            "refuses watches",
            Box::new(watches(vec![Answer::whole(403, &[], "")])),
        ),
        (
            "expires at once",
            Box::new(watches(vec![Answer::whole(410, &[], "")])),
        ),
        (
            "replays its objects",
            Box::new(watches(vec![
                Answer::chunked()
                    .event("ADDED", &numbered("a", 7))
                    .event("ADDED", &numbered("b", 3))
                    .end(),
            ])),
        ),
        (
            "repeats one event",
            Box::new(watches(vec![
                Answer::chunked().event("ADDED", &numbered("a", 10)).end(),
            ])),
        ),
        (
            "babbles in watches",
            Box::new(watches(vec![Answer::whole(200, &[], "<html>\n</html>\n")])),
        ),
        (
            "expires lists",
            Box::new(lists(vec![Answer::whole(410, &[], "")])),
        ),
        (
            "ends lists of no version",
            Box::new(lists(vec![Answer::json(&json!({"items": []}))])),
        ),
        ("lists well", Box::new(lists(vec![list_a()]))),
    ];
    join_all(scripts.into_iter().map(async |(what, script)| {
        let server = Server::start(script).await;
        let mut exporter = Exporter::start(server.endpoint(), everything());
        exporter.throughout(3 * SECOND, |_| (), ()).await;
        let lists = server.requests("/jobs?limit").len();
        let watches = server.requests("/jobs?watch").len();
        assert!((1..=BOUND).contains(&lists), "{what}: {lists} lists");
        assert!(watches <= BOUND, "{what}: {watches} watches");
    }))
    .await;
}

/// Not more than once in a while, for hours: events come, and their watch ends each time.
#[tokio::test]
async fn watches_that_end_after_each_event_are_still_followed() {
    let version = AtomicUsize::new(10);
    let (server, mut exporter) = watched(move |request| {
        if request.resource() != "jobs" || !request.is_watch() {
            return quiet(request);
        }
        let version = 1 + version.fetch_add(1, Ordering::Relaxed) as u64;
        Answer::chunked()
            .event("ADDED", &numbered(&format!("job-{version}"), version))
            .end()
    })
    .await;
    exporter
        .eventually(|_| server.requests("/jobs?watch").len() >= 6, true)
        .await;
    let watches = server.requests("/jobs?watch");
    for pair in watches.windows(2) {
        // As long as the first wait after a failure.
        let gap = (pair[1].at - pair[0].at).as_secs_f64();
        assert!(gap > 0.24, "{gap}");
    }
    assert_eq!(
        server.requests("/jobs?limit").len(),
        1,
        "each watch goes on after the last"
    );
}

#[tokio::test]
async fn nobody_is_asked_before_the_time_that_he_named() {
    let date = |seconds: i64| {
        let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    let refusals: [(&str, Refusal); 3] = [
        ("seconds", |_| {
            Answer::whole(429, &[("retry-after", "1")], "too many requests")
        }),
        // It has whole seconds: it is up to one earlier than it was to be.
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
        let (refusal, asked) = (*refusal, AtomicUsize::new(0));
        let server = Server::start(move |request| {
            if request.resource() != "jobs" || asked.fetch_add(1, Ordering::Relaxed) > 0 {
                return quiet(request);
            }
            refusal(&date)
        })
        .await;
        let mode = if watch { everything() } else { listed(POLL) };
        let mut exporter = Exporter::start(server.endpoint(), mode);
        exporter.eventually(Exporter::up, true).await;
        let lists = server.requests("/jobs?limit");
        let gap = (lists[1].at - lists[0].at).as_secs_f64();
        assert!((1.0..10.0).contains(&gap), "{what}, watch {watch}: {gap}");
    }))
    .await;
}

/// One answer that asks for a pause speaks for the whole server, even to those who were about to ask.
#[tokio::test]
async fn a_pause_is_for_all_polls_of_a_target() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        if asked.fetch_add(1, Ordering::Relaxed) == 20 {
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
    // Whose request was on its way already.
    assert!(meanwhile.count() <= 2);
}

#[tokio::test]
async fn a_pause_beyond_reason_ends_nothing() {
    for value in [
        "18446744073709551615",
        "99999999999999999999",
        "-1",
        "Mon, 01 Jan 9999 00:00:00 GMT",
        "soon",
    ] {
        let busy = Answer::whole(429, &[("retry-after", value)], "");
        let (_server, mut exporter) = watched(lists(vec![busy])).await;
        exporter
            .eventually(|e| e.requests(Verb::List, Code::TooManyRequests) >= 1, true)
            .await;
        exporter.throughout(SECOND / 5, Exporter::up, false).await;
    }
}

#[tokio::test]
async fn a_dead_job_does_not_delay_the_others() {
    let server = Server::start(|request| {
        let name = request.target.split('/').nth(7).unwrap();
        if name == "dead" {
            Answer::none().hang()
        } else {
            Answer::json(&job(name))
        }
    })
    .await;
    let mut jobs: Vec<_> = (0..49)
        .map(|number| format!("etl/job-{number:02}"))
        .collect();
    jobs.insert(20, "etl/dead".to_owned());
    let poll = PollConfig {
        interval: SECOND,
        timeout: SECOND,
        concurrency: 4,
        requests_per_second: 500.0,
        by_list: false,
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs, poll));
    // Intervals are exact under paused time, in the unit tests; here there is a machine that may be busy.
    exporter
        .eventually(|_| server.requests("").len() >= 200, true)
        .await;
    for job in jobs.iter().filter(|job| *job != "etl/dead") {
        let path = format!("/jobs/{}/status", &job[4..]);
        let polls = server.requests(&path).len();
        assert!((3..=5).contains(&polls), "{job}: {polls} polls");
    }
    let dead = server.requests("/jobs/dead/status").len();
    assert!((1..=3).contains(&dead), "{dead}");
    assert_eq!(exporter.jobs().len(), 49);
    assert!(!exporter.up());
}

#[tokio::test]
async fn the_cap_on_requests_holds_in_every_second() {
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

    for (position, begin) in times.iter().enumerate() {
        let within = times[position..].iter().filter(|at| **at - *begin < SECOND);
        let within = within.count();
        assert!(within <= 20, "{within} in a second");
    }
}
