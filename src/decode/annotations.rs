//! What annotations of a Job or `CronJob` mean to this program.
//!
//! Those are the `job-status-exporter/*` annotations, and two that Kubernetes and kubectl write on the Jobs of a `CronJob`.

use super::{
    interner::{Interner, cut},
    string_map::StringMap,
    wire::parse_time,
};
use crate::{
    config,
    model::{MAX_INVALID, Name, Seconds, UNKNOWN_ANNOTATION, WorkloadAnnotations},
};

/// The prefix of this program's annotations.
const PREFIX: &str = "job-status-exporter/";
/// The annotations that this program knows.
const KNOWN: [&str; 7] = [
    "job-status-exporter/ignore",
    "job-status-exporter/max-duration",
    "job-status-exporter/max-failures",
    "job-status-exporter/max-success-age",
    "job-status-exporter/runbook",
    "job-status-exporter/severity",
    "job-status-exporter/start-grace",
];
/// The due time of a run. The `CronJob` controller sets it.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/>
const SCHEDULED_TIMESTAMP: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";
/// `manual` on Jobs that `kubectl create job --from=cronjob/…` made.
const INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";

/// An invalid value is reported up to this many bytes.
const MAX_REPORTED_BYTES: usize = 100;

/// The parsed annotations of an object.
#[derive(Debug, Default)]
pub(super) struct ParsedAnnotations {
    /// The due time of the run.
    pub(super) due: Option<Seconds>,
    /// Whether the Job was made from a `CronJob` by hand.
    pub(super) manual: bool,
    /// Whether `job-status-exporter/ignore` is true.
    pub(super) ignored: bool,
    /// The other `job-status-exporter/*` annotations; `None` when there are none.
    pub(super) workload: Option<Box<WorkloadAnnotations>>,
}

/// The annotations that this program knows, for messages about others.
pub(crate) fn known_annotations() -> String {
    KNOWN.join(", ")
}

/// Whether the annotation `key` has a meaning for [`ParsedAnnotations::parse`].
pub(super) fn is_known(key: &str) -> bool {
    KNOWN.contains(&key) || key == SCHEDULED_TIMESTAMP || key == INSTANTIATE
}

/// Whether the annotation `key` is meant for this program.
pub(super) fn has_prefix(key: &str) -> bool {
    key.starts_with(PREFIX)
}

impl ParsedAnnotations {
    /// Parses `annotations`. Invalid `job-status-exporter/*` ones go to [`WorkloadAnnotations::invalid`], up to
    /// [`MAX_INVALID`].
    pub(super) fn parse(annotations: &StringMap<'_>, interner: &mut Interner) -> Self {
        let mut parsed = Self::default();
        let mut workload = WorkloadAnnotations::default();
        for (key, value) in annotations.iter() {
            if let Some(name) = key.strip_prefix(PREFIX) {
                match name {
                    "ignore" if value == "true" => workload.ignore = Some(true),
                    "ignore" if value == "false" => workload.ignore = Some(false),
                    _ => set(&mut workload, (key, name), value, interner),
                }
            } else if key == SCHEDULED_TIMESTAMP {
                parsed.due = parse_time(value).ok();
            } else if key == INSTANTIATE {
                parsed.manual = value == "manual";
            }
        }
        parsed.ignored = workload.ignore == Some(true);
        if workload != WorkloadAnnotations::default() {
            parsed.workload = Some(Box::new(workload));
        }
        parsed
    }

    /// Adds what was cut of the object.
    pub(super) fn with_truncated(mut self, truncated: Vec<Name>) -> Self {
        if !truncated.is_empty() {
            self.workload.get_or_insert_default().truncated = truncated;
        }
        self
    }

    /// Takes the workload annotations that are unset here from `fallback`.
    pub(super) fn or(mut self, fallback: Self) -> Self {
        if let Some(mut fallback) = fallback.workload {
            // It applies to the object that has it.
            fallback.ignore = None;
            let workload = self.workload.take().unwrap_or_default();
            self.workload = Some(Box::new(workload.with_fallback(*fallback)));
        }
        self
    }
}

/// Sets the field of `workload` for the annotation `key`, which is `name` with the prefix.
fn set(
    workload: &mut WorkloadAnnotations,
    (key, name): (&str, &str),
    value: &str,
    interner: &mut Interner,
) {
    let mut report_invalid = |annotation, value: &str| {
        if workload.invalid.len() < MAX_INVALID {
            let reported = interner.intern(&cut(value, MAX_REPORTED_BYTES));
            workload.invalid.push((annotation, reported));
        }
    };
    let mut seconds = |annotation, minimum| {
        let seconds = whole_seconds(value).filter(|seconds| *seconds >= minimum);
        if seconds.is_none() {
            report_invalid(annotation, value);
        }
        seconds
    };
    match name {
        "max-duration" => workload.max_duration = seconds("max-duration", 1),
        "max-success-age" => workload.max_success_age = seconds("max-success-age", 1),
        "start-grace" => workload.start_grace = seconds("start-grace", 0),
        "max-failures" => {
            workload.max_failures = value.parse().ok();
            if workload.max_failures.is_none() {
                report_invalid("max-failures", value);
            }
        }
        "severity" => workload.severity = Some(interner.label(key, value)),
        "runbook" => workload.runbook = Some(interner.label(key, value)),
        "ignore" => report_invalid("ignore", value),
        // A misspelt name has no effect. The report makes that visible.
        _ => report_invalid(UNKNOWN_ANNOTATION, key),
    }
}

/// Parses a duration without a fraction of a second.
fn whole_seconds(value: &str) -> Option<Seconds> {
    let duration = config::parse_duration(value).ok()?;
    if duration.subsec_nanos() != 0 {
        return None;
    }
    Seconds::try_from(duration.as_secs()).ok()
}

#[cfg(test)]
mod tests;
