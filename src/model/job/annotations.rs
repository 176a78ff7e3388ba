//! What people ask of this program in annotations of a Job or `CronJob`.

use serde::{Deserialize, Serialize};

use crate::model::{Name, Seconds};

/// The most invalid annotations of one object that are looked at.
pub const MAX_INVALID: usize = 16;

/// The name in [`WorkloadAnnotations::invalid`] for all annotations that are not known.
pub const UNKNOWN_ANNOTATION: &str = "unknown";

/// The parsed `job-status-exporter/` annotations of an object.
///
/// The serialized form is part of the file format of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkloadAnnotations {
    /// `max-duration`: maximum duration of a run, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Seconds>,
    /// `max-success-age`: maximum age of the last success, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_success_age: Option<Seconds>,
    /// `start-grace`: how late a run may start before it is missed, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_grace: Option<Seconds>,
    /// `max-failures`: failed runs in a row that are tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u64>,
    /// `ignore`: whether the object is excluded.
    #[serde(skip)]
    pub ignore: Option<bool>,
    /// `severity`: the value of the label of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Name>,
    /// `runbook`: the value of the label of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<Name>,
    /// Names and values of invalid annotations. The name is `unknown` for annotations that are not known, with their key as
    /// the value. At most [`MAX_INVALID`] of an object are looked at.
    #[serde(skip)]
    pub invalid: Vec<(&'static str, Name)>,
    /// The fields, labels and annotations of the object whose values were cut to the configured length.
    #[serde(skip)]
    pub truncated: Vec<Name>,
}

// === impl WorkloadAnnotations ===

impl WorkloadAnnotations {
    /// Takes each value that is not set from `fallback`. The invalid annotations of both are kept, each once.
    #[must_use]
    pub fn with_fallback(self, fallback: Self) -> Self {
        let mut invalid = self.invalid;
        for annotation in fallback.invalid {
            if !invalid.contains(&annotation) {
                invalid.push(annotation);
            }
        }
        let mut truncated = self.truncated;
        truncated.extend(fallback.truncated);
        Self {
            max_duration: self.max_duration.or(fallback.max_duration),
            max_success_age: self.max_success_age.or(fallback.max_success_age),
            start_grace: self.start_grace.or(fallback.start_grace),
            max_failures: self.max_failures.or(fallback.max_failures),
            ignore: self.ignore.or(fallback.ignore),
            severity: self.severity.or(fallback.severity),
            runbook: self.runbook.or(fallback.runbook),
            invalid,
            truncated,
        }
    }
}
