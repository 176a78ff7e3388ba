//! The words that all stages share: jobs, cronjobs, and the updates that sources push.
//!
//! Plain data, no I/O. A [`Job`] holds the facts that are exported and nothing else of the API object: names,
//! numbers and times, about 290 bytes and one string of its own (its name); namespace, workload and the
//! like are [`Name`]s shared between records. `docs/performance.md` has the measured cost.

use std::sync::Arc;

use jiff::Timestamp;

/// A closed set of label values: declares the enum, its `ALL`, and its label text.
macro_rules! labels {
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
        }
    };
}

mod cronjob;
mod job;
mod journal;
mod ksm;
mod run;
mod uid;
mod update;

pub use cronjob::{ConcurrencyPolicy, CronJob, NotStarted};
pub use job::{
    CompletionMode, FailureReason, Job, JobState, MappedLabels, PodCounts, WorkloadAnnotations,
    WorkloadRef,
};
pub use journal::{
    CountedRunLookup, Journal, JournalEntry, NoopJournal, RestoredState, UID_RETENTION,
};
pub use ksm::{ConditionStatus, KsmCronJob, KsmJob, Owner, ShownLabels};
pub use run::{
    Histogram, LastRun, Run, RunOrder, RunResult, START_DELAY_BOUNDS, Streak, Totals, WorkloadId,
};
pub use uid::Uid;
pub use update::{
    Change, ClientEvent, Code, EventKind, FeedId, FeedScope, Resource, RestartReason, Sink, Update,
    Verb,
};

/// A string that many records share: cloning it copies a pointer.
pub type Name = Arc<str>;

/// A point in time in whole seconds since the epoch, as precise as the Kubernetes API reports it.
pub type Seconds = i64;

/// The wall clock. Everything that needs the date takes it from here or as an argument.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::now()
}
