//! Values that JSON has no type for: times, and the closed sets that are label values in `/metrics`.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::{
    model::{
        CompletionMode, ConcurrencyPolicy, Credential, EventKind, FailureCause, FailureReason,
        JobState, NotStarted, Resource, RestartReason, Seconds, TickOutcome, Verb, WaitReason,
    },
    status::{Column, Level, OverallState, RunState},
    store::Threshold,
};

/// 0001-01-01T00:00:00Z. RFC 3339 has no earlier years.
const FIRST: Seconds = -62_135_596_800;

/// A time in UTC, to the second, as RFC 3339 writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime, examples("2026-11-28T22:43:07Z"))]
pub(super) struct Time(Timestamp);

impl Time {
    /// A time in seconds since the Unix epoch; `None` if no calendar has it.
    pub(super) fn new(seconds: Seconds) -> Option<Self> {
        let time = Timestamp::from_second(seconds).ok();
        time.filter(|_| seconds >= FIRST).map(Self)
    }

    /// The same for a time that may be unknown.
    pub(super) fn of(seconds: Option<Seconds>) -> Option<Self> {
        seconds.and_then(Self::new)
    }
}

impl From<Timestamp> for Time {
    /// A time of the clock. Others may be too early: see [`Time::new`].
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.0}", self.0))
    }
}

/// Declares how the values of a closed set are written: as their label values, which are the `enum` of their schema.
macro_rules! closed_sets {
    ($($label:ident($set:ty) = $name:literal, $about:literal;)+) => {
        $(
            #[doc = $about]
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub(super) struct $label(pub(super) $set);

            impl Serialize for $label {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.0.as_str())
                }
            }

            impl PartialSchema for $label {
                fn schema() -> RefOr<Schema> {
                    closed_set($about, <$set>::ALL.iter().map(|value| value.as_str()))
                }
            }

            impl ToSchema for $label {
                fn name() -> Cow<'static, str> {
                    $name.into()
                }
            }
        )+
    };
}

closed_sets! {
    StateLabel(OverallState) = "WorkloadState", "The state of a workload. `docs/api.md` explains the values.";
    ColumnLabel(Column) = "WorkloadColumn", "What workloads can be sorted by.";
    RunStateLabel(RunState) = "RunState", "The state of a run or of a due time.";
    FailureCauseLabel(FailureCause) = "FailureCause", "Why a pod failed. `docs/pods.md` explains the values.";
    WaitReasonLabel(WaitReason) = "WaitReason", "What a pod waits for. `docs/pods.md` explains the values.";
    OutcomeLabel(TickOutcome) = "RunOutcome", "The outcome of a run that is over, or of a due time that got none.";
    JobStateLabel(JobState) = "JobState", "The state of a Job, as in `batch_job_state`.";
    LevelLabel(Level) = "FindingLevel", "How urgent a finding is: the default severity of its alert.";
    CodeLabel(super::FindingCode) = "FindingCode", "What a finding is about.";
    FailureReasonLabel(FailureReason) = "FailureReason", "Why a Job failed: a reason of the Job controller, or `Other`.";
    NotStartedLabel(NotStarted) = "NotStartedReason", "Why the last due time started no run.";
    PolicyLabel(ConcurrencyPolicy) = "ConcurrencyPolicy", "`spec.concurrencyPolicy`; `Other` for one that is not known.";
    CompletionModeLabel(CompletionMode) = "CompletionMode", "`spec.completionMode`; `Other` for one that is not known.";
    ThresholdLabel(Threshold) = "Threshold", "A threshold, by its key in the configuration.";
    ResourceLabel(Resource) = "Resource", "A kind of object, as the Kubernetes API names its resource.";
    VerbLabel(Verb) = "Verb", "A verb of the Kubernetes API, as in an RBAC rule.";
    EventLabel(EventKind) = "EventType", "The type of a watch event.";
    RestartLabel(RestartReason) = "RestartReason", "Why a watch was restarted.";
    CredentialLabel(Credential) = "Credential", "A kind of credential; `plugin` is what the exec plugin of a kubeconfig returned.";
}

fn closed_set(about: &str, values: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .enum_values(Some(values))
        .build();
    schema.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(seconds: Seconds) -> String {
        serde_json::to_string(&Time::new(seconds)).expect("JSON")
    }

    #[test]
    fn times_are_in_utc_and_null_if_rfc_3339_cannot_write_them() {
        assert_eq!(written(1_795_392_000), "\"2026-11-23T00:00:00Z\"");
        assert_eq!(written(0), "\"1970-01-01T00:00:00Z\"");
        assert_eq!(written(FIRST), "\"0001-01-01T00:00:00Z\"");
        assert_eq!(written(FIRST - 1), "null");
        assert_eq!(written(Seconds::MAX), "null");
    }
}
