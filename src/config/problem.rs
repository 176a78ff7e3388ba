//! Problems of a configuration, with their source, position, key and a hint.
//!
//! A problem quotes a value only when its key cannot hold a secret.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The maximum number of problems in a message, for files that are not a configuration at all.
const MAX_LISTED: usize = 200;

/// The file, variable or flag that set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SettingSource {
    /// The name in messages: a path, `environment variable X`, or `flag --x`.
    pub(super) label: String,
    /// The directory that relative paths start from; `None` for the working directory.
    pub(super) directory: Option<PathBuf>,
}

/// A position in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// The line, from 1.
    pub(super) line: u64,
    /// The character in the line, from 1.
    pub(super) column: u64,
}

/// One problem or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What set the value.
    source: Arc<SettingSource>,
    /// Where the key is in the file; `None` for variables and flags.
    position: Option<Position>,
    /// The key, such as `targets[1].poll.interval`; empty for the whole source.
    path: String,
    /// What is wrong. Completes a sentence that starts with the key.
    message: String,
    /// How to fix it.
    hint: Option<String>,
}

/// An invalid configuration, with every problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Never empty.
    problems: Vec<Problem>,
}

impl SettingSource {
    /// The configuration file `path`.
    pub(super) fn file(path: &Path) -> Self {
        Self {
            label: path.display().to_string(),
            directory: path.parent().map(Path::to_owned),
        }
    }

    /// Whether this is a file.
    pub(super) fn is_file(&self) -> bool {
        self.directory.is_some()
    }

    /// An environment variable.
    pub(super) fn variable(name: &str) -> Self {
        Self {
            label: format!("environment variable {name}"),
            directory: None,
        }
    }

    /// A flag of the command line, with its dashes.
    pub(super) fn flag(name: &str) -> Self {
        Self {
            label: format!("flag {name}"),
            directory: None,
        }
    }
}

impl Problem {
    /// A problem with the key at `path`, which `source` set.
    pub(super) fn new(
        source: Arc<SettingSource>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            source,
            position: None,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// Adds the position in the file.
    pub(super) fn at(mut self, position: Option<Position>) -> Self {
        self.position = position;
        self
    }

    /// Adds a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The key, such as `targets[1].poll.interval`; empty for a whole file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source.label)?;
        // The form of compilers, which editors and CI systems turn into links.
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl Error {
    /// An error with `problems`, which is not empty.
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Every problem, in the order in which the keys are read.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, &self.problems, "the configuration")
    }
}

/// Writes the number of `problems` in `what`, and each of them.
pub(super) fn write_list(
    f: &mut fmt::Formatter<'_>,
    problems: &[Problem],
    what: &str,
) -> fmt::Result {
    match problems.len() {
        1 => write!(f, "1 problem in {what}")?,
        count => write!(f, "{count} problems in {what}")?,
    }
    for problem in problems.iter().take(MAX_LISTED) {
        let indented = problem.to_string().replace('\n', "\n  ");
        write!(f, "\n  {indented}")?;
    }
    match problems.len().saturating_sub(MAX_LISTED) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more"),
    }
}

impl std::error::Error for Error {}
