//! The status of a Job, as the Job controller writes it.
//!
//! [`super::job_run`] fills it. Zero counts are omitted or kept exactly as in recordings of Kubernetes 1.36.

use std::collections::BTreeSet;

use serde::Serialize;

/// The `status` of a Job.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completion_time: Option<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) active: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) succeeded: u32,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) failed: u32,
    pub(super) terminating: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completed_indexes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed_indexes: Option<String>,
    pub(super) uncounted_terminated_pods: Uncounted,
    pub(super) ready: u32,
}

/// The uids of pods that have ended and are not counted yet.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Uncounted {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) succeeded: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<String>,
}

/// One condition of a Job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    last_probe_time: String,
    last_transition_time: String,
    reason: &'static str,
    message: String,
}

/// The result of a Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JobResult {
    pub(super) success: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

// === impl JobStatus ===

impl JobStatus {
    /// Adds the condition that decides the result. Pods can still be terminating.
    pub(super) fn set_criteria_condition(&mut self, result: &JobResult, now: String) {
        let kind = if result.success {
            "SuccessCriteriaMet"
        } else {
            "FailureTarget"
        };
        self.conditions.push(result.condition(kind, now));
    }

    /// Adds the condition that ends the Job.
    pub(super) fn set_final_condition(&mut self, result: &JobResult, now: String) {
        self.terminating = 0;
        let kind = if result.success {
            self.completion_time = Some(now.clone());
            "Complete"
        } else {
            "Failed"
        };
        self.conditions.push(result.condition(kind, now));
    }

    /// Replaces the conditions with `Suspended`.
    pub(super) fn set_suspended(&mut self, suspended: bool, now: String) {
        let (status, reason, message) = if suspended {
            ("True", "JobSuspended", "Job suspended")
        } else {
            ("False", "JobResumed", "Job resumed")
        };
        let condition = Condition::new("Suspended", status, reason, message.to_owned(), now);
        self.conditions = vec![condition];
    }
}

// === impl JobResult ===

impl JobResult {
    pub(super) fn completed() -> Self {
        Self {
            success: true,
            reason: "CompletionsReached",
            message: "Reached expected number of succeeded pods".to_owned(),
        }
    }

    pub(super) fn success_policy() -> Self {
        Self {
            success: true,
            reason: "SuccessPolicy",
            message: "Matched rules at index 0".to_owned(),
        }
    }

    pub(super) fn failed(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            success: false,
            reason,
            message: message.into(),
        }
    }

    fn condition(&self, kind: &'static str, now: String) -> Condition {
        Condition::new(kind, "True", self.reason, self.message.clone(), now)
    }
}

// === impl Condition ===

impl Condition {
    fn new(
        kind: &'static str,
        status: &'static str,
        reason: &'static str,
        message: String,
        now: String,
    ) -> Self {
        Self {
            kind,
            status,
            last_probe_time: now.clone(),
            last_transition_time: now,
            reason,
            message,
        }
    }
}

/// Indexes as `0-3,5`. Like in Kubernetes, two consecutive indexes are written as `0,1`.
pub(super) fn index_text(indexes: &BTreeSet<u32>) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for &index in indexes {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => spans.push((index, index)),
        }
    }
    let text = |&(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first},{last}"),
        _ => format!("{first}-{last}"),
    };
    spans.iter().map(text).collect::<Vec<_>>().join(",")
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_written_like_kubernetes() {
        for (indexes, text) in [
            (vec![], ""),
            (vec![3], "3"),
            (vec![0, 1], "0,1"),
            (vec![0, 1, 2, 3, 5], "0-3,5"),
            (vec![0, 2, 3, 7, 8, 9], "0,2,3,7-9"),
        ] {
            assert_eq!(index_text(&indexes.into_iter().collect()), text);
        }
    }
}
