//! Tests of whole stages through their public API. They are one binary, so they link once.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking; clippy recognizes only functions with #[test], not the helpers that they call"
)]

mod cci_auth;
mod cci_quirks;
mod checker;
#[path = "../../crates/batch-simulator/tests/it/cloud.rs"]
mod cloud;
mod config;
mod cookbook;
mod dashboards;
mod exporter;
mod faults;
mod history;
mod ksm;
mod layering;
mod lifecycle;
mod metrics;
mod probe;
mod promql;
mod protobuf;
mod records;
mod rules;
mod server;
mod simulation;
mod sources;
mod web_file;
