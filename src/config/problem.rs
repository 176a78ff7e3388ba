//! What is wrong with a configuration, where, and what to do about it.
//!
//! A problem names keys, files and variables. It quotes a value only where the key is known not to hold a secret.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// How many problems a message lists: enough for any human mistake, and an end to others.
const LISTED: usize = 200;

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// As a person knows it: a path, `environment variable X`, `flag --x`.
    pub(super) label: String,
    /// The directory that relative paths in the value start from, when not the working directory.
    pub(super) directory: Option<PathBuf>,
}

/// One thing that is wrong, or in a warning: probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the value was written.
    origin: Arc<Origin>,
    /// The key, such as `targets[1].poll.interval`; empty for the whole of the origin.
    path: String,
    /// What is wrong.
    message: String,
    /// What to do instead.
    hint: Option<String>,
}

/// A configuration that cannot be used: every problem of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Never empty.
    problems: Vec<Problem>,
}

impl Origin {
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
    /// `message` about the key at `path`, which `origin` set.
    pub(super) fn new(
        origin: Arc<Origin>,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            origin,
            path: path.into(),
            message: message.into(),
            hint: None,
        }
    }

    /// The same with advice.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The key, such as `targets[1].poll.interval`; empty when it is about a whole file.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.origin.label)?;
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
    /// All of `problems`, in the order in which they were found.
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Every problem, in the order of the keys.
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
        for problem in self.problems.iter().take(LISTED) {
            let indented = problem.to_string().replace('\n', "\n  ");
            write!(f, "\n  {indented}")?;
        }
        match self.problems.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

impl std::error::Error for Error {}
