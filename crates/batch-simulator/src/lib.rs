//! A simulated API of Jobs, `CronJobs` and pods over real HTTP, for the command `demo` and for tests.
//!
//! - [`api`]: an API server with Jobs, `CronJobs` and pods that behaves like Kubernetes 1.36. A handle changes the objects.
//! - [`scenario`]: a small busy cluster that runs on such an API.
//! - [`gateway`]: IAM and the API gateway of Huawei Cloud CCI in front of such an API.
//! - [`clock`]: the time that all of them share.
//!
//! The feature `faults` adds what only tests need: permissions, latency, throttling, failing requests, recorded requests and the
//! metadata service. The crate does not depend on the exporter, which reads the simulator like any cluster.

pub mod api;
pub mod clock;
mod connections;
pub mod gateway;
pub mod scenario;
