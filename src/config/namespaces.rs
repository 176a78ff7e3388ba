//! `namespaces`: include and exclude lists of namespaces. Exclusion wins.
//!
//! When every included namespace is an exact name, requests are made per namespace and need permissions only there.
//! Otherwise requests cover the whole cluster, and [`Namespaces::selects`] filters the objects.

use super::{
    pattern::{self, Pattern, Subject},
    reader::Node,
    syntax,
};

/// Namespaces.
const SUBJECT: Subject = Subject {
    one: "namespace",
    many: "namespaces",
    example: "team-*",
    check,
};

/// Namespaces to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// The included namespaces; empty for all.
    pub include: Vec<Pattern>,
    /// The excluded namespaces.
    pub exclude: Vec<Pattern>,
}

/// The scope of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scopes {
    /// The whole cluster.
    All,
    /// Each of these namespaces, at least one.
    Named(Vec<String>),
}

impl Namespaces {
    /// Whether objects in `namespace` are read.
    #[must_use]
    pub fn selects(&self, namespace: &str) -> bool {
        let included = self.include.is_empty() || pattern::any(&self.include, namespace);
        included && !pattern::any(&self.exclude, namespace)
    }

    /// The scope of the requests for these namespaces.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        if self.include.is_empty() || !self.include.iter().all(Pattern::is_exact) {
            return Scopes::All;
        }
        let mut names: Vec<String> = Vec::new();
        for name in self.include.iter().map(Pattern::as_str) {
            if !names.iter().any(|other| other == name) && !pattern::any(&self.exclude, name) {
                names.push(name.to_owned());
            }
        }
        Scopes::Named(names)
    }
}

/// Checks that `text` is a namespace or a pattern of namespaces.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if !text.contains('*') {
        return syntax::namespace(text);
    }
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*".contains(c);
    if text.chars().all(is_valid) {
        return Ok(());
    }
    Err("is not a valid pattern: lower-case letters, digits and `-`, with `*` for any characters")
}

/// Reads `namespaces`.
pub(super) fn read(node: &Node<'_>) -> Option<Namespaces> {
    let section = node.section()?;
    let (include, exclude) = pattern::include_and_exclude(&section, SUBJECT);
    Some(Namespaces { include, exclude })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn namespaces(include: &[&str], exclude: &[&str]) -> Namespaces {
        let patterns = |texts: &[&str]| texts.iter().copied().map(Pattern::from).collect();
        Namespaces {
            include: patterns(include),
            exclude: patterns(exclude),
        }
    }

    #[test]
    fn namespaces_are_selected_when_included_and_not_excluded() {
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
    fn only_exact_names_make_named_scopes() {
        assert_eq!(namespaces(&[], &[]).scopes(), Scopes::All);
        assert_eq!(namespaces(&["a", "b*"], &[]).scopes(), Scopes::All);
        assert_eq!(
            namespaces(&["b", "a", "b", "c"], &["c*"]).scopes(),
            Scopes::Named(vec!["b".to_owned(), "a".to_owned()])
        );
    }

    #[test]
    fn patterns_have_only_characters_of_namespaces() {
        for bad in ["", "A", "a?", "[a]", "a.*", "a b", "-", "a-"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("a-*").is_ok());
    }
}
