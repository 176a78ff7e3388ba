//! Two hundred configured Jobs behind a gateway with a low rate limit.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use job_status_exporter::config::PollConfig;
use tokio::time::Instant;

use super::*;

/// The configured Jobs.
fn jobs() -> Vec<String> {
    (0..200)
        .map(|number| format!("reports/job-{number:03}"))
        .collect()
}

/// Two Jobs always fail, and the response for one never comes.
fn respond(request: &Request) -> Answer {
    let (namespace, name) = job_of(request);
    match name.rsplit('-').next() {
        Some("013" | "077") => Answer::whole(500, &[], ""),
        Some("101") => Answer::none().hang(),
        _ => Answer::json(&job(namespace, name)),
    }
}

/// The most requests that arrived within any second.
fn most_in_any_second(server: &Server) -> usize {
    let times: Vec<_> = server.requests("").iter().map(|r| r.at).collect();
    let within = |(position, begin): (usize, &Instant)| {
        let rest = times[position..].iter();
        rest.filter(|at| **at - *begin < SECOND).count()
    };
    times.iter().enumerate().map(within).max().unwrap_or(0)
}

/// The default cap for some seconds: each request is for another job, and none is too early.
#[tokio::test]
async fn the_default_cap_holds_in_every_second() {
    let server = Server::start(respond).await;
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs(), PollConfig::default()));
    exporter.throughout(6 * SECOND, |_| (), ()).await;
    let most = most_in_any_second(&server);
    assert!((4..=5).contains(&most), "{most}");
    let requests = server.requests("");
    assert!(requests.len() >= 27, "{}", requests.len());
    let mut names: Vec<_> = requests.iter().map(|r| job_of(r).1).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), requests.len(), "each Job is polled once");
}

/// A higher cap, so that every Job is polled several times.
#[tokio::test]
async fn failing_jobs_do_not_delay_the_others() {
    let server = Server::start(respond).await;
    let poll = PollConfig {
        interval: 4 * SECOND,
        timeout: SECOND,
        concurrency: 8,
        requests_per_second: 100.0,
        by_list: false,
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs(), poll));
    exporter.throughout(13 * SECOND, |_| (), ()).await;
    assert_eq!(exporter.jobs().len(), 197);
    let most = most_in_any_second(&server);
    assert!(most <= 100, "{most}");
    let mut times = std::collections::BTreeMap::<String, Vec<Instant>>::new();
    for request in server.requests("") {
        let name = job_of(&request).1.to_owned();
        times.entry(name).or_default().push(request.at);
    }
    assert_eq!(times.len(), 200);
    for (name, times) in times {
        if ["job-013", "job-077", "job-101"].contains(&name.as_str()) {
            assert!((1..=4).contains(&times.len()), "{name}: {}", times.len());
            continue;
        }
        for pair in times.windows(2) {
            let gap = pair[1] - pair[0];
            assert!(gap < SECOND * 11 / 2, "{name}: {gap:?}");
        }
    }
}

/// A gateway that counts all requests per window, throttled ones included, and sends no `Retry-After`.
struct Throttle {
    limit: usize,
    window: Duration,
    seen: VecDeque<Instant>,
}

impl Throttle {
    fn throttles(&mut self, now: Instant) -> bool {
        while self.seen.front().is_some_and(|at| now - *at >= self.window) {
            self.seen.pop_front();
        }
        self.seen.push_back(now);
        self.seen.len() > self.limit
    }
}

/// While the gateway throttles, requests slow down; afterwards all Jobs are read soon.
#[tokio::test]
async fn a_throttled_target_slows_down_and_recovers() {
    let throttle = Arc::new(Mutex::new(Some(Throttle {
        limit: 10,
        window: SECOND,
        seen: VecDeque::new(),
    })));
    let policy = throttle.clone();
    let server = Server::start(move |request| {
        let throttled = policy.lock().unwrap().as_mut().is_some_and(|t| t.throttles(request.at));
        if throttled {
            let message = "The throttling threshold has been reached: policy ip over ratelimit,limit:10,time:1 second";
            return gateway_error(429, "APIGW.0308", message);
        }
        let (namespace, name) = job_of(request);
        Answer::json(&job(namespace, name))
    })
    .await;
    let poll = PollConfig {
        interval: 2 * SECOND,
        timeout: SECOND,
        concurrency: 8,
        requests_per_second: 50.0,
        by_list: false,
    };
    let mut exporter = Exporter::start(server.endpoint(), polled(&jobs(), poll));
    exporter.throughout(10 * SECOND, |_| (), ()).await;
    let during = server.requests("").len();
    // At the configured rate there would be 500.
    assert!((30..=160).contains(&during), "{during}");
    assert!(exporter.jobs().len() > 20, "{}", exporter.jobs().len());
    *throttle.lock().unwrap() = None;
    exporter
        .eventually(|e| (e.jobs().len(), e.up(), e.ready()), (200, true, true))
        .await;
    exporter.throughout(3 * SECOND, Exporter::up, true).await;
    assert!(most_in_any_second(&server) <= 50);
}
