//! The tests that drive whole stages through their public interface, as one binary: one link step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking; clippy takes only functions with #[test] for tests, not what they call"
)]

mod cci_auth;
mod cci_manners;
mod checker;
mod cloud;
mod config;
mod exporter;
mod faults;
mod history;
mod ksm;
mod layering;
mod lifecycle;
mod metrics;
mod records;
mod server;
mod simulation;
mod sources;
