//! Problems of a configuration, with their key, their source and a hint.
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

/// One problem or warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What set the value.
    source: Arc<SettingSource>,
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
            path: path.into(),
            message: message.into(),
            hint: None,
        }
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
        write!(f, "{}: ", self.source.label)?;
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
        match self.problems.len() {
            1 => f.write_str("1 problem in the configuration")?,
            count => write!(f, "{count} problems in the configuration")?,
        }
        for problem in self.problems.iter().take(MAX_LISTED) {
            let indented = problem.to_string().replace('\n', "\n  ");
            write!(f, "\n  {indented}")?;
        }
        match self.problems.len().saturating_sub(MAX_LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for Error {}
