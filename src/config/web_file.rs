//! The web configuration file in the format of the Prometheus exporter-toolkit, as plain data.
//!
//! The server takes these types. A value here needs no further checks.

use std::time::Duration;

/// A rate limit of requests: a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitConfig {
    /// The time in which one more request is allowed. Not zero.
    pub interval: Duration,
    /// How many requests are allowed at once.
    pub burst: u32,
}
