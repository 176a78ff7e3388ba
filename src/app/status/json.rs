//! The output of the command `status` for programs: the types of the JSON API.

use serde::Serialize;

use super::{ReadTarget, StatusReport};
use crate::{
    server::api::{TargetEntry, WorkloadCounts, WorkloadEntry},
    status::TargetDetail,
    telemetry::printable_json,
};

/// The document.
#[derive(Serialize)]
struct Document {
    summary: WorkloadCounts,
    targets: Vec<TargetReport>,
    workloads: Vec<WorkloadEntry>,
}

/// A target of the API, and what only one read of it has.
#[derive(Serialize)]
struct TargetReport {
    #[serde(flatten)]
    target: TargetEntry,
    /// Whether everything was read, so that schedules can be judged. A target is `synced` before that.
    complete: bool,
}

/// The document as text that ends with a line break. Names are escaped, because it may go to a terminal.
pub(super) fn render(report: &StatusReport) -> String {
    let rows = report.overview.rows.iter();
    let document = Document {
        summary: WorkloadCounts::from(&report.overview.summary),
        targets: report.targets.iter().map(TargetReport::from).collect(),
        workloads: rows
            .map(|row| WorkloadEntry::new(row, report.now))
            .collect(),
    };
    // Text and numbers always have a form in JSON.
    let document = serde_json::to_string_pretty(&document).unwrap_or_default();
    let lines = document.lines().map(|line| printable_json(line) + "\n");
    lines.collect()
}

impl From<&ReadTarget<TargetDetail>> for TargetReport {
    fn from(read: &ReadTarget<TargetDetail>) -> Self {
        Self {
            target: TargetEntry::from(&read.target),
            complete: read.complete,
        }
    }
}
