//! What etcd is to a real API server: the objects, one version counter, and the last changes.
//!
//! [`super::SimulatedApi`] holds it behind a lock; [`super::list`] and [`super::watch`] read it. The state at an earlier version is
//! found by undoing changes, so nothing has to be kept for a list that is being paged. A version can be asked for while
//! all changes since are in the history and no compaction forbids it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde_json::Value;

use super::object::{self, InvalidObject, Kind, Object};
use crate::clock::Clock;

/// All objects and their recent past.
#[derive(Debug)]
pub(super) struct Registry {
    clock: Clock,
    /// Makes uids. Not reset, so that uids stay unique.
    rng: fastrand::Rng,
    /// Version of the last change.
    version: u64,
    /// The oldest version that can be asked for.
    compacted: u64,
    jobs: BTreeMap<String, Arc<Object>>,
    cronjobs: BTreeMap<String, Arc<Object>>,
    /// Oldest first; versions ascend.
    history: VecDeque<Change>,
    /// How many changes the history holds.
    capacity: usize,
    /// Version of the last change that fell out of the history.
    forgotten: u64,
    /// Counts up when running watches shall end.
    epoch: u64,
}

/// One write.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    /// The object before; `None` when it was created.
    pub(super) before: Option<Arc<Object>>,
    /// The object after, or its last state under the version of its deletion.
    pub(super) object: Arc<Object>,
    pub(super) deleted: bool,
}

// === impl Registry ===

impl Registry {
    pub(super) fn new(capacity: usize, rng: fastrand::Rng, clock: Clock) -> Self {
        Self {
            clock,
            rng,
            version: 1,
            compacted: 0,
            jobs: BTreeMap::new(),
            cronjobs: BTreeMap::new(),
            history: VecDeque::new(),
            capacity,
            forgotten: 0,
            epoch: 0,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The oldest version that can be asked for.
    pub(super) fn oldest(&self) -> u64 {
        self.compacted.max(self.forgotten)
    }

    pub(super) fn objects(&self, kind: Kind) -> &BTreeMap<String, Arc<Object>> {
        match kind {
            Kind::Job => &self.jobs,
            Kind::CronJob => &self.cronjobs,
        }
    }

    fn objects_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Arc<Object>> {
        match kind {
            Kind::Job => &mut self.jobs,
            Kind::CronJob => &mut self.cronjobs,
        }
    }

    pub(super) fn new_uid(&mut self) -> String {
        uid(&mut self.rng)
    }

    /// Creates or replaces an object. A write that changes nothing is none, as in Kubernetes.
    ///
    /// A `resourceVersion` that lies ahead is taken over, so that recorded objects keep theirs.
    pub(super) fn apply(&mut self, kind: Kind, value: Value) -> Result<Arc<Object>, InvalidObject> {
        let metadata = &value["metadata"];
        let given = metadata["resourceVersion"].as_str();
        let given = given.and_then(|version| version.parse().ok()).unwrap_or(0);
        let version = (self.version + 1).max(given);
        let namespace = metadata["namespace"].as_str().filter(|n| !n.is_empty());
        let name = metadata["name"].as_str().unwrap_or_default();
        let key = format!("{}/{name}", namespace.unwrap_or("default"));
        let before = self.objects(kind).get(&key).cloned();
        let last = before.as_ref().map(|before| before.value());
        let (clock, rng) = (self.clock, &mut self.rng);
        let value = object::complete(kind, value, last.as_ref(), clock, || uid(rng))?;
        if let Some(before) = &before
            && last.as_ref() == Some(&value)
        {
            return Ok(before.clone());
        }
        let object = Arc::new(Object::new(kind, value, version));
        let objects = self.objects_mut(kind);
        objects.insert(object.key.clone(), object.clone());
        self.record(Change {
            version,
            before,
            object: object.clone(),
            deleted: false,
        });
        Ok(object)
    }

    /// Removes an object; whether there was one.
    pub(super) fn delete(&mut self, kind: Kind, key: &str) -> bool {
        let Some(before) = self.objects_mut(kind).remove(key) else {
            return false;
        };
        let version = self.version + 1;
        let object = Arc::new(before.with_version(version));
        self.record(Change {
            version,
            before: Some(before),
            object,
            deleted: true,
        });
        true
    }

    fn record(&mut self, change: Change) {
        self.version = change.version;
        self.history.push_back(change);
        if self.history.len() > self.capacity
            && let Some(change) = self.history.pop_front()
        {
            self.forgotten = change.version;
        }
    }

    /// Earlier versions can no longer be asked for; watches that run go on.
    pub(super) fn compact(&mut self) {
        self.compacted = self.version;
    }

    /// Running watches end.
    pub(super) fn end_watches(&mut self) {
        self.epoch += 1;
    }

    /// Everything is gone, as if the server had come back on an empty disk.
    pub(super) fn reset(&mut self) {
        let epoch = self.epoch + 1;
        *self = Self::new(self.capacity, self.rng.fork(), self.clock);
        self.epoch = epoch;
    }

    /// The changes after `version`, or `None` when some of them are forgotten.
    pub(super) fn changes_since(
        &self,
        version: u64,
    ) -> Option<impl DoubleEndedIterator<Item = &Change>> {
        if version < self.forgotten {
            return None;
        }
        let first = self.history.partition_point(|c| c.version <= version);
        Some(self.history.range(first..))
    }

    /// The objects as they were at `version`, in the order of their keys, from `start` on and with keys that begin with
    /// `prefix`; `None` when that version can no longer be asked for.
    pub(super) fn objects_at(
        &self,
        kind: Kind,
        version: u64,
        prefix: &str,
        start: &str,
    ) -> Option<Vec<&Arc<Object>>> {
        if version < self.oldest() {
            return None;
        }
        let from: (Bound<&str>, Bound<&str>) =
            (Bound::Included(start.max(prefix)), Bound::Unbounded);
        // Undone newest first, so that the earliest change has the last word on what was there before.
        let mut undone: BTreeMap<&str, Option<&Arc<Object>>> = BTreeMap::new();
        for change in self.changes_since(version)?.rev() {
            if change.object.kind == kind {
                undone.insert(&change.object.key, change.before.as_ref());
            }
        }
        let present = self.objects(kind).range::<str, _>(from);
        let present = present.take_while(|(key, _)| key.starts_with(prefix));
        let mut objects: Vec<&Arc<Object>> = present
            .filter(|(key, _)| !undone.contains_key(key.as_str()))
            .map(|(_, object)| object)
            .collect();
        if !undone.is_empty() {
            let undone = undone.range::<str, _>(from);
            let undone = undone.take_while(|(key, _)| key.starts_with(prefix));
            objects.extend(undone.filter_map(|(_, before)| *before));
            objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        }
        Some(objects)
    }
}

/// A random (version 4) UUID.
fn uid(rng: &mut fastrand::Rng) -> String {
    let bits = rng.u128(..) & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |range| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}
