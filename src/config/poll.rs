//! `poll`: how often a polled target is asked, and the limits that protect it.

use std::{ops::RangeInclusive, time::Duration};

use super::{duration, reader::Node};

/// What `interval` may be.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
/// What `timeout` may be, as long as it is not longer than the interval.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);

/// How a target is polled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PollConfig {
    /// The time between two reads of the same thing, before jitter and back-off.
    pub interval: Duration,
    /// How long one request may take; never longer than `interval`.
    pub timeout: Duration,
    /// How many requests may be under way at the same time, at least 1.
    pub concurrency: usize,
    /// How many requests may begin per second; more than 0, perhaps less than 1.
    pub requests_per_second: f64,
    /// Whether configured Jobs are read by one list per namespace, in place of one request per Job.
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
    /// How long `requests` take at the allowed rate.
    pub(super) fn time_for(&self, requests: u32) -> Duration {
        Duration::from_secs_f64(f64::from(requests) / self.requests_per_second)
    }
}

/// Reads `poll`. What is wrong is reported, and the default stands in for it.
pub(super) fn read(node: &Node<'_>) -> PollConfig {
    let mut poll = PollConfig::default();
    let Some(section) = node.section() else {
        return poll;
    };
    if let Some(interval) = section
        .get("interval")
        .and_then(|node| node.duration(INTERVALS))
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
    if let Some(by_list) = section.get("by_list").and_then(|node| node.switch()) {
        poll.by_list = by_list;
    }
    let timeout = section
        .get("timeout")
        .and_then(|node| Some((node.duration(TIMEOUTS)?, node)));
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
