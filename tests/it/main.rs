//! The tests that drive whole stages through their public interface, as one binary: one link step.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking; clippy takes only functions with #[test] for tests, not what they call"
)]

mod cci_auth;
mod cci_gateway;
mod cci_manners;
mod checker;
mod cloud;
mod config;
mod demo_api;
mod exporter;
mod exposition;
mod faults;
mod history;
mod http;
mod ksm;
mod layering;
mod lifecycle;
mod records;
mod simulation;
mod sources;
