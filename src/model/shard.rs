//! One of several exporters that divide the namespaces among them.

use std::fmt;

/// One of several exporters that divide the namespaces of each target among them.
///
/// Each namespace has a score with each shard, and the shard with the highest one owns it (rendezvous hashing). So one more
/// shard takes its share from all others and moves no other namespace. The scores are part of the contract between the
/// shards: all versions must agree about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shard {
    /// Its number, from 0.
    index: u32,
    /// How many shards there are, at least 1.
    shards: u32,
}

/// How a shard gets the objects of its own namespaces only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardReading {
    /// The server selects the namespaces: one list and watch of each kind, with a `shardSelector`.
    Selector,
    /// One list and watch of each kind per namespace.
    Namespaces,
    /// Everything is received, and the rest is skipped.
    Skipping,
}

// === impl Shard ===

impl Shard {
    /// Shard `index` of `shards`; `None` unless `index` is less than `shards`.
    #[must_use]
    pub fn new(index: u32, shards: u32) -> Option<Self> {
        (index < shards).then_some(Self { index, shards })
    }

    /// Its number, from 0.
    #[must_use]
    pub fn index(self) -> u32 {
        self.index
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(self) -> u32 {
        self.shards
    }

    /// Whether it owns everything.
    #[must_use]
    pub fn is_only(self) -> bool {
        self.shards == 1
    }

    /// Whether it owns this namespace.
    #[must_use]
    pub fn owns(self, namespace: &str) -> bool {
        let hash = fnv1a_64(namespace);
        let own = score(hash, self.index);
        // Of two shards with the same score, the first one owns it.
        (0..self.index).all(|other| score(hash, other) < own)
            && (self.index + 1..self.shards).all(|other| score(hash, other) <= own)
    }
}

impl fmt::Display for Shard {
    /// `shard 2 of 4`, where the first one is shard 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} of {}", self.index, self.shards)
    }
}

/// FNV-1a with 64 bits, by which the API server places a namespace in a `shardRange` too. Names that differ in their last
/// characters differ in low bits only.
///
/// <https://www.rfc-editor.org/rfc/rfc9923.html>
#[must_use]
pub fn fnv1a_64(text: &str) -> u64 {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    text.bytes().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

/// The score of a namespace with a shard.
fn score(namespace: u64, shard: u32) -> u64 {
    mix(namespace ^ mix(u64::from(shard) + 1))
}

/// Every bit of the result depends on every bit of `value`: the finalizer of `SplitMix64`.
///
/// <https://prng.di.unimi.it/splitmix64.c>
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn owner(namespace: &str, shards: u32) -> u32 {
        let owns = |index: &u32| Shard::new(*index, shards).unwrap().owns(namespace);
        let owners: Vec<_> = (0..shards).filter(owns).collect();
        assert_eq!(owners.len(), 1, "{namespace}: {owners:?}");
        owners[0]
    }

    #[test]
    fn the_hash_is_that_of_the_api_server() {
        assert_eq!(fnv1a_64(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64("a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64("load-07"), 0x70c0_fd76_b738_ba59);
    }

    // Shards of different versions run side by side in an upgrade.
    #[test]
    fn owners_never_change() {
        let owners = |names: &[&str], shards| -> Vec<u32> {
            names.iter().map(|name| owner(name, shards)).collect()
        };
        let names = [
            "default", "billing", "etl", "load-00", "load-01", "load-02", "load-03",
        ];
        assert_eq!(owners(&names, 2), OWNERS_OF_2);
        assert_eq!(owners(&names, 4), OWNERS_OF_4);
        assert_eq!(owners(&names, 1), [0; 7]);
    }

    const OWNERS_OF_2: [u32; 7] = [1, 0, 1, 1, 0, 1, 1];
    const OWNERS_OF_4: [u32; 7] = [2, 3, 1, 2, 0, 1, 1];

    #[test]
    fn names_that_differ_in_their_last_characters_are_divided_evenly() {
        for shards in [2, 4, 7, 16] {
            let mut counts = vec![0; shards as usize];
            for number in 0..4000 {
                counts[owner(&format!("team-{number:04}"), shards) as usize] += 1;
            }
            let even = 4000 / shards;
            for count in counts {
                assert!(
                    (even * 3 / 4..=even * 5 / 4).contains(&count),
                    "{count} of {even}"
                );
            }
        }
    }

    #[test]
    fn a_shard_must_be_one_of_them() {
        assert_eq!(Shard::new(4, 4), None);
        assert_eq!(Shard::new(0, 0), None);
        assert_eq!(Shard::new(3, 4).unwrap().to_string(), "shard 3 of 4");
    }

    proptest! {
        #[test]
        fn one_more_shard_only_takes_namespaces(name in "[a-z0-9-]{1,63}", shards in 1..20u32) {
            let (before, after) = (owner(&name, shards), owner(&name, shards + 1));
            prop_assert!(after == before || after == shards);
        }
    }
}
