//! Runs whose Jobs are not there and which must not be counted again.
//!
//! An API server that lags behind, or a cache before it, may show a Job again that was seen to go. Uids of Jobs that are
//! there need no entry: their last state is known.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
};

use tokio::time::Instant;

use crate::model::{UID_RETENTION, Uid};

/// Uids of runs whose Jobs are gone, and of those that earlier processes took note of.
///
/// Kept as 64-bit hashes with a random key: at a million uids, two of them are taken for one with a chance of 1 in 37
/// million.
#[derive(Debug, Default)]
pub(super) struct CountedRuns {
    hasher: RandomState,
    /// What became of each, and until when it is kept; `None` as long as it may still turn out to be there.
    known: HashMap<u64, (Fate, Option<Instant>)>,
    /// The same in the order of time. A uid may have been given more time since.
    leaving: VecDeque<(Instant, u64)>,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its end was seen.
    Finished,
    /// Its Job went before that.
    Deleted,
}

impl CountedRuns {
    /// The form in which a uid is kept.
    pub(super) fn key(&self, uid: &Uid) -> u64 {
        self.hasher.hash_one(uid)
    }

    /// What became of a run, if that is known.
    pub(super) fn fate(&self, key: u64) -> Option<Fate> {
        self.known.get(&key).map(|(fate, _)| *fate)
    }

    /// Strikes out a run whose Job is there in its last state.
    pub(super) fn strike(&mut self, key: u64) {
        self.known.remove(&key);
    }

    /// Keeps a known run for as long as its Job is shown as it was before.
    pub(super) fn hold(&mut self, key: u64) {
        if let Some((_, until)) = self.known.get_mut(&key) {
            *until = None;
        }
    }

    /// Keeps a run that an earlier process saw finish.
    pub(super) fn remember(&mut self, uid: &Uid) {
        self.known.insert(self.key(uid), (Fate::Finished, None));
    }

    /// Keeps a run for a while whose Job is gone now.
    pub(super) fn keep(&mut self, key: u64, fate: Fate, now: Instant) {
        let until = now + UID_RETENTION;
        self.known.insert(key, (fate, Some(until)));
        self.leaving.push_back((until, key));
    }

    /// Everything was read once: runs of earlier processes that were not seen are gone.
    pub(super) fn settle(&mut self, now: Instant) {
        for (key, (_, until)) in &mut self.known {
            if until.is_none() {
                *until = Some(now + UID_RETENTION);
                self.leaving.push_back((now + UID_RETENTION, *key));
            }
        }
    }

    /// Drops what was kept for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.leaving.front() {
            if now < until {
                return;
            }
            self.leaving.pop_front();
            if self
                .known
                .get(&key)
                .is_some_and(|(_, kept)| *kept == Some(until))
            {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests;
