//! Integration tests, in one binary: one link step.

#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only functions with #[test] for tests, not what they call"
)]

mod config;
