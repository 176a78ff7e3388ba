//! `poll`: the interval of a polled target, and the limits that protect its API.

use std::{ops::RangeInclusive, time::Duration};

use super::{duration, reader::Node};

/// The valid values of `interval`.
const INTERVAL_RANGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
/// The valid values of `timeout`, which also must not exceed the interval.
const TIMEOUT_RANGE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);

/// How a target is polled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollConfig {
    /// The time between two polls of the same list or Job, before jitter and back-off.
    pub interval: Duration,
    /// The timeout of one request; at most `interval`.
    pub timeout: Duration,
    /// The maximum number of concurrent requests, at least 1.
    pub concurrency: usize,
    /// The maximum rate of requests; more than 0, may be less than 1.
    pub requests_per_second: f64,
    /// Whether configured Jobs are read with one list per namespace instead of one request per Job.
    pub by_list: bool,
}

impl Default for PollConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            concurrency: 4,
            requests_per_second: 5.0,
            by_list: false,
        }
    }
}

impl PollConfig {
    /// The time that `requests` take at the maximum rate.
    pub(super) fn time_for(&self, requests: u32) -> Duration {
        Duration::from_secs_f64(f64::from(requests) / self.requests_per_second)
    }
}

/// Reads `poll`. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> PollConfig {
    let mut poll = PollConfig::default();
    let Some(section) = node.section() else {
        return poll;
    };
    if let Some(interval) = section
        .get("interval")
        .and_then(|node| node.duration(INTERVAL_RANGE))
    {
        poll.interval = interval;
    }
    if let Some(count) = section
        .get("concurrency")
        .and_then(|node| node.count(1..=256))
    {
        poll.concurrency = count;
    }
    if let Some(rate) = section
        .get("requests_per_second")
        .and_then(|node| node.number(0.01..=1000.0))
    {
        poll.requests_per_second = rate;
    }
    if let Some(by_list) = section.get("by_list").and_then(|node| node.boolean()) {
        poll.by_list = by_list;
    }
    let timeout = section
        .get("timeout")
        .and_then(|node| Some((node.duration(TIMEOUT_RANGE)?, node)));
    let Some((timeout, node)) = timeout else {
        poll.timeout = poll.timeout.min(poll.interval);
        return poll;
    };
    if timeout > poll.interval {
        let (timeout, interval) = (duration::format(timeout), duration::format(poll.interval));
        node.problem(format!(
            "must not be longer than the interval: {timeout} is more than {interval}"
        ));
    }
    poll.timeout = timeout;
    poll
}
