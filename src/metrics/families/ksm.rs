//! The `kube_job_*` and `kube_cronjob_*` families of kube-state-metrics 2.20, with the same names, labels and values.
//!
//! They serve existing rules and dashboards, so they reproduce unusual values, too. They show only objects that exist, and
//! only fields that the decoder read for them.

mod cronjob;
mod job;

pub(in crate::metrics) use cronjob::KsmCronJobs;
pub(in crate::metrics) use job::KsmJobs;
