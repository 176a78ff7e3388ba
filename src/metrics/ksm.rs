//! The `kube_job_*` and `kube_cronjob_*` families of kube-state-metrics 2.20: same names, labels and values.
//!
//! For those who have rules and dashboards on them. Odd values are shown as odd as there; what is meant by them is in
//! the tables of this program's own families. Only objects that exist are shown, whatever is retained of others, and
//! only what was mirrored of them when they were read.

mod cronjob;
mod example;
mod job;

pub(super) use cronjob::KsmCronJobs;
pub(super) use example::target as example;
pub(super) use job::KsmJobs;
