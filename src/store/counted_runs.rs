//! Counted runs whose Jobs are gone.
//!
//! A lagging API server, or a cache in front of it, may show a deleted Job again. Its run must not be counted twice. Runs
//! whose finished Jobs exist need no entry here: [`Objects`](super::objects::Objects) has their last state.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use tokio::time::Instant;

use crate::model::{UID_RETENTION, Uid};

/// The uids of counted runs whose Jobs are gone, and of runs that earlier processes counted.
///
/// Uids are kept as 64-bit hashes with a random key: with a million uids, the chance of a collision is 1 in 37 million.
#[derive(Debug, Default)]
pub(super) struct CountedRuns {
    hasher: RandomState,
    /// The outcome of each run and when its entry expires; `None` while its Job may still exist.
    runs: HashMap<u64, (RunOutcome, Option<Instant>)>,
    /// Expiry times in order. An entry may have another expiry time by now.
    expiries: VecDeque<(Instant, u64)>,
}

/// Room for so many runs is not freed.
const SPARE: usize = 1024;

/// How a run was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunOutcome {
    /// It finished.
    Finished,
    /// It finished, and its Job left because it was no longer selected. The workload may have left as well.
    Deselected,
    /// Its Job was deleted before it finished.
    Deleted,
}

impl RunOutcome {
    /// Whether the run finished.
    pub(super) fn finished(self) -> bool {
        matches!(self, Self::Finished | Self::Deselected)
    }
}

impl CountedRuns {
    /// The hash by which a run is found.
    pub(super) fn hash(&self, uid: &Uid) -> u64 {
        self.hasher.hash_one(uid)
    }

    /// The outcome of a run, if it has an entry.
    pub(super) fn outcome(&self, hash: u64) -> Option<RunOutcome> {
        self.runs.get(&hash).map(|(outcome, _)| *outcome)
    }

    /// Whether the run has an entry.
    pub(super) fn contains(&self, uid: &Uid) -> bool {
        self.runs.contains_key(&self.hash(uid))
    }

    /// Removes a run whose finished Job exists.
    pub(super) fn remove(&mut self, hash: u64) {
        self.runs.remove(&hash);
    }

    /// Keeps a run without expiry while the API shows an older state of its Job.
    pub(super) fn stop_expiry(&mut self, hash: u64) {
        if let Some((_, expiry)) = self.runs.get_mut(&hash) {
            *expiry = None;
        }
    }

    /// Adds a finished run of an earlier process. It expires after [`Self::start_expiry`].
    pub(super) fn insert_restored(&mut self, uid: &Uid) {
        self.runs
            .insert(self.hash(uid), (RunOutcome::Finished, None));
    }

    /// Adds a run whose Job is gone as of `now`. It expires after [`UID_RETENTION`].
    pub(super) fn insert(&mut self, hash: u64, outcome: RunOutcome, now: Instant) {
        let expiry = now + UID_RETENTION;
        self.runs.insert(hash, (outcome, Some(expiry)));
        self.expiries.push_back((expiry, hash));
    }

    /// Everything was read once: the Jobs of the remaining runs are gone as of `now`.
    pub(super) fn start_expiry(&mut self, now: Instant) {
        for (hash, (_, expiry)) in &mut self.runs {
            if expiry.is_none() {
                *expiry = Some(now + UID_RETENTION);
                self.expiries.push_back((now + UID_RETENTION, *hash));
            }
        }
    }

    /// Removes expired runs.
    pub(super) fn expire(&mut self, now: Instant) {
        self.remove_expired(now);
        // After a burst. Usual fluctuations free nothing.
        if self.runs.capacity() > 4 * (self.runs.len() + SPARE) {
            self.runs.shrink_to(2 * self.runs.len());
        }
        if self.expiries.capacity() > 4 * (self.expiries.len() + SPARE) {
            self.expiries.shrink_to(2 * self.expiries.len());
        }
    }

    fn remove_expired(&mut self, now: Instant) {
        while let Some(&(expiry, hash)) = self.expiries.front() {
            if now < expiry {
                return;
            }
            self.expiries.pop_front();
            if self
                .runs
                .get(&hash)
                .is_some_and(|(_, current)| *current == Some(expiry))
            {
                self.runs.remove(&hash);
            }
        }
    }
}

#[cfg(test)]
mod tests;
