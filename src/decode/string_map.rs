//! A Kubernetes `map[string]string`, that is labels or annotations, of which only some entries are kept.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use super::wire::{CowStr, RawMap};
use crate::protobuf::{Field, Fields, Malformed, Value};

/// The kept labels or annotations of an object, borrowed from its bytes, in the order of the API.
#[derive(Debug, Default)]
pub(super) struct StringMap<'a>(Vec<(Cow<'a, str>, CowStr<'a>)>);

impl<'a> StringMap<'a> {
    /// Reads the entries whose key passes `keep`. Null and absent maps are empty.
    pub(super) fn read(
        raw: Option<RawMap<'a>>,
        keep: &dyn Fn(&str) -> bool,
    ) -> serde_json::Result<Self> {
        match raw {
            None => Ok(Self::default()),
            Some(RawMap::Json(json)) if json.get() == "null" => Ok(Self::default()),
            Some(RawMap::Json(json)) => {
                let mut json = serde_json::Deserializer::from_str(json.get());
                Entries { keep }.deserialize(&mut json).map(Self)
            }
            Some(RawMap::Protobuf { number, fields }) => {
                Ok(Self(protobuf_entries(number, fields, keep)?))
            }
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let entry = self.0.iter().find(|(known, _)| known == key);
        entry.map(|(_, value)| &**value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
}

/// The entries in the fields with this number: messages of a key and a value, each empty if it is left out.
fn protobuf_entries<'a>(
    wanted: u64,
    fields: Fields<'a>,
    keep: &dyn Fn(&str) -> bool,
) -> Result<Vec<(Cow<'a, str>, CowStr<'a>)>, Malformed> {
    let mut entries = Vec::new();
    for field in fields {
        let Field { number, value } = field?;
        if number != wanted {
            continue;
        }
        let (mut key, mut text): (_, &[u8]) = ("", &[]);
        for field in value.fields()? {
            let Field { number, value } = field?;
            match number {
                1 => key = value.text()?,
                2 => text = value.bytes()?,
                _ => {}
            }
        }
        if keep(key) {
            let text = Value::Bytes(text).text()?;
            entries.push((Cow::Borrowed(key), CowStr::borrowed(text)));
        }
    }
    Ok(entries)
}

/// Deserializes the entries whose key passes `keep`, except null ones. Other values are skipped, whatever their type.
struct Entries<'f> {
    keep: &'f dyn Fn(&str) -> bool,
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = Vec<(Cow<'de, str>, CowStr<'de>)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Vec<(Cow<'de, str>, CowStr<'de>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<CowStr<'de>>()? {
            if !(self.keep)(&key) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = map.next_value()? {
                entries.push((key.into_inner(), value));
            }
        }
        Ok(entries)
    }
}
