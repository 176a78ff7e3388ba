//! The data types that all stages share: Jobs, CronJobs, runs, and the updates that sources push.
//!
//! Plain data, no I/O. A [`Job`] holds only the exported data of the API object: names, numbers and times. It takes 160 bytes,
//! its name included; `job` says what they are spent on. What repeats, such as namespaces and workloads, are [`Name`]s and
//! [`RunTemplate`]s that records share. `docs/performance.md` has the measured cost.

use std::sync::Arc;

use jiff::Timestamp;

/// Declares an enum whose variants are the values of a label, with `ALL`, `as_str` and `from_label`.
macro_rules! label_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The label value.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The variant with this label value.
            #[must_use]
            pub fn from_label(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use label_enum;

mod client_event;
mod cronjob;
mod event;
mod feed;
mod histogram;
mod job;
mod journal;
mod ksm;
mod label_values;
mod native;
mod pod;
mod probe;
mod relabelling;
mod run;
mod schedule;
mod shard;
mod small_option;
mod streak;
mod ticks;
mod totals;
mod uid;
mod update;

pub use client_event::{
    ClientEvent, Code, Credential, CredentialExpiries, CredentialExpiry, EventCounter, EventKind,
    Renewable, Resource, RestartReason, Verb,
};
pub use cronjob::{ConcurrencyPolicy, CronJob, MAX_EVALUATED_SCHEDULE, NotStarted};
pub use event::{EventJournal, EventRun, EventSink, NoopSink, RunEvent, RunEventKind};
pub use feed::{FeedHandle, FeedId, FeedScope, HealthChange, Sink};
pub use histogram::Histogram;
pub use job::{
    CompletionMode, FailedPods, FailureReason, Job, JobExtra, JobName, JobPods, JobState,
    MAX_INVALID, PodCounts, PodFailure, RunTemplate, UNKNOWN_ANNOTATION, WorkloadAnnotations,
    WorkloadRef,
};
pub use journal::{
    Departure, Journal, JournalEntry, NoopJournal, RestoredState, RestoredWorkload, StoreLookup,
    UID_RETENTION,
};
pub use ksm::{ConditionStatus, KsmCronJob, KsmJob, KsmLabels, Owner};
pub use label_values::{LabelValues, MappedLabels};
pub use native::{NativeBuckets, NativeTotals};
pub use pod::{CauseGroup, FailureCause, Pod, PodState, WaitReason};
pub use probe::ProbeOutcome;
pub use relabelling::Relabelling;
pub use run::{Run, RunExplanation, RunResult, RunSortKey, WorkloadId, WorkloadState};
pub use schedule::{OverdueRuns, ScheduleState};
pub use shard::{Shard, ShardReading, fnv1a_64};
pub use small_option::{Integer, SmallOption};
pub use streak::Streak;
pub use ticks::{Tick, TickOutcome, Ticks};
pub use totals::{LastRun, START_DELAY_BOUNDS, Totals};
pub use uid::Uid;
pub use update::{Change, FeedError, MAX_UNDECODABLE, Namespace, ObjectName, Update};

/// A string that records share: a clone copies a pointer.
pub type Name = Arc<str>;

/// A duration in seconds, or a time in seconds since the Unix epoch: the precision of the Kubernetes API.
pub type Seconds = i64;

/// The wall clock. All code gets the current time from here or as an argument.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
