//! Which blocks have only names that need no escaping.
//!
//! The names of a record are in a line of each of its families. Nearly all of them are plain, so a scrape looks at each once.

use std::{any::TypeId, collections::HashMap};

use super::Table;
use crate::metrics::format::is_plain;

/// The blocks of one scrape.
#[derive(Debug, Default)]
pub(in crate::metrics) struct PlainBlocks(HashMap<(TypeId, usize, usize), bool>);

impl PlainBlocks {
    /// Whether the values that identify the records of table `T` in this section and block need no escaping.
    pub(super) fn contains<T: Table>(
        &mut self,
        (section, block): (usize, usize),
        of: &T::Section,
    ) -> bool {
        let key = (TypeId::of::<T>(), section, block);
        let is_plain = |record| T::IDENTITY.iter().all(|(_, value)| is_plain(value(record)));
        let plain = self.0.entry(key);
        *plain.or_insert_with(|| T::block(of, block).all(is_plain))
    }
}
