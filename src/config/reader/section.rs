//! Maps with a fixed set of keys.

use std::collections::BTreeMap;

use super::Node;
use crate::config::{
    keys,
    tree::{Tree, Value},
};

/// A map with a fixed set of keys.
#[derive(Clone, Debug)]
pub(in crate::config) struct Section<'a> {
    /// The value that is the map.
    pub(in crate::config) node: Node<'a>,
    /// Its entries; `None` for a key without a value.
    map: Option<&'a BTreeMap<String, Tree>>,
}

impl<'a> Section<'a> {
    /// The section at `node`. Reports unknown keys of `map`.
    pub(super) fn new(node: Node<'a>, map: Option<&'a BTreeMap<String, Tree>>) -> Self {
        let section = Self { node, map };
        section.report_unknown_keys();
        section
    }

    /// Whether no key has a value.
    pub(in crate::config) fn is_empty(&self) -> bool {
        let is_null = |tree: &Tree| matches!(tree.value, Value::Null);
        self.map.is_none_or(|map| map.values().all(is_null))
    }

    /// The value of `key`, unless it is absent or null.
    pub(in crate::config) fn get(&self, key: &'static str) -> Option<Node<'a>> {
        self.find(key).filter(|node| !node.is_null())
    }

    /// The value of `key`, which may be null.
    pub(in crate::config) fn find(&self, key: &'static str) -> Option<Node<'a>> {
        debug_assert!(self.node.known_keys().any(|known| known == key));
        self.child(key)
    }

    /// The value of `key`. Reports a problem if it is absent or null.
    pub(in crate::config) fn required(&self, key: &'static str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            self.missing(key).problem("is missing");
        }
        node
    }

    /// A node for problems with `key`, which is not set.
    pub(in crate::config) fn missing(&self, key: &str) -> Node<'a> {
        self.node.for_unset_key(self.node.path_of(key))
    }

    /// The value of any key.
    fn child(&self, key: &str) -> Option<Node<'a>> {
        let tree = self.map?.get(key)?;
        Some(self.node.child(key, tree))
    }

    /// Reports each key that is not in the table, with a suggestion. The message never quotes the value.
    fn report_unknown_keys(&self) {
        let known: Vec<_> = self.node.known_keys().collect();
        for key in self.map.into_iter().flat_map(BTreeMap::keys) {
            if known.contains(&key.as_str()) {
                continue;
            }
            let Some(node) = self.child(key) else {
                continue;
            };
            let as_file = format!("{key}_file");
            if known.contains(&as_file.as_str()) {
                node.problem_with_hint(
                    "secrets are not allowed in the configuration",
                    format!("write the secret to a file and set `{as_file}` to its path"),
                );
            } else {
                let hint = keys::hint(self.node.report.keys, &self.node.path, key);
                let hint = hint.unwrap_or_else(|| format!("valid keys: {}", known.join(", ")));
                node.problem_with_hint("unknown key", hint);
            }
        }
    }
}
