//! What people ask of a workload: its state, why, since when, and what comes next.
//!
//! The pages, the JSON API and the command `status` get their answers here, so they agree with each other. They agree with
//! the alert rules, too: a [`Finding`] of the levels warning and critical is the condition of an alert of
//! `config/rules/job-status.rules.yaml`, with the same thresholds. An alert with `for:` follows later.
//!
//! - [`contact`]: until when a target is known; everything is judged as of then, never of silence
//! - [`finding`]: what is wrong with a workload, with the numbers
//! - [`state`]: the one state of a workload, which follows from its findings
//! - [`judge`]: finds the findings in the records of the store
//! - [`workload`]: what an overview shows of one workload
//! - [`detail`]: the same with its runs and what comes next
//! - [`target`]: what the page of targets shows
//! - [`overview`]: all workloads: counts, filters, sorting and pages, as a [`Query`] asks
//! - [`phrases`]: the only module with words for people
//!
//! Invariant: the stage knows nothing of HTTP, HTML and JSON, and keeps no state. It reads snapshots of the store.

mod contact;
mod detail;
mod finding;
mod judge;
mod overview;
pub mod phrases;
mod query;
mod state;
mod target;
mod workload;

pub use contact::{Reach, TargetHealth};
pub use detail::{PastRuns, RunState, WorkloadDetail, WorkloadRun};
pub use finding::{Finding, KnownCause, Level};
pub use overview::{Overview, PAGE, Summary};
pub use query::{Column, Query, UNNAMED_TARGET};
pub use state::OverallState;
pub use target::{TargetDetail, VerbRequests};
pub use workload::{LimitStatus, ScheduleFacts, WorkloadStatus};

#[cfg(test)]
mod tests;
