//! Runs that are no longer there and must not be counted again.
//!
//! An API server that lags behind, or a cache before it, may show a Job again that was seen to go. Uids of Jobs that are
//! there need no entry: their last state is known.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::model::Uid;

/// A server that shows what went longer ago than this was set back, not late.
const KEPT: Duration = Duration::from_hours(1);

/// Uids of finished runs whose Jobs are gone, and of those that earlier processes took note of.
///
/// Kept as 64-bit hashes with a random key: at a million uids, two of them are taken for one with a chance of 1 in 37
/// million.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    hasher: RandomState,
    /// Until when each is kept; `None` for good.
    known: HashMap<u64, Option<Instant>>,
    /// The same in the order of time. A uid may have been given more time since.
    leaving: VecDeque<(Instant, u64)>,
}

impl Ledger {
    /// The form in which a uid is kept.
    pub(super) fn key(&self, uid: &Uid) -> u64 {
        self.hasher.hash_one(uid)
    }

    /// Whether this run was taken note of.
    pub(super) fn knows(&self, key: u64) -> bool {
        self.known.contains_key(&key)
    }

    /// Keeps a run of an earlier process.
    pub(super) fn remember(&mut self, uid: &Uid) {
        let key = self.key(uid);
        self.known.insert(key, None);
    }

    /// Keeps a run for a while whose Job is gone now.
    pub(super) fn forget_later(&mut self, uid: &Uid, now: Instant) {
        let (key, until) = (self.key(uid), now + KEPT);
        self.known.insert(key, Some(until));
        self.leaving.push_back((until, key));
    }

    /// Drops what was kept for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some(&(until, key)) = self.leaving.front() {
            if now < until {
                return;
            }
            self.leaving.pop_front();
            if self.known.get(&key) == Some(&Some(until)) {
                self.known.remove(&key);
            }
        }
    }
}
