//! A map from logins to answers with a maximum size.
//!
//! When the cache is full, the entry that was inserted first leaves. Each cache has one kind of answer, so that rejected
//! logins, which anybody can cause, never displace accepted ones.

use std::collections::HashMap;

use super::keyed_hash::Fingerprint;

/// Answers by login.
pub(super) struct BoundedCache<V> {
    /// The values, each with its number in the order of insertion.
    entries: HashMap<Fingerprint, (u64, V)>,
    capacity: usize,
    inserted: u64,
}

impl<V> BoundedCache<V> {
    /// An empty cache for up to `capacity` entries.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            capacity,
            inserted: 0,
        }
    }

    pub(super) fn get(&self, key: &Fingerprint) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &Fingerprint) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// Inserts or replaces the entry of `key`. The oldest entry leaves if there is no room.
    pub(super) fn insert(&mut self, key: Fingerprint, value: V) {
        self.entries.remove(&key);
        if self.entries.len() >= self.capacity {
            let oldest = self.entries.iter().min_by_key(|(_, (number, _))| *number);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.entries.remove(&oldest);
            }
        }
        self.inserted += 1;
        self.entries.insert(key, (self.inserted, value));
    }

    pub(super) fn remove(&mut self, key: &Fingerprint) {
        self.entries.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_that_was_inserted_first_leaves() {
        let mut cache = BoundedCache::new(2);
        let key = |number| [number; 32];
        for number in [1, 2, 1, 3] {
            cache.insert(key(number), number);
        }
        assert_eq!(
            [1, 2, 3].map(|n| cache.get(&key(n)).copied()),
            [Some(1), None, Some(3)]
        );
        cache.remove(&key(1));
        cache.insert(key(4), 4);
        assert_eq!(
            [1, 3, 4].map(|n| cache.get(&key(n)).copied()),
            [None, Some(3), Some(4)]
        );
    }
}
