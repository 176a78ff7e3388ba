//! Walks the merged tree key by key and collects every problem on the way.
//!
//! A read that finds something wrong reports it and gives `None`; the caller goes on with the next key. So a
//! function that got its values may assume nothing about the others, and [`Report`] alone says whether all is well.

use std::{
    cell::RefCell, collections::BTreeMap, fmt::Display, ops::RangeInclusive, path::PathBuf,
    str::FromStr, sync::Arc, time::Duration,
};

use super::{
    duration, keys,
    problem::Problem,
    tree::{Tree, Value},
};

/// How many characters of a wrong value are shown.
const LONGEST_QUOTE: usize = 100;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Reasons to refuse the configuration.
    problems: RefCell<Vec<Problem>>,
    /// Reasons to doubt it.
    warnings: RefCell<Vec<Problem>>,
}

/// A value, with its key path.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// Such as `targets[1].poll`; empty for the root.
    path: String,
    /// The value.
    tree: &'a Tree,
    /// Where problems go.
    report: &'a Report,
}

/// A map whose keys are all known.
#[derive(Clone, Debug)]
pub(super) struct Section<'a> {
    /// The map as a value.
    pub(super) node: Node<'a>,
    /// Its entries, when it has any.
    map: Option<&'a BTreeMap<String, Tree>>,
}

impl Report {
    /// How many problems there are.
    pub(super) fn problems(&self) -> usize {
        self.problems.borrow().len()
    }

    /// Problems and warnings, in the order in which they were found.
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }
}

impl<'a> Node<'a> {
    /// The root of `tree`.
    pub(super) fn root(tree: &'a Tree, report: &'a Report) -> Self {
        Self {
            path: String::new(),
            tree,
            report,
        }
    }

    /// Its key path.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The same value for problems about the key at `path`, which is not set itself.
    pub(super) fn instead_of(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self.clone()
        }
    }

    /// Reports that `message` is the matter here.
    pub(super) fn problem(&self, message: impl Into<String>) {
        self.report
            .problems
            .borrow_mut()
            .push(self.describe(message));
    }

    /// The same, with what to do about it.
    pub(super) fn problem_with_hint(&self, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.describe(message).hint(hint);
        self.report.problems.borrow_mut().push(problem);
    }

    /// Reports something that is allowed but probably not meant.
    pub(super) fn warn(&self, message: impl Into<String>) {
        self.report
            .warnings
            .borrow_mut()
            .push(self.describe(message));
    }

    /// `message` about this value.
    fn describe(&self, message: impl Into<String>) -> Problem {
        Problem::new(Arc::clone(&self.tree.origin), self.path.as_str(), message)
    }

    /// Reports that this is not `expected`. Says what kind of value it is, never which: it may be a secret in the wrong place.
    fn mismatch(&self, expected: &str) {
        let found = match self.tree.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        };
        self.problem(format!("must be {expected}, is {found}"));
    }

    /// The text here.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.tree.value {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => {
                self.mismatch("text in quotes");
                None
            }
            _ => {
                self.mismatch("text");
                None
            }
        }
    }

    /// What `parse` makes of the text here. Its error continues a sentence that begins with the quoted text.
    pub(super) fn parsed<T, E: Display>(
        &self,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text()?;
        parse(text)
            .map_err(|error| self.problem(format!("`{}` {error}", shown(text))))
            .ok()
    }

    /// The number here, which the environment gives as text.
    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        self.numeric("a number", range)
    }

    /// The whole number here.
    pub(super) fn count<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        self.numeric("a whole number", range)
    }

    /// Which of `choices` is named here; `what` each of them is, with its article.
    pub(super) fn choice<T: Copy>(&self, what: &str, choices: &[(&str, T)]) -> Option<T> {
        self.parsed(|text| {
            if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
                return Ok(*choice);
            }
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let names = names.join("`, `");
            Err(format!("is not {what}; there are `{names}`"))
        })
    }

    /// Yes or no, which the environment gives as text.
    pub(super) fn switch(&self) -> Option<bool> {
        match &self.tree.value {
            Value::Bool(is) => Some(*is),
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            _ => {
                self.mismatch("true or false");
                None
            }
        }
    }

    /// A number of any type.
    fn numeric<T>(&self, kind: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let (Value::Number(text) | Value::Text(text)) = &self.tree.value else {
            self.mismatch(kind);
            return None;
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            let text = shown(text);
            self.problem(format!("`{text}` is not {kind} from {least} to {most}"));
        }
        number
    }

    /// The duration here.
    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        if let Value::Number(number) = &self.tree.value {
            let message = format!("`{number}` is a number without a unit");
            self.problem_with_hint(message, format!("write `{number}s` for seconds"));
            return None;
        }
        if !matches!(self.tree.value, Value::Text(_)) {
            self.mismatch("a duration such as `30s`");
            return None;
        }
        let duration = self.parsed(duration::parse)?;
        if range.contains(&duration) {
            return Some(duration);
        }
        let (least, most) = range.into_inner();
        self.problem(format!(
            "must be from {} to {}, is {}",
            duration::format(least),
            duration::format(most),
            duration::format(duration)
        ));
        None
    }

    /// The path of a file here; relative ones start from the directory of the configuration file that names it.
    pub(super) fn file_path(&self) -> Option<PathBuf> {
        let text = self.text()?;
        if text.is_empty() {
            self.problem("must be the path of a file, is empty");
            return None;
        }
        if text.starts_with('~') {
            self.problem_with_hint("`~` is not expanded in paths", "write the whole path");
            return None;
        }
        Some(match &self.tree.origin.directory {
            Some(directory) => directory.join(text),
            None => PathBuf::from(text),
        })
    }

    /// The items of the list here. A key without a value is an empty list.
    pub(super) fn items(&self) -> Option<Vec<Node<'a>>> {
        let items = match &self.tree.value {
            Value::List(items) => items.as_slice(),
            Value::Null => &[],
            _ => {
                self.mismatch("a list");
                return None;
            }
        };
        let item = |(index, tree)| Self {
            path: format!("{}[{index}]", self.path),
            tree,
            report: self.report,
        };
        Some(items.iter().enumerate().map(item).collect())
    }

    /// The items of the list here, or the one value that stands in its place.
    pub(super) fn one_or_more(&self) -> Option<Vec<Node<'a>>> {
        match &self.tree.value {
            Value::List(_) => self.items(),
            _ => Some(vec![self.clone()]),
        }
    }

    /// The entries of the map here, whose keys are the user's to choose. Those without a value are absent.
    pub(super) fn entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let map = match &self.tree.value {
            Value::Map(map) => map,
            Value::Null => return Some(Vec::new()),
            _ => {
                self.mismatch("a map");
                return None;
            }
        };
        let section = Section {
            node: self.clone(),
            map: Some(map),
        };
        let entry = |key: &'a String| {
            let node = section.child(key)?;
            (!matches!(node.tree.value, Value::Null)).then_some((key.as_str(), node))
        };
        Some(map.keys().filter_map(entry).collect())
    }

    /// The map here, with unknown keys reported. A key without a value is an empty map.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let map = match &self.tree.value {
            Value::Map(map) => Some(map),
            Value::Null => None,
            _ => {
                self.mismatch("a map");
                return None;
            }
        };
        let section = Section {
            node: self.clone(),
            map,
        };
        section.report_unknown_keys();
        Some(section)
    }
}

impl<'a> Section<'a> {
    /// The value of `key`, if it is set.
    pub(super) fn get(&self, key: &'static str) -> Option<Node<'a>> {
        self.find(key)
            .filter(|node| !matches!(node.tree.value, Value::Null))
    }

    /// The value of `key`, also when the key stands there without one.
    pub(super) fn find(&self, key: &'static str) -> Option<Node<'a>> {
        debug_assert!(keys::children(&self.node.path).any(|known| known == key));
        self.child(key)
    }

    /// The value of `key`; it is a problem when there is none.
    pub(super) fn required(&self, key: &'static str) -> Option<Node<'a>> {
        let node = self.get(key);
        if node.is_none() {
            self.missing(key).problem("is missing");
        }
        node
    }

    /// The place where `key` should be.
    pub(super) fn missing(&self, key: &str) -> Node<'a> {
        self.node.instead_of(self.path_of(key))
    }

    /// The value under any key.
    fn child(&self, key: &str) -> Option<Node<'a>> {
        let tree = self.map?.get(key)?;
        let path = self.path_of(key);
        Some(Node {
            path,
            tree,
            report: self.node.report,
        })
    }

    /// The path of `key`.
    fn path_of(&self, key: &str) -> String {
        match self.node.path.as_str() {
            "" => key.escape_debug().to_string(),
            parent => format!("{parent}.{}", key.escape_debug()),
        }
    }

    /// Reports each key that is not in the table, with the likely correction. Values are not shown.
    fn report_unknown_keys(&self) {
        let known: Vec<_> = keys::children(&self.node.path).collect();
        for key in self.map.into_iter().flat_map(BTreeMap::keys) {
            if known.contains(&key.as_str()) {
                continue;
            }
            let Some(node) = self.child(key) else {
                continue;
            };
            let as_file = format!("{key}_file");
            if known.contains(&as_file.as_str()) {
                node.problem_with_hint(
                    "secrets are not written into the configuration",
                    format!("put it into a file and name that in `{as_file}`"),
                );
            } else if let Some(near) = keys::nearest(key, known.iter().copied()) {
                node.problem_with_hint("unknown key", format!("did you mean `{near}`?"));
            } else {
                node.problem_with_hint("unknown key", format!("known here: {}", known.join(", ")));
            }
        }
    }
}

/// The beginning of `text`, on one line.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST_QUOTE).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}
