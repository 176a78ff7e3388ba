//! The merged but unvalidated configuration: maps, lists and scalars, each with its source and position.
//!
//! `layers` builds the tree and `reader` reads it.

use std::{collections::BTreeMap, sync::Arc};

use super::problem::{Position, SettingSource};

/// A value, its source and its position.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// The layer that set it; for a map, the last one.
    pub(super) source: Arc<SettingSource>,
    /// Where it is in the file; `None` for variables and flags.
    pub(super) position: Option<Position>,
    /// The value.
    pub(super) value: Value,
}

/// A YAML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A key without a value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in decimal.
    Number(String),
    /// Any other scalar, and every scalar from a variable or flag.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(BTreeMap<String, Tree>),
}
