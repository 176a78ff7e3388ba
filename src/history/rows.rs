//! What is in the file: its tables, and how rows are written.
//!
//! Keys are tuples, so that the rows of a target and of a workload lie side by side, runs in their order. Values are JSON: a
//! field can be added without touching what is there, and a person can read them. `docs/history.md` describes all of it.

use std::borrow::Cow;

use redb::TableDefinition;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{FailureReason, Run, RunResult, Seconds, Totals, WorkloadId};

/// What the file says of itself.
pub(super) const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// In [`META`]: the [`FORMAT`] of the file.
pub(super) const FORMAT_KEY: &str = "format";

/// In [`META`]: the [`Bounds`] of all histograms.
pub(super) const BOUNDS_KEY: &str = "bounds";

/// The version of all this. A program refuses files whose version it does not know.
pub(super) const FORMAT: u32 = 1;

/// By name, empty for the unnamed one: a [`TargetRow`].
pub(super) const TARGETS: TableDefinition<'_, &str, &str> = TableDefinition::new("targets");

/// By [`WorkloadKey`]: a [`WorkloadRow`].
pub(super) const WORKLOADS: TableDefinition<'_, WorkloadKey<'_>, &str> =
    TableDefinition::new("workloads");

/// By [`RunKey`]: a [`RunRow`].
pub(super) const RUNS: TableDefinition<'_, RunKey<'_>, &str> = TableDefinition::new("runs");

/// Target, namespace, kind, name.
pub(super) type WorkloadKey<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The same, then due time, start, creation, and the uid.
pub(super) type RunKey<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    (Seconds, Seconds, Seconds),
    &'a str,
);

/// A target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TargetRow {
    /// Since when runs are counted.
    pub(super) since: Seconds,
    /// When all of it was last known. Workloads that have not left were there then.
    pub(super) seen: Seconds,
}

/// A workload.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WorkloadRow<'a> {
    /// When it left, if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<Seconds>,
    /// What its runs come to.
    pub(super) totals: Cow<'a, Totals>,
}

/// A finished run. What is not known is left out.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunRow<'a> {
    pub(super) job: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) due: Option<Seconds>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) manual: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) start: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) end: Option<Seconds>,
    pub(super) result: RunResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<FailureReason>,
    pub(super) succeeded_pods: i32,
    pub(super) failed_pods: i32,
    pub(super) counted: bool,
}

/// Upper bounds of the histograms that are in the totals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) run_duration: Vec<f64>,
    pub(super) start_delay: Vec<f64>,
}

/// A row that makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("a row of table `{table}` makes no sense: {problem}")]
pub(super) struct BadRow {
    table: &'static str,
    problem: serde_json::Error,
}

impl<'a> RunRow<'a> {
    pub(super) fn new(run: &'a Run, counted: bool) -> Self {
        Self {
            job: Cow::Borrowed(&run.job_name),
            due: run.due,
            manual: run.manual,
            created: run.created,
            start: run.start,
            end: run.end,
            result: run.result,
            reason: run.reason,
            succeeded_pods: run.succeeded_pods,
            failed_pods: run.failed_pods,
            counted,
        }
    }
}

pub(super) fn workload_key<'a>(target: &'a str, id: &'a WorkloadId) -> WorkloadKey<'a> {
    (target, &id.namespace, &id.kind, &id.name)
}

/// The workload that a key is of.
pub(super) fn workload_id((_, namespace, kind, name): WorkloadKey<'_>) -> WorkloadId {
    WorkloadId {
        namespace: namespace.into(),
        kind: kind.into(),
        name: name.into(),
    }
}

/// The name that sorts right behind a target: its rows are those from the first of the target up to the first of this.
pub(super) fn behind(target: &str) -> String {
    format!("{target}\0")
}

/// What sorts before all workloads of a target.
pub(super) fn first_workload(target: &str) -> WorkloadKey<'_> {
    (target, "", "", "")
}

/// What sorts before all runs of a target.
pub(super) fn first_run(target: &str) -> RunKey<'_> {
    let order = (Seconds::MIN, Seconds::MIN, Seconds::MIN);
    (target, "", "", "", order, "")
}

/// What a value of `table` is to be.
pub(super) fn encode(table: &'static str, row: &impl Serialize) -> Result<String, BadRow> {
    serde_json::to_string(row).map_err(|problem| BadRow { table, problem })
}

/// What a value of `table` was.
pub(super) fn decode<T: DeserializeOwned>(table: &'static str, value: &str) -> Result<T, BadRow> {
    serde_json::from_str(value).map_err(|problem| BadRow { table, problem })
}
