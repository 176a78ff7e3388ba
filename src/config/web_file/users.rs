//! `basic_auth_users`: user names and the bcrypt hashes of their passwords.
//!
//! No message quotes a hash, nor what is in its place: it may be a password.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::config::reader::Node;

/// The valid costs of bcrypt.
const COSTS: std::ops::RangeInclusive<u32> = 4..=31;
/// A higher cost causes a warning: a check takes 2 seconds or more.
const MAX_QUICK_COST: u32 = 15;
/// The length of the salt and the checksum in a hash.
const ENCODED_LENGTH: usize = 53;

/// Reads `basic_auth_users`. Entries with problems are left out.
pub(super) fn read(node: &Node<'_>) -> BTreeMap<String, SecretString> {
    let Some(entries) = node.all_entries() else {
        return BTreeMap::new();
    };
    if entries.is_empty() {
        node.warn("lists no users, so no password is required");
    }
    let user = |(name, node): (&str, Node<'_>)| Some((user_name(name, &node)?, hash(&node)?));
    entries.into_iter().filter_map(user).collect()
}

/// Checks a user name, which basic authentication sends before a `:`.
fn user_name(name: &str, node: &Node<'_>) -> Option<String> {
    if name.contains(':') || name.chars().any(char::is_control) {
        node.problem("is not a valid user name: no `:` and no control characters");
        return None;
    }
    Some(name.to_owned())
}

/// Checks the shape of a bcrypt hash.
fn hash(node: &Node<'_>) -> Option<SecretString> {
    // A user without a hash is never left out silently: without any user, no password is required.
    let text = if node.is_null() || node.as_number().is_some() {
        ""
    } else {
        node.text()?
    };
    let Some(cost) = cost(text) else {
        node.problem_with_hint(
            "must be a bcrypt hash such as `$2y$10$` and 53 more characters",
            "create it with `htpasswd -nBC 10 \"\" | tr -d ':\\n'`",
        );
        return None;
    };
    if !COSTS.contains(&cost) {
        let (least, most) = COSTS.into_inner();
        node.problem(format!(
            "must have a bcrypt cost from {least} to {most}, has {cost}"
        ));
        return None;
    }
    if cost > MAX_QUICK_COST {
        node.warn(format!(
            "has the bcrypt cost {cost}: each check of a password takes seconds; 10 to 12 are common"
        ));
    }
    Some(SecretString::from(text))
}

/// The cost in a bcrypt hash: `$2`, a letter, `$`, two digits, `$`, salt and checksum.
fn cost(hash: &str) -> Option<u32> {
    let rest = hash.strip_prefix("$2")?;
    let rest = rest.strip_prefix(['a', 'b', 'x', 'y'])?;
    let (cost, encoded) = rest.strip_prefix('$')?.split_once('$')?;
    let is_encoded = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    let is_valid = cost.len() == 2
        && cost.bytes().all(|byte| byte.is_ascii_digit())
        && encoded.len() == ENCODED_LENGTH
        && encoded.bytes().all(is_encoded);
    if is_valid { cost.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A salt and a checksum.
    const ENCODED: &str = "X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

    #[test]
    fn hashes_of_all_versions_have_a_cost() {
        for (prefix, expected) in [
            ("$2a$10$", Some(10)),
            ("$2b$04$", Some(4)),
            ("$2x$31$", Some(31)),
            ("$2y$12$", Some(12)),
            ("$2$10$", None),
            ("$2c$10$", None),
            ("$2y$9$", None),
            ("$2y$+9$", None),
            ("$2y$100$", None),
            ("$1$10$", None),
            ("2y$10$", None),
            ("$2y$10$$", None),
        ] {
            let hash = format!("{prefix}{ENCODED}");
            assert_eq!(cost(&hash), expected, "{prefix}");
        }
    }

    #[test]
    fn a_hash_has_53_characters_of_the_alphabet_of_bcrypt() {
        for encoded in [
            "",
            &ENCODED[1..],
            &format!("{ENCODED}a"),
            &ENCODED.replace('.', "+"),
            &ENCODED.replace('h', "\u{e9}"),
        ] {
            assert_eq!(cost(&format!("$2y$10${encoded}")), None, "{encoded}");
        }
    }
}
