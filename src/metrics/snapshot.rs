//! What one scrape shows: a snapshot of the store, the history and this process.

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    slice,
    time::Duration,
};

use super::registry::ProcessSnapshot;
use crate::{history::StatusSnapshot, store::TargetSnapshot};

/// Everything that one scrape shows.
#[derive(Debug)]
pub(super) struct ScrapeSnapshot {
    /// The targets.
    pub(super) targets: Vec<TargetSnapshot>,
    /// The history, if one is configured.
    pub(super) history: Option<StatusSnapshot>,
    /// This process.
    pub(super) process: ProcessSnapshot,
    /// The probe of one Job, if this is its page.
    pub(super) probe: Option<ProbeSnapshot>,
}

/// How the probe of one Job went.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeSnapshot {
    /// Whether the state of the Job is known.
    pub(super) success: bool,
    /// How long it took.
    pub(super) duration: Duration,
}

/// A part of a snapshot whose series have the same `target` label.
pub(super) trait Section: fmt::Debug + Sized + 'static {
    /// All sections of this type.
    fn all(snapshot: &ScrapeSnapshot) -> &[Self];

    /// The value of the label `target`. `None` omits the label.
    fn target(&self) -> Option<&str> {
        None
    }

    /// The value of the label `shard` of what only one shard sees. `None` omits the label.
    fn shard(&self) -> Option<&str> {
        None
    }

    /// The names of the mapped labels of its records.
    fn label_names(&self) -> &[String] {
        &[]
    }

    /// A hash of the labels that it adds.
    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.target().hash(&mut hasher);
        self.label_names().hash(&mut hasher);
        hasher.finish()
    }

    /// Whether it is known from where the counters continue that an earlier process began.
    fn counters_known(&self) -> bool {
        true
    }
}

impl Section for TargetSnapshot {
    fn all(snapshot: &ScrapeSnapshot) -> &[Self] {
        &snapshot.targets
    }

    fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }

    fn shard(&self) -> Option<&str> {
        self.shard.as_ref().map(|shard| shard.label.as_str())
    }

    fn label_names(&self) -> &[String] {
        &self.label_names
    }

    fn counters_known(&self) -> bool {
        self.counters_known
    }
}

impl Section for StatusSnapshot {
    fn all(snapshot: &ScrapeSnapshot) -> &[Self] {
        snapshot.history.as_slice()
    }
}

impl Section for ProcessSnapshot {
    fn all(snapshot: &ScrapeSnapshot) -> &[Self] {
        slice::from_ref(&snapshot.process)
    }
}

impl Section for ProbeSnapshot {
    fn all(snapshot: &ScrapeSnapshot) -> &[Self] {
        snapshot.probe.as_slice()
    }
}
