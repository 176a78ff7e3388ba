//! Names and patterns of names, where `*` stands for any characters, and pairs of lists that include and exclude.
//!
//! What a name may be made of is said by the section that has the list ([`Subject`]); matching is the same for all.

use std::fmt;

use super::reader::{Node, Section};

/// The longest list of patterns: each is compared with every name.
const LONGEST_LIST: usize = 1000;

/// A name, or many where `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// What the patterns of a list are about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// One of the things that are named.
    pub(super) one: &'static str,
    /// Several of them.
    pub(super) many: &'static str,
    /// What is done with them.
    pub(super) purpose: &'static str,
    /// A pattern that replaces many names.
    pub(super) example: &'static str,
    /// Whether a text is a name or pattern; the error continues a sentence that begins with the text.
    pub(super) check: fn(&str) -> Result<(), &'static str>,
}

/// A pattern and where it stands.
type Placed<'a> = (Node<'a>, Pattern);

impl Pattern {
    /// Whether `name` matches, from end to end.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces.next().and_then(|start| name.strip_prefix(start)) else {
            return false;
        };
        let Some(end) = pieces.next_back() else {
            return rest.is_empty();
        };
        // Each piece as early as it occurs leaves the most for those after it.
        for piece in pieces {
            match rest.find(piece) {
                Some(position) => rest = &rest[position + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(end)
    }

    /// Whether it is a name in full.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all that `other` matches is matched here: a `*` of `other` can only be matched by one of ours.
    fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether one of `patterns` matches.
pub(super) fn any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// Reads `include` and `exclude`. Both are empty where they are not set.
pub(super) fn include_and_exclude(
    section: &Section<'_>,
    subject: Subject,
) -> (Vec<Pattern>, Vec<Pattern>) {
    let Subject { one, purpose, .. } = subject;
    let items = |key| {
        let node = section.get(key)?;
        let items = node.items()?;
        Some((node, items))
    };
    let include = items("include").map_or_else(Vec::new, |(node, items)| {
        if items.is_empty() {
            let hint = format!("leave it out to include every {one}");
            node.problem_with_hint("includes nothing", hint);
        }
        placed(&node, items, subject)
    });
    let exclude =
        items("exclude").map_or_else(Vec::new, |(node, items)| placed(&node, items, subject));
    for (node, pattern) in &include {
        if let Some((by, excluding)) = exclude.iter().find(|(_, other)| other.covers(pattern)) {
            let by = by.path();
            node.problem(format!(
                "`{pattern}` is excluded again by `{excluding}` in {by}"
            ));
        }
    }
    let everything = exclude
        .iter()
        .find(|(_, pattern)| pattern.covers(&Pattern::from("*")));
    if let Some((node, pattern)) = everything.filter(|_| include.is_empty()) {
        node.problem(format!("`{pattern}` leaves no {one} to {purpose}"));
    }
    if !include.is_empty() && include.iter().all(|(_, pattern)| pattern.is_exact()) {
        for (node, pattern) in &exclude {
            node.warn(format!(
                "`{pattern}` has no effect: every included {one} is named in full"
            ));
        }
    }
    (bare(include), bare(exclude))
}

/// Reads the list at `node`.
pub(super) fn list(node: &Node<'_>, subject: Subject) -> Vec<Pattern> {
    let items = node.items().unwrap_or_default();
    bare(placed(node, items, subject))
}

/// Reads `items`, the list at `node`: those in order, with their places.
fn placed<'a>(node: &Node<'_>, items: Vec<Node<'a>>, subject: Subject) -> Vec<Placed<'a>> {
    if items.len() > LONGEST_LIST {
        let (count, many) = (items.len(), subject.many);
        node.problem_with_hint(
            format!("lists {count} {many}, more than {LONGEST_LIST}"),
            format!("use patterns such as `{}`", subject.example),
        );
        return Vec::new();
    }
    let pattern = |item: Node<'a>| {
        let pattern = item.parsed(|text| (subject.check)(text).map(|()| Pattern::from(text)))?;
        Some((item, pattern))
    };
    items.into_iter().filter_map(pattern).collect()
}

/// `patterns` without their places.
fn bare(patterns: Vec<Placed<'_>>) -> Vec<Pattern> {
    patterns.into_iter().map(|(_, pattern)| pattern).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_from_end_to_end() {
        for (pattern, name, matches) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcd", false),
            ("*b*", "abc", true),
            ("*b*", "ac", false),
            ("a*a", "a", false),
            ("ab*ba", "aba", false),
            ("**", "x", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*bc*c", "abc", false),
        ] {
            assert_eq!(
                Pattern::from(pattern).matches(name),
                matches,
                "{pattern} {name}"
            );
        }
    }

    /// Matching by trying everything.
    fn matches_slowly(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|skip| matches_slowly(rest, &text[skip..])),
            [first, rest @ ..] => text.first() == Some(first) && matches_slowly(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn matches_as_the_obvious_way_does(pattern in "[ab*]{0,6}", text in "[ab]{0,6}") {
            let expected = matches_slowly(pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(Pattern(pattern).matches(&text), expected);
        }

        #[test]
        fn a_covered_pattern_matches_nothing_else(wide in "[ab*]{0,4}", narrow in "[ab*]{0,4}", text in "[ab]{0,6}") {
            let (wide, narrow) = (Pattern(wide), Pattern(narrow));
            prop_assert!(!wide.covers(&narrow) || !narrow.matches(&text) || wide.matches(&text));
        }
    }
}
