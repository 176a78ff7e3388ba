//! Strings that many records have in common, kept once.

use std::{collections::HashSet, hash::Hash, sync::Arc};

use crate::model::Name;

/// A set of shared names. Each feed has its own, so that sharing needs no lock.
#[derive(Debug, Default)]
pub(super) struct Interner {
    known: HashSet<Name>,
    /// Names that come together.
    rows: HashSet<Arc<[Name]>>,
    /// Pairs that come together.
    pairs: HashSet<Arc<[(Name, Name)]>>,
    /// Size after the last sweep; twice as many and it is time for the next.
    kept: usize,
}

impl Interner {
    /// The one copy of `text`.
    pub(super) fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.known.get(text) {
            return name.clone();
        }
        self.sweep_when_due();
        let name: Name = text.into();
        self.known.insert(name.clone());
        name
    }

    /// The one copy of these texts in this order.
    pub(super) fn share_all<'a>(&mut self, texts: impl Iterator<Item = &'a str>) -> Arc<[Name]> {
        let row = texts.map(|text| self.share(text)).collect();
        self.sweep_when_due();
        one_copy(&mut self.rows, row)
    }

    /// The one copy of these pairs in this order.
    pub(super) fn share_pairs<'a>(
        &mut self,
        pairs: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Arc<[(Name, Name)]> {
        let pairs = pairs
            .map(|(key, value)| (self.share(key), self.share(value)))
            .collect();
        self.sweep_when_due();
        one_copy(&mut self.pairs, pairs)
    }

    /// Drops what nobody else holds, at a cost that is constant per name when spread over the insertions.
    fn sweep_when_due(&mut self) {
        if self.len() < 2 * self.kept.max(64) {
            return;
        }
        self.pairs.retain(|pairs| Arc::strong_count(pairs) > 1);
        self.pairs.shrink_to_fit();
        self.rows.retain(|row| Arc::strong_count(row) > 1);
        self.rows.shrink_to_fit();
        self.known.retain(|name| Name::strong_count(name) > 1);
        self.known.shrink_to_fit();
        self.kept = self.len();
    }

    fn len(&self) -> usize {
        self.known.len() + self.rows.len() + self.pairs.len()
    }
}

/// The one copy of `row` among `known`.
fn one_copy<T: Eq + Hash>(known: &mut HashSet<Arc<[T]>>, row: Vec<T>) -> Arc<[T]> {
    if let Some(known) = known.get(row.as_slice()) {
        return known.clone();
    }
    let row: Arc<[T]> = row.into();
    known.insert(row.clone());
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shared_and_dropped_when_nobody_holds_them() {
        let mut names = Interner::default();
        let kept = names.share("billing");
        assert!(Name::ptr_eq(&kept, &names.share("billing")));
        for i in 0..10_000 {
            names.share(&format!("passing-{i}"));
        }
        assert!(names.known.len() < 200, "{}", names.known.len());
        assert!(Name::ptr_eq(&kept, &names.share("billing")));
    }
}
