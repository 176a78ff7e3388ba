//! End-to-end tests: the real binary against a real Kubernetes control plane, whose pods are simulated.
//!
//! They are no part of plain `cargo test`. To run them beside a control plane that is started and stopped for them:
//!
//! ```text
//! scripts/with-cluster cargo test --locked --test e2e
//! ```
//!
//! For one that is up, `KUBECONFIG` names the kubeconfig of its administrator, and `JOB_STATUS_E2E_CLUSTER` the directory
//! with those of two lesser users: `token-reader.kubeconfig` (get, list and watch jobs, their status, and cronjobs) and
//! `token-none.kubeconfig` (no rights). What a pod does, its template says in `sim/*` labels and annotations. The
//! tests that need an outage start control planes of their own with `up` of the directory `JOB_STATUS_CLUSTER`, by
//! default `../shared/cluster` beside the repository. `promtool` is looked for in `PATH` and in `target/tools`.
//!
//! Each test has a namespace and an exporter of its own, so they run at the same time. With `--nocapture` they tell how soon
//! each state was shown. The namespace of a test that failed is left as it is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells what it saw"
)]

mod access;
mod cluster;
mod control_plane;
mod cronjobs;
mod expected;
mod exporter;
mod jobs;
mod kube_state_metrics;
mod metrics;
mod outage;
mod output;
mod patience;
mod polling;
mod scene;
mod watching;
mod workload;
mod workloads;
