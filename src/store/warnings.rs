//! What people should know about objects: annotations without effect, values that were cut, workloads that are left out.

use std::time::Duration;

use tokio::time::Instant;

use super::TargetStore;
use crate::{
    decode::known_annotations,
    log_limit::Admitted,
    model::{MAX_INVALID, Name, UNKNOWN_ANNOTATION, WorkloadAnnotations, WorkloadId},
};

/// How often the log says that workloads are left out.
pub(super) const WARNING_INTERVAL: Duration = Duration::from_hours(1);

/// What is wrong with the metadata of an object, and was not before.
#[derive(Debug)]
pub(super) struct MetadataProblems {
    /// The workload that has the object.
    pub(super) workload: WorkloadId,
    /// Names and values of invalid annotations, as in [`WorkloadAnnotations::invalid`].
    pub(super) invalid: Vec<(&'static str, Name)>,
    /// The fields, labels and annotations whose values were cut.
    pub(super) truncated: Vec<Name>,
}

impl MetadataProblems {
    /// The problems of `new` that `old` does not have.
    pub(super) fn new(
        workload: &WorkloadId,
        old: Option<&WorkloadAnnotations>,
        new: Option<&WorkloadAnnotations>,
    ) -> Option<Self> {
        let new = new?;
        let is_new = |problem: &&_| !old.is_some_and(|old| old.invalid.contains(problem));
        let is_cut = |source: &&_| !old.is_some_and(|old| old.truncated.contains(source));
        let problems = Self {
            workload: workload.clone(),
            invalid: new.invalid.iter().filter(is_new).cloned().collect(),
            truncated: new.truncated.iter().filter(is_cut).cloned().collect(),
        };
        let any = !problems.invalid.is_empty() || !problems.truncated.is_empty();
        any.then_some(problems)
    }

    /// Keeps the values that were cut.
    pub(super) fn without_invalid(mut self) -> Option<Self> {
        self.invalid.clear();
        (!self.truncated.is_empty()).then_some(self)
    }
}

impl TargetStore {
    /// Writes at most one line of each kind for each object. The lock of the facts must not be held: a line takes time.
    pub(super) fn warn(&self, problems: &[MetadataProblems]) {
        let admit = || self.metadata_log.lock().admit(Instant::now());
        for problems in problems {
            if !problems.invalid.is_empty()
                && let Some(admitted) = admit()
            {
                let invalid = describe(&problems.invalid);
                let message = "ignoring invalid annotations";
                self.warn_about(&problems.workload, admitted, Some(&invalid), None, message);
            }
            if !problems.truncated.is_empty()
                && let Some(admitted) = admit()
            {
                let of = problems.truncated.join(", ");
                let message = "cutting label values that are too long";
                self.warn_about(&problems.workload, admitted, None, Some(&of), message);
            }
        }
    }

    /// Writes a line about the metadata of an object.
    fn warn_about(
        &self,
        workload: &WorkloadId,
        Admitted { left_out }: Admitted,
        annotations: Option<&str>,
        of: Option<&str>,
        message: &str,
    ) {
        tracing::warn!(
            target = self.name(),
            namespace = &*workload.namespace,
            kind = &*workload.kind,
            name = &*workload.name,
            annotations,
            of,
            similar_lines_left_out = left_out,
            "{message}"
        );
    }

    /// Says that workloads are left out, once an hour while it goes on.
    pub(super) fn warn_about_dropped(&self, dropped: u64) {
        if dropped == 0 || !self.budget_log.lock().permits() {
            return;
        }
        let limit = self.facts().settings.workloads;
        tracing::warn!(
            target = self.name(),
            dropped,
            limit,
            "too many workloads, leaving some out: raise `limits.workloads`, or select fewer namespaces"
        );
    }
}

/// Invalid annotations for people.
fn describe(invalid: &[(&'static str, Name)]) -> String {
    let one = |(annotation, value): &(&str, Name)| {
        if *annotation == UNKNOWN_ANNOTATION {
            format!("unknown {value}")
        } else {
            format!("{annotation}={value}")
        }
    };
    let mut text = invalid.iter().map(one).collect::<Vec<_>>().join(", ");
    if invalid.len() >= MAX_INVALID {
        text.push_str(", and maybe more");
    }
    if invalid
        .iter()
        .any(|(annotation, _)| *annotation == UNKNOWN_ANNOTATION)
    {
        text.push_str("; known are ");
        text.push_str(&known_annotations());
    }
    text
}
