//! Prometheus exporter for the status of Kubernetes Jobs and CronJobs.
//!
//! Data goes one way:
//!
//! ```text
//! config ──► target (api client + auth) ──► source (watch | poll) ──► store ──► exposition ──► http
//! ```
//!
//! Sources push [`model::Update`]s into the store, and the store notes in the history what has to outlive the process, if there
//! is one; a scrape pulls a snapshot out of it. A module imports
//! [`model`], [`readiness`] and modules to its left, never to its right; only [`app`] and [`demo`] see all.
//!
//! - [`cli`][]: the command line
//! - [`config`][]: settings from defaults, file, environment and flags, checked as a whole
//! - [`model`][]: the words that all stages share: jobs, cronjobs, updates
//! - [`schedule`][]: when CronJobs are due, as their controller reckons
//! - [`target`][]: one API endpoint: its client, its credentials, its requests and errors
//! - [`source`][]: follows or polls the objects of a target and pushes what it sees
//! - [`history`][]: finished runs and totals that outlive the process, in a file
//! - [`store`][]: what is known of every target, with consistent snapshots
//! - [`exposition`][]: metric families as tables, and the two text formats
//! - [`http`][]: the server for `/metrics`, `/livez`, `/readyz` and `/`
//! - [`readiness`][]: whether every target was read once, and whether the process is on its way out
//! - [`telemetry`][]: logging
//! - [`app`][]: wires the stages together, supervises the tasks, handles signals
//! - [`demo`][]: a simulated batch/v1 API over real HTTP, for the `demo` command and for tests

pub mod app;
pub mod cli;
pub mod config;
pub mod demo;
pub mod exposition;
pub mod history;
pub mod http;
pub mod model;
pub mod readiness;
pub mod schedule;
pub mod source;
pub mod store;
pub mod target;
pub mod telemetry;
