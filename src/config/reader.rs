//! Typed access to the merged tree. Every problem goes to a [`Report`].
//!
//! A read of an invalid value reports a problem and returns `None`, and the caller continues with the next key. So one
//! load finds all problems, and only the [`Report`] tells whether the configuration is valid.

use std::{
    cell::RefCell, fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr, sync::Arc,
    time::Duration,
};

use super::{
    duration,
    keys::{self, Keys},
    problem::Problem,
    tree::{Tree, Value},
};

mod section;

pub(super) use section::Section;

/// The maximum length of a quoted value, in characters.
const MAX_QUOTE_LENGTH: usize = 100;

/// The problems and warnings so far.
#[derive(Debug)]
pub(super) struct Report {
    /// The valid keys.
    keys: Keys,
    /// Problems make the configuration invalid.
    problems: RefCell<Vec<Problem>>,
    /// Warnings do not.
    warnings: RefCell<Vec<Problem>>,
}

/// A value and its key path.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    /// The key path, such as `targets[1].poll`; empty for the root.
    path: String,
    /// The value.
    tree: &'a Tree,
    /// Collects the problems.
    report: &'a Report,
}

impl Report {
    /// A report on a file with these `keys`, which starts with these problems and warnings.
    pub(super) fn new(keys: Keys, problems: Vec<Problem>, warnings: Vec<Problem>) -> Self {
        Self {
            keys,
            problems: RefCell::new(problems),
            warnings: RefCell::new(warnings),
        }
    }

    /// The number of problems.
    pub(super) fn problem_count(&self) -> usize {
        self.problems.borrow().len()
    }

    /// The problems and the warnings, in the order of the reads.
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

    /// A node for problems with the key at `path`, which is not set.
    pub(super) fn for_unset_key(&self, path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            ..self.clone()
        }
    }

    /// The value of `key` in this map.
    fn child(&self, key: &str, tree: &'a Tree) -> Self {
        Self {
            path: self.path_of(key),
            tree,
            report: self.report,
        }
    }

    /// The path of `key` in this map.
    fn path_of(&self, key: &str) -> String {
        match self.path.as_str() {
            "" => key.escape_debug().to_string(),
            parent => format!("{parent}.{}", key.escape_debug()),
        }
    }

    /// Whether the key has no value.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.tree.value, Value::Null)
    }

    /// The valid keys of the map at this path.
    fn known_keys(&self) -> impl Iterator<Item = &'static str> {
        keys::children(self.report.keys, &self.path)
    }

    /// Reports a problem with this value.
    pub(super) fn problem(&self, message: impl Into<String>) {
        self.report
            .problems
            .borrow_mut()
            .push(self.new_problem(message));
    }

    /// Reports a problem and how to fix it.
    pub(super) fn problem_with_hint(&self, message: impl Into<String>, hint: impl Into<String>) {
        let problem = self.new_problem(message).hint(hint);
        self.report.problems.borrow_mut().push(problem);
    }

    /// Reports a value that is valid but probably a mistake.
    pub(super) fn warn(&self, message: impl Into<String>) {
        self.report
            .warnings
            .borrow_mut()
            .push(self.new_problem(message));
    }

    /// A problem with this value.
    fn new_problem(&self, message: impl Into<String>) -> Problem {
        Problem::new(Arc::clone(&self.tree.source), self.path.as_str(), message)
            .at(self.tree.position)
    }

    /// The type of the value.
    fn type_name(&self) -> &'static str {
        match self.tree.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Reports a value of the wrong type. The message never quotes it: it may be a misplaced secret.
    fn wrong_type(&self, expected: &str) {
        let found = self.type_name();
        self.problem(format!("must be {expected}, is {found}"));
    }

    /// Reads text.
    pub(super) fn text(&self) -> Option<&'a str> {
        match &self.tree.value {
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Bool(_) => {
                self.wrong_type("text in quotes");
                None
            }
            _ => {
                self.wrong_type("text");
                None
            }
        }
    }

    /// Reads text and parses it. The error of `parse` completes a sentence that starts with the quoted text.
    pub(super) fn parsed<T, E: Display>(
        &self,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Option<T> {
        self.parsed_or_hint(parse, |_| None)
    }

    /// Reads text and parses it. `hint` returns how to fix invalid text, if it knows.
    pub(super) fn parsed_or_hint<T, E: Display>(
        &self,
        parse: impl FnOnce(&'a str) -> Result<T, E>,
        hint: impl FnOnce(&str) -> Option<String>,
    ) -> Option<T> {
        let text = self.text()?;
        let error = match parse(text) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let message = format!("`{}` {error}", quoted(text));
        match hint(text) {
            Some(hint) => self.problem_with_hint(message, hint),
            None => self.problem(message),
        }
        None
    }

    /// Reads a number. In an environment variable it is text.
    pub(super) fn number(&self, range: RangeInclusive<f64>) -> Option<f64> {
        self.numeric("a number", range)
    }

    /// Reads a whole number.
    pub(super) fn count<T>(&self, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        self.numeric("a whole number", range)
    }

    /// Reads one of the named `choices`.
    pub(super) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        let names = names.join("`, `");
        if !matches!(self.tree.value, Value::Text(_)) {
            self.wrong_type(&format!("one of `{names}`"));
            return None;
        }
        self.parsed(|text| {
            let choice = choices.iter().find(|(name, _)| *name == text);
            choice
                .map(|(_, choice)| *choice)
                .ok_or_else(|| format!("is invalid; expected one of `{names}`"))
        })
    }

    /// Reads `true` or `false`. In an environment variable it is text.
    pub(super) fn boolean(&self) -> Option<bool> {
        match &self.tree.value {
            Value::Bool(value) => Some(*value),
            Value::Text(text) if text == "true" => Some(true),
            Value::Text(text) if text == "false" => Some(false),
            _ => {
                self.wrong_type("true or false");
                None
            }
        }
    }

    /// The digits of a number, for keys whose text may look like one.
    pub(super) fn as_number(&self) -> Option<&'a str> {
        match &self.tree.value {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Reads a number of any type.
    fn numeric<T>(&self, kind: &str, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let (Value::Number(text) | Value::Text(text)) = &self.tree.value else {
            self.wrong_type(kind);
            return None;
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let (least, most) = range.into_inner();
            let text = quoted(text);
            self.problem(format!("`{text}` is not {kind} from {least} to {most}"));
        }
        number
    }

    /// Reads a duration.
    pub(super) fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        if let Value::Number(number) = &self.tree.value {
            let message = format!("`{number}` is a number without a unit");
            self.problem_with_hint(message, format!("write `{number}s` for seconds"));
            return None;
        }
        if !matches!(self.tree.value, Value::Text(_)) {
            self.wrong_type("a duration such as `30s`");
            return None;
        }
        let hint = |text: &str| Some(format!("write `{}`", duration::suggestion(text)?));
        let duration = self.parsed_or_hint(duration::parse, hint)?;
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

    /// Reads a file path. A relative path in a configuration file starts from the directory of that file.
    pub(super) fn file_path(&self) -> Option<PathBuf> {
        self.file_path_at(self.text()?)
    }

    /// Reads the file path `text`, a part of this text, as [`file_path`](Self::file_path) does.
    pub(super) fn file_path_at(&self, text: &str) -> Option<PathBuf> {
        if text.is_empty() {
            self.problem("must be a file path, is empty");
            return None;
        }
        if text.starts_with('~') {
            self.problem_with_hint("`~` is not expanded in paths", "write the full path");
            return None;
        }
        Some(match &self.tree.source.directory {
            Some(directory) => directory.join(text),
            None => PathBuf::from(text),
        })
    }

    /// Reads a list. A key without a value is an empty list.
    pub(super) fn items(&self) -> Option<Vec<Node<'a>>> {
        let items = match &self.tree.value {
            Value::List(items) => items.as_slice(),
            Value::Null => &[],
            _ => {
                self.wrong_type("a list");
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

    /// Reads a list. A single value is a list of one.
    pub(super) fn items_or_one(&self) -> Option<Vec<Node<'a>>> {
        match &self.tree.value {
            Value::List(_) => self.items(),
            _ => Some(vec![self.clone()]),
        }
    }

    /// Reads a map with keys of the user's choice. Entries without a value are omitted.
    pub(super) fn entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let mut entries = self.all_entries()?;
        entries.retain(|(_, node)| !node.is_null());
        Some(entries)
    }

    /// Reads a map with keys of the user's choice, with the entries that have no value.
    pub(super) fn all_entries(&self) -> Option<Vec<(&'a str, Node<'a>)>> {
        let map = match &self.tree.value {
            Value::Map(map) => map,
            Value::Null => return Some(Vec::new()),
            _ => {
                self.wrong_type("a map");
                return None;
            }
        };
        let entry = |(key, tree): (&'a String, &'a Tree)| (key.as_str(), self.child(key, tree));
        Some(map.iter().map(entry).collect())
    }

    /// Reads a map with a fixed set of keys and reports unknown ones. A key without a value is an empty map.
    pub(super) fn section(&self) -> Option<Section<'a>> {
        let map = match &self.tree.value {
            Value::Map(map) => Some(map),
            Value::Null => None,
            _ => {
                let known: Vec<_> = self.known_keys().collect();
                let found = self.type_name();
                let hint = format!("valid keys: {}", known.join(", "));
                self.problem_with_hint(format!("must be a map, is {found}"), hint);
                return None;
            }
        };
        Some(Section::new(self.clone(), map))
    }
}

/// Returns the start of `text` on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut quote: String = text.chars().take(MAX_QUOTE_LENGTH).collect();
    if quote.len() < text.len() {
        quote.push('…');
    }
    quote.escape_debug().to_string()
}
