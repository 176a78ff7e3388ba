//! The storage, in place of etcd: the objects, one version counter, and the last changes.
//!
//! [`super::SimulatedApi`] holds it behind a lock; [`super::list`] and [`super::watch`] read it. The registry computes the state at
//! an earlier version by undoing changes, so a paged list needs no copy. A version is available as long as the history has all
//! later changes and no compaction expired it.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use serde_json::Value;

use super::object::{self, InvalidObject, Kind, Object};
use crate::clock::Clock;

/// All objects and their last changes.
#[derive(Debug)]
pub(super) struct Registry {
    clock: Clock,
    /// Generates uids. A reset keeps it, so that uids stay unique.
    rng: fastrand::Rng,
    /// Version of the last change.
    version: u64,
    /// The version of the last compaction.
    compacted: u64,
    jobs: BTreeMap<String, Arc<Object>>,
    cronjobs: BTreeMap<String, Arc<Object>>,
    pods: BTreeMap<String, Arc<Object>>,
    namespaces: BTreeMap<String, Arc<Object>>,
    /// In ascending order of versions.
    history: VecDeque<Change>,
    /// The maximum length of the history.
    capacity: usize,
    /// Version of the last change that was dropped from the history.
    dropped: u64,
    /// A watch ends when this differs from the value at its start.
    epoch: u64,
}

/// One write.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) version: u64,
    /// The object before; `None` if the change created it.
    pub(super) before: Option<Arc<Object>>,
    /// The object after. For a deletion, its last state with the version of the deletion.
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
            pods: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            history: VecDeque::new(),
            capacity,
            dropped: 0,
            epoch: 0,
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The oldest version that is not expired.
    pub(super) fn oldest(&self) -> u64 {
        self.compacted.max(self.dropped)
    }

    pub(super) fn objects(&self, kind: Kind) -> &BTreeMap<String, Arc<Object>> {
        match kind {
            Kind::Job => &self.jobs,
            Kind::CronJob => &self.cronjobs,
            Kind::Pod => &self.pods,
            Kind::Namespace => &self.namespaces,
        }
    }

    fn objects_mut(&mut self, kind: Kind) -> &mut BTreeMap<String, Arc<Object>> {
        match kind {
            Kind::Job => &mut self.jobs,
            Kind::CronJob => &mut self.cronjobs,
            Kind::Pod => &mut self.pods,
            Kind::Namespace => &mut self.namespaces,
        }
    }

    pub(super) fn new_uid(&mut self) -> String {
        uid(&mut self.rng)
    }

    /// Creates or replaces an object. Like in Kubernetes, a write without a change has no effect.
    ///
    /// A given `resourceVersion` that is higher than the current one is kept, so that recorded objects keep theirs.
    pub(super) fn apply(&mut self, kind: Kind, value: Value) -> Result<Arc<Object>, InvalidObject> {
        let metadata = &value["metadata"];
        let given = metadata["resourceVersion"].as_str();
        let given = given.and_then(|version| version.parse().ok()).unwrap_or(0);
        let version = (self.version + 1).max(given);
        let namespace = metadata["namespace"].as_str().filter(|n| !n.is_empty());
        let name = metadata["name"].as_str().unwrap_or_default();
        let default = if kind == Kind::Namespace {
            ""
        } else {
            "default"
        };
        let key = format!("{}/{name}", namespace.unwrap_or(default));
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

    /// Deletes an object. Returns whether it existed.
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
            self.dropped = change.version;
        }
    }

    /// The changes after `version`, or `None` if the history does not have all of them.
    pub(super) fn changes_since(
        &self,
        version: u64,
    ) -> Option<impl DoubleEndedIterator<Item = &Change>> {
        if version < self.dropped {
            return None;
        }
        let first = self.history.partition_point(|c| c.version <= version);
        Some(self.history.range(first..))
    }

    /// The objects at `version` in the order of their keys, from `start` on, with keys that begin with `prefix`. `None` if the
    /// version is expired.
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
        // Newest first: the earliest change of an object has its state at `version`, and overwrites the later ones.
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

#[cfg(feature = "faults")]
impl Registry {
    /// Expires all earlier versions. Running watches go on.
    pub(super) fn compact(&mut self) {
        self.compacted = self.version;
    }

    /// Ends the running watches.
    pub(super) fn end_watches(&mut self) {
        self.epoch += 1;
    }

    /// Starts again without objects, and ends the running watches.
    pub(super) fn reset(&mut self) {
        let epoch = self.epoch + 1;
        *self = Self::new(self.capacity, self.rng.fork(), self.clock);
        self.epoch = epoch;
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
