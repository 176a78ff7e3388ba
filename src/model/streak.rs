//! Runs without success in a row.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{RunSortKey, Seconds};

/// How many of the latest runs are kept with their sort keys. A success that is reported late ends only the runs before it.
/// If it precedes all kept runs, the count does not change.
const MAX_KEPT: usize = 32;

/// The runs without success since the last success.
///
/// The serialized form is part of the file format of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// Number of runs.
    pub count: u64,
    /// The latest of them in ascending order, up to [`MAX_KEPT`].
    latest: VecDeque<RunSortKey>,
    /// The last success.
    #[serde(rename = "success")]
    last_success: Option<RunSortKey>,
}

impl Streak {
    /// Adds a run without success, unless a later one succeeded.
    pub fn add(&mut self, run: RunSortKey) {
        if self.last_success > Some(run) {
            return;
        }
        self.count += 1;
        let position = self.latest.partition_point(|other| *other <= run);
        self.latest.insert(position, run);
        if self.latest.len() > MAX_KEPT {
            self.latest.pop_front();
        }
    }

    /// Ends the streak at this successful run. Later runs stay.
    pub fn end_at(&mut self, success: RunSortKey) {
        if self.last_success > Some(success) {
            return;
        }
        self.last_success = Some(success);
        let before = self.latest.partition_point(|run| *run <= success);
        // If the success precedes all kept runs, those that are no longer kept may be later than it: they stay.
        if before > 0 {
            self.latest.drain(..before);
            self.count = self.latest.len() as u64;
        }
    }

    /// Removes a run, if it is kept.
    pub fn remove(&mut self, run: RunSortKey) {
        if let Ok(position) = self.latest.binary_search(&run) {
            self.latest.remove(position);
            self.count -= 1;
        }
    }

    /// Puts the runs of `earlier` before these.
    pub fn continue_from(&mut self, earlier: Self) {
        let later = std::mem::replace(self, earlier);
        if let Some(success) = later.last_success {
            self.end_at(success);
        }
        let forgotten = later.count - later.latest.len() as u64;
        self.count += forgotten;
        for run in later.latest {
            if !self.latest.contains(&run) {
                self.add(run);
            }
        }
    }

    /// The due time, else the start, of the first run; `None` if there is none, or if it is no longer kept.
    #[must_use]
    pub fn since(&self) -> Option<Seconds> {
        let first = self.latest.front()?;
        (self.count == self.latest.len() as u64).then_some(first.due)
    }

    /// Whether it counts at least what it keeps, and keeps no more than usual. An import may have others.
    #[must_use]
    pub fn is_consistent(&self) -> bool {
        let kept = self.latest.len();
        kept <= MAX_KEPT && kept as u64 <= self.count
    }

    /// Whether a run with this due time is kept.
    #[must_use]
    pub fn contains_due(&self, due: Seconds) -> bool {
        self.latest.iter().any(|run| run.due == due)
    }
}
