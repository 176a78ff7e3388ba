//! A Kubernetes `map[string]string`, that is labels or annotations, of which only some entries are kept.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::wire::CowStr;

/// The kept labels or annotations of an object, borrowed from its JSON, in the order of the API.
#[derive(Debug, Default)]
pub(super) struct StringMap<'a>(Vec<(Cow<'a, str>, CowStr<'a>)>);

impl<'a> StringMap<'a> {
    /// Reads the entries whose key passes `keep`. Null and absent maps are empty.
    pub(super) fn read(
        raw: Option<&'a RawValue>,
        keep: &dyn Fn(&str) -> bool,
    ) -> serde_json::Result<Self> {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else {
            return Ok(Self::default());
        };
        let mut json = serde_json::Deserializer::from_str(raw.get());
        Entries { keep }.deserialize(&mut json).map(Self)
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let entry = self.0.iter().find(|(known, _)| known == key);
        entry.map(|(_, value)| &**value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
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
