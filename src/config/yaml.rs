//! YAML text → figment value and the positions of its keys, with limits on size and depth.
//!
//! Errors have a position but never quote the text, because it may contain a secret.

use std::{collections::BTreeMap, fmt};

use figment::value::{Dict, Value};
use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, MessageFormatter as _, Spanned, UserMessageFormatter};

use super::problem::Position;

/// A document.
#[derive(Debug)]
pub(super) struct Document {
    /// Its value; `Value::Empty` for an empty document.
    pub(super) value: Value,
    /// The positions of the value and of everything inside it.
    pub(super) positions: Positions,
}

/// The position of a value, and those of its entries or items.
///
/// An entry of a map is where its key is. An alias is where the text is that its anchor marks.
#[derive(Debug, Default)]
pub(super) struct Positions {
    /// The position of this value.
    pub(super) here: Option<Position>,
    /// The entries of a map.
    pub(super) entries: BTreeMap<String, Positions>,
    /// The items of a list.
    pub(super) items: Vec<Positions>,
}

/// A document that is not valid YAML, or too large.
#[derive(Debug)]
pub(super) struct Error {
    /// Where the parser stopped.
    pub(super) position: Option<Position>,
    /// What is wrong.
    pub(super) message: String,
}

/// Parses one document.
pub(super) fn parse(text: &str) -> Result<Document, Error> {
    let options = serde_saphyr::options! {
        // A list of 50,000 jobs has as many nodes.
        budget: serde_saphyr::budget! {
            max_depth: 32,
            flow_nesting_limit: 32,
            max_nodes: 250_000,
            // A hundred targets may share one anchor. `alias_limits` limits the expansion.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 100_000,
            max_replay_stack_depth: 8,
        },
        // `no`, `on` and `0123` are text.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Document>>(text, options) {
        Ok(Spanned {
            mut value, defined, ..
        }) => {
            value.positions.here = position(defined);
            Ok(value)
        }
        Err(error) => Err(Error {
            position: error.location().and_then(position),
            message: UserMessageFormatter.format_message(&error).into_owned(),
        }),
    }
}

/// Converts a position of the parser, which is 0 where it is unknown.
fn position(location: Location) -> Option<Position> {
    (location != Location::UNKNOWN).then(|| Position {
        line: location.line(),
        column: location.column(),
    })
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self {
            value,
            positions: Positions::default(),
        }
    }
}

/// Builds a [`Document`] from any value. Only its parent knows the position of the value itself.
struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_u128<E>(self, value: u128) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Document, E> {
        Ok(Value::from(value).into())
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Value::from(figment::value::Empty::Unit).into())
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Value::from(figment::value::Empty::Unit).into())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Document, A::Error> {
        let mut values = Vec::new();
        let mut positions = Positions::default();
        while let Some(item) = list.next_element::<Spanned<Document>>()? {
            values.push(item.value.value);
            positions.items.push(Positions {
                here: position(item.defined),
                ..item.value.positions
            });
        }
        Ok(Document {
            value: Value::from(values),
            positions,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
        let mut values = Dict::new();
        let mut positions = Positions::default();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let entry: Document = map.next_value()?;
            let inside = Positions {
                here: position(key.defined),
                ..entry.positions
            };
            positions.entries.insert(key.value.clone(), inside);
            values.insert(key.value, entry.value);
        }
        Ok(Document {
            value: Value::from(values),
            positions,
        })
    }
}

#[cfg(test)]
mod tests;
