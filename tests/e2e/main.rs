//! End-to-end tests: the real binary reads a real Kubernetes control plane. The pods are simulated.
//!
//! Plain `cargo test` does not run them. This command starts a control plane, runs the tests and stops it again:
//!
//! ```text
//! scripts/with-cluster cargo test --locked --test e2e
//! ```
//!
//! For a running control plane, set `KUBECONFIG` to the administrator's kubeconfig and `JOB_STATUS_E2E_CLUSTER` to the
//! directory with the kubeconfigs of two other users: `token-reader.kubeconfig` (may get, list and watch jobs, their status
//! and cronjobs) and `token-none.kubeconfig` (no permissions). The tests of expiring certificates need the key of the authority in
//! `pki/ca.key`. The `sim/*` labels and annotations of a pod template set what the pod does. Tests that need an outage start
//! their own control planes with the script `up` of the directory `JOB_STATUS_CLUSTER`, by default `../shared/cluster` beside
//! the repository. `promtool` and `kubectl` come from `PATH` or `target/tools`.
//!
//! Each test has its own namespace and exporter, so tests run in parallel. With `--nocapture` they print how soon each state
//! was shown. A failed test leaves its namespace in place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and prints what it measured"
)]

mod access;
mod certificates;
mod cluster;
mod control_plane;
mod cronjobs;
mod events;
mod expected;
mod exporter;
mod jobs;
mod kube_state_metrics;
mod kubectl;
mod metrics;
mod outage;
mod output;
mod pods;
mod polling;
mod proxy;
mod shards;
mod silence;
mod testbed;
mod wait;
mod watching;
mod workload;
mod workloads;
