//! `rate_limit`: a token bucket for all requests.

use std::time::Duration;

use super::interval;
use crate::config::reader::{Node, Section};

/// The maximum `burst`, which is that of Go's 32-bit platforms.
const MAX_BURST: u32 = 2_147_483_647;

/// A token bucket: `burst` requests at once, then one per `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// The time between two requests; not zero.
    pub interval: Duration,
    /// The number of requests without a pause between them, at least 1.
    pub burst: u32,
}

/// Reads `rate_limit`. `None` for no limit, or if a problem was reported.
pub(super) fn read(node: &Node<'_>) -> Option<RateLimitConfig> {
    let section = node.section()?;
    let burst = section
        .get("burst")
        .map(|node| (node.count(0..=MAX_BURST), node));
    let interval = interval(&section)?;
    if interval.is_zero() {
        return None;
    }
    let hint = "write how many requests may come at once, such as `burst: 10`";
    match burst {
        Some((Some(0), node)) => {
            node.problem_with_hint("is 0, which refuses every request", hint);
            None
        }
        Some((burst, _)) => Some(RateLimitConfig {
            interval,
            burst: burst?,
        }),
        None => {
            let message = "is missing; its default, 0, refuses every request";
            section.missing("burst").problem_with_hint(message, hint);
            None
        }
    }
}

/// Reads `interval`, by default 0. `None` means that a problem was reported.
fn interval(section: &Section<'_>) -> Option<Duration> {
    let Some(node) = section.get("interval") else {
        return Some(Duration::ZERO);
    };
    match node.as_number() {
        Some("0") => Some(Duration::ZERO),
        Some(number) => {
            node.problem_with_hint(
                format!("`{number}` is a number without a unit"),
                format!("write `{number}s` for seconds"),
            );
            None
        }
        None => node.parsed(interval::parse),
    }
}
