//! Prometheus exporter for the status of Kubernetes Jobs and CronJobs.
//!
//! Data flows one way:
//!
//! ```text
//! config ──► client ──► decode ──► source (watch | poll) ──► store (+ history) ──► metrics ──► server
//! ```

pub mod app;
mod backoff;
pub mod cli;
pub mod client;
pub mod config;
pub mod decode;
pub mod history;
pub mod metrics;
pub mod model;
pub mod server;
pub mod source;
pub mod store;
pub mod telemetry;
