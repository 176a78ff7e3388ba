//! `shardSelector`: ranges of hashes of the namespace, joined by `||` (KEP-5866).
//!
//! Other fields than the namespace are not simulated.

use std::ops::Range;

/// A parsed selector.
#[derive(Clone, Debug)]
pub(super) struct ShardSelector {
    text: String,
    /// Ends can be 2^64.
    ranges: Vec<Range<u128>>,
}

impl ShardSelector {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let ranges = text.split("||").map(|part| {
            range(part.trim()).ok_or_else(|| format!("invalid shardSelector: {part:?}"))
        });
        Ok(Self {
            ranges: ranges.collect::<Result<_, _>>()?,
            text: text.to_owned(),
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn matches(&self, namespace: &str) -> bool {
        let hash = u128::from(fnv1a_64(namespace));
        self.ranges.iter().any(|range| range.contains(&hash))
    }
}

/// `shardRange(object.metadata.namespace, '0x…', '0x…')`.
fn range(text: &str) -> Option<Range<u128>> {
    let arguments = text.strip_prefix("shardRange(")?.strip_suffix(')')?;
    let mut arguments = arguments.split(',').map(str::trim);
    if arguments.next()? != "object.metadata.namespace" {
        return None;
    }
    let mut hash = || {
        let text = arguments.next()?.strip_prefix("'0x")?.strip_suffix('\'')?;
        let is_bound = text.len() == 16 || text == "10000000000000000";
        u128::from_str_radix(text, 16).ok().filter(|_| is_bound)
    };
    let (start, end) = (hash()?, hash()?);
    (start < end && arguments.next().is_none()).then_some(start..end)
}

/// FNV-1a with 64 bits.
fn fnv1a_64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // A real 1.36 server selected exactly this namespace.
    const LOAD_07: &str =
        "shardRange(object.metadata.namespace, '0x70c0fd76b738ba59', '0x70c0fd76b738ba5a')";

    #[test]
    fn a_range_selects_by_the_hash_of_the_namespace() {
        let selector = ShardSelector::parse(LOAD_07).unwrap();
        assert!(selector.matches("load-07"));
        assert!(!selector.matches("load-08"));
        let all =
            "shardRange(object.metadata.namespace, '0x0000000000000000', '0x10000000000000000')";
        let both = ShardSelector::parse(&format!("{LOAD_07} || {all}")).unwrap();
        assert!(both.matches("load-08"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "shardRange(object.metadata.uid, '0x0000000000000000', '0x0000000000000001')",
            "shardRange(object.metadata.namespace, '0x1', '0x2')",
            "shardRange(object.metadata.namespace, '0x0000000000000002', '0x0000000000000001')",
            "shardRange(object.metadata.namespace, '0x0000000000000001')",
            "namespace = load",
            "||",
        ] {
            assert!(ShardSelector::parse(text).is_err(), "{text}");
        }
    }
}
