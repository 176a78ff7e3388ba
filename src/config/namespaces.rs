//! Which namespaces are read: names and patterns to include, names and patterns to leave out.
//!
//! Exclusion wins. Where every included namespace is named in full, requests are made per namespace and need rights there
//! only; otherwise they go over the whole cluster, and what comes back is filtered with [`Namespaces::selects`].

use super::{
    pattern::{self, Pattern, Subject},
    reader::Node,
    syntax,
};

/// What the patterns are about.
const SUBJECT: Subject = Subject {
    one: "namespace",
    many: "namespaces",
    purpose: "read",
    example: "team-*",
    check,
};

/// Namespaces to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Only these; empty for all.
    pub include: Vec<Pattern>,
    /// None of these.
    pub exclude: Vec<Pattern>,
}

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
        let included = self.include.is_empty() || pattern::any(&self.include, namespace);
        included && !pattern::any(&self.exclude, namespace)
    }

    /// Over what to make requests.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        if self.include.is_empty() || !self.include.iter().all(Pattern::is_exact) {
            return Scopes::All;
        }
        let mut names: Vec<String> = Vec::new();
        for name in self.include.iter().map(Pattern::as_str) {
            if !names.iter().any(|known| known == name) && !pattern::any(&self.exclude, name) {
                names.push(name.to_owned());
            }
        }
        Scopes::Named(names)
    }
}

/// Whether `text` is a namespace or a pattern of namespaces.
fn check(text: &str) -> Result<(), &'static str> {
    if !text.contains('*') {
        return syntax::namespace(text);
    }
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-*".contains(c);
    if text.chars().all(known) {
        return Ok(());
    }
    Err("is not a pattern: lower-case letters, digits and `-`, with `*` for any characters")
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
            assert!(check(bad).is_err(), "{bad}");
        }
        assert!(check("a-*").is_ok());
    }
}
