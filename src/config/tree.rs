//! The merged configuration before it has a meaning: maps, lists and scalars, each with its origin.
//!
//! `layers` makes it, `reader` walks it. Keys are not checked here.

use std::{collections::BTreeMap, sync::Arc};

use super::problem::Origin;

/// A value and where it was written.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// Where it was written; for a map, by whom last.
    pub(super) origin: Arc<Origin>,
    /// The value.
    pub(super) value: Value,
}

/// A value as YAML has it.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A key without a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in decimal.
    Number(String),
    /// Any other scalar, and every scalar of the environment and of flags.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(BTreeMap<String, Tree>),
}
