//! Strings that many records share, stored once.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use crate::model::Name;

/// The number of entries below which no sweep is worth its cost.
const MIN_SWEEP: usize = 64;

/// A set of shared strings. Each feed has its own, so that it needs no lock.
#[derive(Debug, Default)]
pub(super) struct Interner {
    strings: HashSet<Name>,
    lists: HashSet<Arc<[Name]>>,
    pair_lists: HashSet<Arc<[(Name, Name)]>>,
    /// The number of entries after the last sweep. The next sweep runs at twice as many.
    swept_len: usize,
}

impl Interner {
    /// Returns the shared copy of `text`.
    pub(super) fn intern(&mut self, text: &str) -> Name {
        if let Some(name) = self.strings.get(text) {
            return name.clone();
        }
        self.sweep_if_grown();
        let name: Name = text.into();
        self.strings.insert(name.clone());
        name
    }

    /// Returns the shared copy of a list of strings.
    pub(super) fn intern_list<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> Arc<[Name]> {
        let list = texts.map(|text| self.intern(text)).collect();
        self.sweep_if_grown();
        shared(&mut self.lists, list)
    }

    /// Returns the shared copy of a list of pairs of strings.
    pub(super) fn intern_pairs<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Arc<[(Name, Name)]> {
        let pairs = pairs
            .map(|(key, value)| (self.intern(key), self.intern(value)))
            .collect();
        self.sweep_if_grown();
        shared(&mut self.pair_lists, pairs)
    }

    /// Drops the entries that no record holds. The doubling rule keeps the cost per insertion constant.
    fn sweep_if_grown(&mut self) {
        if self.len() < 2 * self.swept_len.max(MIN_SWEEP) {
            return;
        }
        // Lists hold strings, so they are swept first.
        self.pair_lists.retain(|pairs| Arc::strong_count(pairs) > 1);
        self.pair_lists.shrink_to_fit();
        self.lists.retain(|list| Arc::strong_count(list) > 1);
        self.lists.shrink_to_fit();
        self.strings.retain(|name| Name::strong_count(name) > 1);
        self.strings.shrink_to_fit();
        self.swept_len = self.len();
    }

    fn len(&self) -> usize {
        self.strings.len() + self.lists.len() + self.pair_lists.len()
    }
}

/// Returns the copy of `list` in `set`, inserting it if needed.
fn shared<T: Eq + Hash>(set: &mut HashSet<Arc<[T]>>, list: Vec<T>) -> Arc<[T]> {
    if let Some(shared) = set.get(list.as_slice()) {
        return shared.clone();
    }
    let list: Arc<[T]> = list.into();
    set.insert(list.clone());
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_shared_and_dropped_when_no_record_holds_them() {
        let mut interner = Interner::default();
        let kept = interner.intern("billing");
        assert!(Name::ptr_eq(&kept, &interner.intern("billing")));
        for i in 0..10_000 {
            interner.intern(&format!("passing-{i}"));
        }
        assert!(interner.strings.len() < 200, "{}", interner.strings.len());
        assert!(Name::ptr_eq(&kept, &interner.intern("billing")));
    }
}
