//! Patterns of names, where `*` matches any characters, and their include and exclude lists.
//!
//! The section with the list defines which names are valid ([`Subject`]). Matching is the same for all.

use std::fmt;

use super::reader::{Node, Section};

/// The maximum number of patterns in a list, because every name is matched against each.
const MAX_PATTERNS: usize = 1000;

/// A name in which `*` matches any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// The kind of names in a list, for checks and messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject {
    /// The singular noun.
    pub(super) one: &'static str,
    /// The plural noun.
    pub(super) many: &'static str,
    /// An example of a pattern.
    pub(super) example: &'static str,
    /// Checks a name or pattern. The error completes a sentence that starts with the text.
    pub(super) check: fn(&str) -> Result<(), &'static str>,
}

/// A pattern and its node.
type Located<'a> = (Node<'a>, Pattern);

impl Pattern {
    /// Whether the whole of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces.next().and_then(|start| name.strip_prefix(start)) else {
            return false;
        };
        let Some(end) = pieces.next_back() else {
            return rest.is_empty();
        };
        // The earliest match of a piece leaves the longest rest for the next pieces.
        for piece in pieces {
            match rest.find(piece) {
                Some(position) => rest = &rest[position + piece.len()..],
                None => return false,
            }
        }
        rest.ends_with(end)
    }

    /// Whether the pattern is a name without `*`.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// The pattern as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this matches every name that `other` matches. Only a `*` here can match a `*` in `other`.
    pub(super) fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }

    /// Whether a name may exist that both match. `false` is certain: the fixed starts or ends of the two differ.
    pub(super) fn may_overlap(&self, other: &Self) -> bool {
        if self.is_exact() || other.is_exact() {
            return self.covers(other) || other.covers(self);
        }
        let ends = |pattern: &'_ Self| {
            let start = pattern.0.split('*').next().unwrap_or_default().to_owned();
            let end = pattern.0.rsplit('*').next().unwrap_or_default().to_owned();
            (start, end)
        };
        let ((start, end), (other_start, other_end)) = (ends(self), ends(other));
        (start.starts_with(&other_start) || other_start.starts_with(&start))
            && (end.ends_with(&other_end) || other_end.ends_with(&end))
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

/// Reads `include` and `exclude`. An absent list is empty.
pub(super) fn include_and_exclude(
    section: &Section<'_>,
    subject: Subject,
) -> (Vec<Pattern>, Vec<Pattern>) {
    let one = subject.one;
    let items = |key| {
        let node = section.get(key)?;
        let items = node.items()?;
        Some((node, items))
    };
    let include = items("include").map_or_else(Vec::new, |(node, items)| {
        if items.is_empty() {
            let hint = format!("omit the key to include every {one}");
            node.problem_with_hint("is empty", hint);
        }
        located(&node, items, subject)
    });
    let exclude =
        items("exclude").map_or_else(Vec::new, |(node, items)| located(&node, items, subject));
    for (node, pattern) in &include {
        if let Some((by, excluding)) = exclude.iter().find(|(_, other)| other.covers(pattern)) {
            let by = by.path();
            node.problem(format!("`{pattern}` is excluded by `{excluding}` in {by}"));
        }
    }
    let everything = exclude
        .iter()
        .find(|(_, pattern)| pattern.covers(&Pattern::from("*")));
    if let Some((node, pattern)) = everything.filter(|_| include.is_empty()) {
        node.problem(format!("`{pattern}` excludes every {one}"));
    }
    if !include.is_empty() && include.iter().all(|(_, pattern)| pattern.is_exact()) {
        for (node, pattern) in &exclude {
            node.warn(format!(
                "`{pattern}` has no effect: `include` lists every {one} by its full name"
            ));
        }
    }
    (patterns(include), patterns(exclude))
}

/// Reads the list at `node`.
pub(super) fn list(node: &Node<'_>, subject: Subject) -> Vec<Pattern> {
    let items = node.items().unwrap_or_default();
    patterns(located(node, items, subject))
}

/// Reads the valid patterns of `items`, the list at `node`.
fn located<'a>(node: &Node<'_>, items: Vec<Node<'a>>, subject: Subject) -> Vec<Located<'a>> {
    if items.len() > MAX_PATTERNS {
        let (count, many) = (items.len(), subject.many);
        node.problem_with_hint(
            format!("has {count} {many}, the maximum is {MAX_PATTERNS}"),
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

/// Drops the nodes.
fn patterns(located: Vec<Located<'_>>) -> Vec<Pattern> {
    located.into_iter().map(|(_, pattern)| pattern).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn patterns_match_whole_names() {
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

    /// Matches by trying every possibility.
    fn matches_slowly(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|skip| matches_slowly(rest, &text[skip..])),
            [first, rest @ ..] => text.first() == Some(first) && matches_slowly(rest, &text[1..]),
        }
    }

    #[test]
    fn patterns_with_different_starts_or_ends_do_not_overlap() {
        for (one, other, overlap) in [
            ("a*", "b*", false),
            ("a*", "ab*", true),
            ("*-x", "*-y", false),
            ("*-x", "a*", true),
            ("a*b", "a*c", false),
            ("a", "a*", true),
            ("a", "b", false),
            ("a", "a", true),
        ] {
            let (one, other) = (Pattern::from(one), Pattern::from(other));
            assert_eq!(one.may_overlap(&other), overlap, "{one} {other}");
            assert_eq!(other.may_overlap(&one), overlap, "{other} {one}");
        }
    }

    proptest! {
        #[test]
        fn what_two_patterns_match_overlaps(one in "[ab*]{0,4}", other in "[ab*]{0,4}", text in "[ab]{0,6}") {
            let (one, other) = (Pattern(one), Pattern(other));
            prop_assert!(!one.matches(&text) || !other.matches(&text) || one.may_overlap(&other));
        }

        #[test]
        fn matches_like_the_brute_force_search(pattern in "[ab*]{0,6}", text in "[ab]{0,6}") {
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
