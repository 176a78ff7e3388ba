//! Which namespaces are read: names and patterns to include, names and patterns to leave out.
//!
//! Exclusion wins. Where every included namespace is named in full, requests are made per namespace and need rights there
//! only; otherwise they go over the whole cluster, and what comes back is filtered with [`Namespaces::selects`].

use std::{fmt, str::FromStr};

use super::{
    reader::{Node, Section},
    syntax,
};

/// The longest list of patterns. More are better asked for as the whole cluster, and each is compared with every object.
const LONGEST_LIST: usize = 1000;

/// Namespaces to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Only these; empty for all.
    pub include: Vec<Pattern>,
    /// None of these.
    pub exclude: Vec<Pattern>,
}

/// A namespace by name, or many where `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// Over what requests are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// The whole cluster.
    All,
    /// Each of these namespaces; never empty.
    Named(Vec<String>),
}

impl Namespaces {
    /// Whether objects in `namespace` are wanted.
    #[must_use]
    pub fn selects(&self, namespace: &str) -> bool {
        let included = self.include.is_empty() || any(&self.include, namespace);
        included && !any(&self.exclude, namespace)
    }

    /// Over what to make requests.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        if self.include.is_empty() || !self.include.iter().all(Pattern::is_exact) {
            return Scopes::All;
        }
        let mut names: Vec<String> = Vec::new();
        for Pattern(name) in &self.include {
            if !names.contains(name) && !any(&self.exclude, name) {
                names.push(name.clone());
            }
        }
        Scopes::Named(names)
    }
}

impl Pattern {
    /// Whether `namespace` matches.
    #[must_use]
    pub fn matches(&self, namespace: &str) -> bool {
        let mut pieces = self.0.split('*');
        let Some(mut rest) = pieces
            .next()
            .and_then(|start| namespace.strip_prefix(start))
        else {
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

    /// Whether all that `other` matches is matched here: a `*` of `other` can only be matched by one of ours.
    fn covers(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

/// Whether one of `patterns` matches.
fn any(patterns: &[Pattern], namespace: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(namespace))
}

impl FromStr for Pattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*".contains(c);
        if !text.contains('*') {
            syntax::namespace(text)?;
        } else if !text.chars().all(known) {
            return Err(
                "is not a pattern: lower-case letters, digits and `-`, with `*` for any characters",
            );
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads `namespaces`.
pub(super) fn read(node: &Node<'_>) -> Option<Namespaces> {
    let section = node.section()?;
    let include = patterns(&section, "include");
    let exclude = patterns(&section, "exclude");
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
        .find(|(_, pattern)| pattern.covers(&Pattern("*".to_owned())));
    if let Some((node, pattern)) = everything.filter(|_| include.is_empty()) {
        node.problem(format!("`{pattern}` leaves no namespace to read"));
    }
    if !include.is_empty() && include.iter().all(|(_, pattern)| pattern.is_exact()) {
        for (node, pattern) in &exclude {
            node.warn(format!(
                "`{pattern}` has no effect: every included namespace is named in full"
            ));
        }
    }
    let bare =
        |patterns: Vec<(_, Pattern)>| patterns.into_iter().map(|(_, pattern)| pattern).collect();
    Some(Namespaces {
        include: bare(include),
        exclude: bare(exclude),
    })
}

/// Reads the patterns under `key`, those in order, with their places.
fn patterns<'a>(section: &Section<'a>, key: &'static str) -> Vec<(Node<'a>, Pattern)> {
    let Some((node, items)) = section
        .get(key)
        .and_then(|node| Some((node.clone(), node.items()?)))
    else {
        return Vec::new();
    };
    if key == "include" && items.is_empty() {
        node.problem_with_hint(
            "includes nothing",
            "leave it out to include every namespace",
        );
    }
    if items.len() > LONGEST_LIST {
        let count = items.len();
        node.problem_with_hint(
            format!("lists {count} namespaces, more than {LONGEST_LIST}"),
            "use patterns such as `team-*`",
        );
        return Vec::new();
    }
    items
        .into_iter()
        .filter_map(|item| {
            let pattern = item.parsed(str::parse::<Pattern>)?;
            Some((item, pattern))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn namespaces(include: &[&str], exclude: &[&str]) -> Namespaces {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        Namespaces {
            include: parse(include),
            exclude: parse(exclude),
        }
    }

    #[test]
    fn selects_what_is_included_and_not_excluded() {
        let all = Namespaces::default();
        assert!(all.selects("anything"));
        let some = namespaces(&["billing", "etl-*"], &["*-scratch"]);
        for (namespace, selected) in [
            ("billing", true),
            ("billing2", false),
            ("etl-", true),
            ("etl-a", true),
            ("etl-scratch", false),
            ("x", false),
        ] {
            assert_eq!(some.selects(namespace), selected, "{namespace}");
        }
    }

    #[test]
    fn patterns_match_from_end_to_end() {
        for (pattern, namespace, matches) in [
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
                Pattern(pattern.to_owned()).matches(namespace),
                matches,
                "{pattern} {namespace}"
            );
        }
    }

    #[test]
    fn only_full_names_make_named_scopes() {
        assert_eq!(namespaces(&[], &[]).scopes(), Scopes::All);
        assert_eq!(namespaces(&["a", "b*"], &[]).scopes(), Scopes::All);
        assert_eq!(
            namespaces(&["b", "a", "b", "c"], &["c*"]).scopes(),
            Scopes::Named(vec!["b".to_owned(), "a".to_owned()])
        );
    }

    #[test]
    fn patterns_are_made_of_namespace_characters() {
        for bad in ["", "A", "a?", "[a]", "a.*", "a b", "-", "a-"] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        assert!("a-*".parse::<Pattern>().is_ok());
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
