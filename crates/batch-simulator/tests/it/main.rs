//! Tests of the simulator through its public interface, as one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking; clippy takes only functions with #[test] for tests, not what they call"
)]

mod api;
mod client;
mod cloud;
mod gateway;
