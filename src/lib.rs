//! Prometheus exporter for the status of Kubernetes Jobs and CronJobs.
//!
//! Data flows one way:
//!
//! ```text
//! config ──► client ──► source (watch | poll) ──► store ──► status ──► metrics ──► server
//!                          │                        │
//!                        decode                  history (a file or PostgreSQL)
//! ```
//!
//! Sources read an API through its client, decode the objects and push [`model::Update`]s into the store. The store keeps
//! the objects, counts runs, and writes to the history what has to outlive the process. A scrape takes a snapshot of the
//! store, renders it and sends it. Pages for people ask `status` first. A module imports [`model`] and the modules to its left,
//! never those to its right; only [`app`] sees all of them. `tests/it/layering.rs` checks that.
//!
//! The stages, from left to right:
//!
//! - [`config`][]: settings from defaults, file, environment and flags, checked as a whole
//! - [`client`][]: the client of one API: its address, credentials, requests and errors
//! - [`decode`][]: JSON or Protocol Buffers of the API to records
//! - [`source`][]: lists, watches or polls the objects of one target, and pushes them to the store
//! - [`history`][]: finished runs and totals that outlive the process, in a file or in PostgreSQL
//! - [`store`][]: everything known about every target, with consistent snapshots
//! - [`status`][]: what people ask of a workload: its state, why, since when, and what comes next
//! - [`metrics`][]: metric families as tables, in two text formats and protobuf
//! - [`server`][]: the HTTP server for `/metrics`, `/probe`, `/livez`, `/readyz`, the pages at `/` and the API at `/api/v1`
//!
//! Beside them:
//!
//! - [`model`][]: the types that the stages share: Jobs, CronJobs, runs, updates
//! - `backoff`: the one exponential back-off
//! - `log_limit`: the limit on log lines that others cause
//! - `protobuf`: the fields of a Protocol Buffers message
//! - `x509`: what a certificate says about itself
//! - [`cli`][]: the command line
//! - [`telemetry`][]: the log on standard error, and events of runs on standard output
//! - [`app`][]: builds the stages, supervises their tasks, handles signals
//! - `fuzzing`: the harness functions of the fuzz targets, for tests only
//!
//! Three crates stand on their own: `kube_cron` evaluates schedules as the CronJob controller does, `heap_trim` gives freed memory
//! back, and `batch_simulator` is the simulated API of the command `demo` (a default feature) and of the tests.

pub mod app;
mod backoff;
pub mod cli;
pub mod client;
pub mod config;
pub mod decode;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod history;
mod log_limit;
pub mod metrics;
pub mod model;
mod protobuf;
pub mod server;
pub mod source;
pub mod status;
pub mod store;
pub mod telemetry;
mod x509;

// The checker of the integration tests, which the harness functions share, names this crate.
#[cfg(any(test, feature = "fuzzing"))]
extern crate self as job_status_exporter;
