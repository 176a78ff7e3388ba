//! The questions that people ask of one workload, as `PromQL` to copy.

use std::fmt::Write as _;

use crate::status::WorkloadStatus;

/// A question and its expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) text: &'static str,
    pub(super) expression: String,
}

/// The main questions about a workload.
pub(super) fn questions(status: &WorkloadStatus) -> Vec<Question> {
    let selector = selector(status);
    let mut questions = Vec::new();
    let mut ask = |text, expression: String| questions.push(Question { text, expression });
    ask(
        "Did the last run work?",
        format!("batch_workload_last_run_succeeded{selector}"),
    );
    ask(
        "Why did it fail?",
        format!("batch_workload_last_run_failure_reason{selector}"),
    );
    ask(
        "How long ago was the last success, in seconds?",
        format!("time() - batch_workload_last_success_timestamp_seconds{selector}"),
    );
    if status.schedule.is_some() {
        ask(
            "Is a run missing?",
            format!("batch_cronjob_overdue_runs{selector}"),
        );
    }
    ask(
        "How long do 95 % of the runs take, in seconds?",
        format!(
            "histogram_quantile(0.95, sum by (le) (increase(batch_workload_run_duration_seconds_bucket{selector}[7d])))"
        ),
    );
    ask(
        "How many runs failed within a day?",
        format!(
            "increase(batch_workload_runs_total{}[1d])",
            selector.replacen('{', "{result=\"failed\",", 1)
        ),
    );
    questions
}

/// The matchers of the families of the workload and its `CronJob`.
fn selector(status: &WorkloadStatus) -> String {
    let id = &status.id;
    matchers(&[
        ("target", status.target.as_deref()),
        ("namespace", Some(&id.namespace)),
        ("workload_type", Some(&id.kind)),
        ("workload", Some(&id.name)),
    ])
}

fn matchers(labels: &[(&str, Option<&str>)]) -> String {
    let mut text = String::from("{");
    for (name, value) in labels {
        let Some(value) = value else { continue };
        let separator = if text.len() > 1 { "," } else { "" };
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{name}=\"{value}\"");
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests;
