//! The parameter `shardSelector` of lists and watches (KEP-5866, Kubernetes 1.36).
//!
//! A server selects by ranges of the hash of a field. A range of one hash is one namespace, whatever shards there are.
//!
//! <https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/5866-server-side-sharded-list-and-watch>

use std::{fmt::Write as _, sync::Arc};

use crate::model::fnv1a_64;

/// A selector that no namespace matches, to ask whether a server knows the parameter: no name has this hash but by chance.
pub(super) fn of_nothing() -> Arc<str> {
    let mut text = String::new();
    add_range(&mut text, 0);
    text.into()
}

/// The selector of these namespaces; `None` if there are none, since a selector must have a range.
pub(super) fn of_namespaces<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> Option<Arc<str>> {
    let mut text = String::new();
    for namespace in namespaces {
        if !text.is_empty() {
            text.push_str(" || ");
        }
        add_range(&mut text, fnv1a_64(namespace));
    }
    (!text.is_empty()).then(|| text.into())
}

/// Adds the range of one hash. Its end is exclusive and has 64 bits, or is 2^64.
fn add_range(text: &mut String, hash: u64) {
    let end = u128::from(hash) + 1;
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "shardRange(object.metadata.namespace, '0x{hash:016x}', '0x{end:016x}')"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_is_a_range_of_one_hash() {
        let one =
            "shardRange(object.metadata.namespace, '0x70c0fd76b738ba59', '0x70c0fd76b738ba5a')";
        assert_eq!(of_namespaces(["load-07"]).as_deref(), Some(one));
        let two = of_namespaces(["load-07", "load-07"]).unwrap();
        assert_eq!(*two, format!("{one} || {one}"));
        assert_eq!(of_namespaces([]), None);
    }

    #[test]
    fn the_last_hash_ends_at_its_own_end() {
        let mut text = String::new();
        add_range(&mut text, u64::MAX);
        assert!(
            text.ends_with("'0xffffffffffffffff', '0x10000000000000000')"),
            "{text}"
        );
        assert_eq!(
            *of_nothing(),
            *"shardRange(object.metadata.namespace, '0x0000000000000000', '0x0000000000000001')"
        );
    }
}
