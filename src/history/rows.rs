//! The format of rows, described in `docs/history.md`. It is the same in the file and in PostgreSQL.
//!
//! Rows are JSON, so they are readable, and fields can be added without a new format.

use std::{borrow::Cow, collections::BTreeMap, num::NonZeroU32};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::model::{
    Departure, FailureCause, FailureReason, Name, Run, RunExplanation, RunResult, ScheduleState,
    Seconds, Ticks, Totals, Uid, WorkloadAnnotations, WorkloadState,
};

/// A target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TargetRow {
    /// When the target was first read. Runs that ended before are not counted.
    pub(super) since: Seconds,
    /// When the workloads without `left` last existed.
    pub(super) seen: Seconds,
}

/// A workload. Unknown values are omitted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WorkloadRow<'a> {
    /// When it was gone; `None` while it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) left: Option<Seconds>,
    /// How it left; `None` while it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) departure: Option<Departure>,
    /// The totals of its runs.
    pub(super) totals: Cow<'a, Totals>,
    /// What was observed of its schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<Cow<'a, ScheduleState>>,
    /// The configured labels that have a value, by name: another process may have other labels configured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    /// The annotations with thresholds, severity and runbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) annotations: Option<Cow<'a, WorkloadAnnotations>>,
    /// Runs that the totals include and that have no rows. Only where several processes count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unlisted: Option<UnlistedRuns>,
}

/// Counted runs without rows: a process dropped them while too many waited, or a server that took over does not have them.
///
/// Another process may still have them, and must not count them again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct UnlistedRuns {
    succeeded: u64,
    failed: u64,
    /// The end of the last of them, at most.
    until: Seconds,
}

/// A finished run. Unknown values are omitted.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cause: Option<FailureCause>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) jobs: Option<NonZeroU32>,
    pub(super) counted: bool,
}

/// Upper bounds of the histograms in the totals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Bounds {
    pub(super) run_duration: Vec<f64>,
    pub(super) start_delay: Vec<f64>,
}

/// A row that cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[error("invalid row in table `{table}`: {problem}")]
pub(super) struct InvalidRow {
    table: &'static str,
    problem: serde_json::Error,
}

impl<'a> WorkloadRow<'a> {
    /// The row of a workload that exists. `names` are those of the configured labels.
    pub(super) fn new(state: &'a WorkloadState, names: &'a [String]) -> Self {
        let values = state.labels.iter().flat_map(|values| values.iter());
        let labels = names.iter().zip(values);
        Self {
            left: None,
            departure: None,
            totals: Cow::Borrowed(&state.totals),
            schedule: state.schedule.as_deref().map(Cow::Borrowed),
            labels: labels
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(&**value)))
                .collect(),
            annotations: state.annotations.as_deref().map(Cow::Borrowed),
            unlisted: None,
        }
    }

    /// The state of the workload in a process with these configured labels.
    pub(super) fn into_state(self, names: &[String]) -> WorkloadState {
        let value = |name: &String| -> Name {
            let value = self.labels.get(name.as_str());
            value.map_or("", |value| value).into()
        };
        WorkloadState {
            totals: self.totals.into_owned(),
            schedule: self.schedule.map(|it| Box::new(it.into_owned())),
            labels: (!names.is_empty()).then(|| names.iter().map(value).collect()),
            annotations: self.annotations.map(|it| Box::new(it.into_owned())),
            ticks: Ticks::default(),
        }
    }
}

impl UnlistedRuns {
    /// Adds the runs that `all` count and `listed` do not; `None` if there are none at all.
    pub(super) fn of(earlier: Option<Self>, listed: &Totals, all: &Totals) -> Option<Self> {
        let earlier = earlier.unwrap_or_default();
        let unlisted = Self {
            succeeded: earlier.succeeded + all.succeeded.saturating_sub(listed.succeeded),
            failed: earlier.failed + all.failed.saturating_sub(listed.failed),
            until: earlier.until,
        };
        if (unlisted.succeeded, unlisted.failed) == (0, 0) {
            return None;
        }
        let is_more = unlisted != earlier;
        let last = all.last_success.max(all.last_failure).filter(|_| is_more);
        Some(Self {
            until: last.map_or(earlier.until, |last| last.max(earlier.until)),
            ..unlisted
        })
    }

    /// The larger of its counts.
    pub(super) fn most(&self) -> u64 {
        self.succeeded.max(self.failed)
    }

    /// Takes a run that gets a row now. Returns whether it may be one of these.
    pub(super) fn take(&mut self, run: &Run) -> bool {
        let left = match run.result {
            RunResult::Succeeded => &mut self.succeeded,
            RunResult::Failed => &mut self.failed,
        };
        if *left == 0 || run.end > Some(self.until) {
            return false;
        }
        *left -= 1;
        true
    }
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
            cause: run.explanation.cause,
            exit_code: run.explanation.exit_code,
            jobs: run.jobs,
            counted,
        }
    }

    /// The run with this uid, which is part of the key.
    pub(super) fn into_run(self, uid: Uid) -> Run {
        Run {
            uid,
            job_name: self.job.as_ref().into(),
            due: self.due,
            manual: self.manual,
            created: self.created,
            start: self.start,
            end: self.end,
            result: self.result,
            reason: self.reason,
            succeeded_pods: self.succeeded_pods,
            failed_pods: self.failed_pods,
            explanation: RunExplanation {
                cause: self.cause,
                exit_code: self.exit_code,
                ..RunExplanation::default()
            },
            jobs: self.jobs,
        }
    }
}

/// Encodes a value of `table`.
pub(super) fn encode(table: &'static str, row: &impl Serialize) -> Result<String, InvalidRow> {
    serde_json::to_string(row).map_err(|problem| InvalidRow { table, problem })
}

/// Decodes a value of `table`.
pub(super) fn decode<T: DeserializeOwned>(
    table: &'static str,
    value: &str,
) -> Result<T, InvalidRow> {
    serde_json::from_str(value).map_err(|problem| InvalidRow { table, problem })
}
