//! `poll`: the interval of a polled target, the limits that protect its API, and what `/probe` may ask of it.
//!
//! A watched target has this section only to allow probes: the keys that do not concern them are problems there.

use std::{ops::RangeInclusive, time::Duration};

use super::{
    duration,
    reader::{Node, Section},
};

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

/// What `/probe` may ask of a target, and the limits of each probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeConfig {
    /// Whether any Job of the target can be probed, not only a configured one.
    pub any: bool,
    /// The longest time for one probe.
    pub timeout: Duration,
    /// The maximum rate of probes. In a polled target, the polls are part of it.
    pub requests_per_second: f64,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self::new(false, PollConfig::default())
    }
}

impl ProbeConfig {
    /// Probes within the limits of `poll`.
    pub(crate) fn new(any: bool, poll: PollConfig) -> Self {
        Self {
            any,
            timeout: poll.timeout,
            requests_per_second: poll.requests_per_second,
        }
    }
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

/// Reads `poll` of a polled target. The default replaces an invalid value, which is reported. Returns it with `probe_any`.
pub(super) fn read(node: &Node<'_>) -> (PollConfig, bool) {
    let Some(section) = node.section() else {
        return (PollConfig::default(), false);
    };
    let mut poll = limits(&section);
    match timeout(&section) {
        Some((timeout, node)) => {
            if timeout > poll.interval {
                let (timeout, interval) =
                    (duration::format(timeout), duration::format(poll.interval));
                node.problem(format!(
                    "must not be longer than the interval: {timeout} is more than {interval}"
                ));
            }
            poll.timeout = timeout;
        }
        None => poll.timeout = poll.timeout.min(poll.interval),
    }
    (poll, probe_any(&section))
}

/// Reads `poll` of a watched target, where only the keys about probes have an effect.
pub(super) fn read_watched(node: &Node<'_>) -> ProbeConfig {
    let Some(section) = node.section() else {
        return ProbeConfig::default();
    };
    let mut probes = ProbeConfig::new(probe_any(&section), limits(&section));
    if let Some((timeout, _)) = timeout(&section) {
        probes.timeout = timeout;
    }
    if !probes.any {
        node.problem_with_hint(
            "has no effect in watch mode",
            "set `mode: poll` to poll, or `probe_any: true` to allow probes",
        );
        return probes;
    }
    for key in ["interval", "concurrency", "by_list"] {
        if let Some(node) = section.get(key) {
            node.problem("has no effect in watch mode");
        }
    }
    probes
}

/// Reads `probe_any`.
fn probe_any(section: &Section<'_>) -> bool {
    let any = section.get("probe_any").and_then(|node| node.boolean());
    any.unwrap_or_default()
}

/// Reads everything but `timeout` and `probe_any`.
fn limits(section: &Section<'_>) -> PollConfig {
    let mut poll = PollConfig::default();
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
    poll
}

/// Reads `timeout`.
fn timeout<'a>(section: &Section<'a>) -> Option<(Duration, Node<'a>)> {
    let node = section.get("timeout")?;
    Some((node.duration(TIMEOUT_RANGE)?, node))
}
