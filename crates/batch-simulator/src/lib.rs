//! A simulated batch/v1 API over real HTTP, for the `demo` command and for tests.
//!
//! [`api`] serves Jobs and `CronJobs` as a Kubernetes 1.36 API server does and is steered through a handle;
//! [`scenario`] plays a small busy cluster on such a handle; [`gateway`] puts the front of Huawei Cloud CCI before one;
//! [`clock`] gives all of them the date. Nothing here knows the
//! exporter: it is talked to like any cluster.

pub mod api;
pub mod clock;
pub mod gateway;
pub mod scenario;
