//! The output of the command `status` for programs: the same facts as in the table.
//!
//! Times are in RFC 3339, durations in seconds. What is unknown is left out.

use jiff::Timestamp;
use kube_cron::Zone;
use serde::Serialize;

use super::{ReadTarget, StatusReport};
use crate::{
    model::{FailureReason, Seconds},
    status::{OverallState, Reach, TargetDetail, WorkloadStatus, phrases},
    telemetry::printable_json,
};

/// The document.
#[derive(Debug, Serialize)]
struct Document<'a> {
    targets: Vec<TargetEntry<'a>>,
    workloads: Vec<WorkloadEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct TargetEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    /// Whether everything was read.
    complete: bool,
    /// `up`, `partly` or `down`.
    reach: &'static str,
    feeds: usize,
    failing_feeds: usize,
    /// Why feeds fail, at most 100.
    errors: Vec<FeedProblem<'a>>,
    missing_jobs: usize,
}

#[derive(Debug, Serialize)]
struct FeedProblem<'a> {
    feed: String,
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct WorkloadEntry<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    namespace: &'a str,
    workload_type: &'a str,
    workload: &'a str,
    state: &'static str,
    /// Whether the state is a problem.
    problem: bool,
    /// Sentences without a full stop.
    findings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_run: Option<LastRun>,
    consecutive_failures: u64,
    active_runs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_due: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_deadline: Option<String>,
}

#[derive(Debug, Serialize)]
struct LastRun {
    /// `succeeded` or `failed`.
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<Seconds>,
}

/// The document as text that ends with a line break. Names are escaped, because it may go to a terminal.
pub(super) fn render(report: &StatusReport) -> String {
    let document = Document {
        targets: report.targets.iter().map(TargetEntry::new).collect(),
        workloads: report
            .overview
            .rows
            .iter()
            .map(WorkloadEntry::new)
            .collect(),
    };
    // Text and numbers always have a form in JSON.
    let document = serde_json::to_string_pretty(&document).unwrap_or_default();
    let lines = document.lines().map(|line| printable_json(line) + "\n");
    lines.collect()
}

impl<'a> TargetEntry<'a> {
    fn new(read: &'a ReadTarget<TargetDetail>) -> Self {
        let detail = &read.target;
        let problem = |feed: &'a crate::store::FeedHealth| {
            let error = &feed.failure.as_ref()?.error;
            Some(FeedProblem {
                feed: phrases::feed(&feed.scope),
                error: &error.message,
                hint: error.hint,
            })
        };
        Self {
            target: detail.health.name.as_deref(),
            complete: read.complete,
            reach: match detail.health.reach {
                Reach::Up => "up",
                Reach::Partly => "partly",
                Reach::Down => "down",
            },
            feeds: detail.health.feeds,
            failing_feeds: detail.health.failing_feeds,
            errors: detail.feeds.iter().filter_map(problem).collect(),
            missing_jobs: detail.health.missing_jobs,
        }
    }
}

impl<'a> WorkloadEntry<'a> {
    fn new(row: &'a WorkloadStatus) -> Self {
        let zone = row.schedule.as_ref().and_then(|it| it.zone.clone());
        let zone = zone.unwrap_or(Zone::UTC);
        let now = row.as_of.unwrap_or_default();
        let findings = row.findings.iter();
        let state: OverallState = row.state;
        Self {
            target: row.target.as_deref(),
            namespace: &row.id.namespace,
            workload_type: &row.id.kind,
            workload: &row.id.name,
            state: state.as_str(),
            problem: state.is_problem(),
            findings: findings
                .map(|finding| phrases::finding(finding, now, &zone))
                .collect(),
            last_run: row.last.as_ref().map(|last| LastRun {
                result: if last.succeeded {
                    "succeeded"
                } else {
                    "failed"
                },
                reason: last.reason.map(FailureReason::as_str),
                end: last.end.and_then(rfc3339),
                duration_seconds: last.duration(),
            }),
            consecutive_failures: row.consecutive_failures,
            active_runs: row.active_runs,
            next_due: row.next_due().and_then(rfc3339),
            success_deadline: row.success_deadline.and_then(rfc3339),
        }
    }
}

/// `None` for a time that no calendar has.
fn rfc3339(at: Seconds) -> Option<String> {
    Timestamp::from_second(at).ok().map(|at| at.to_string())
}
