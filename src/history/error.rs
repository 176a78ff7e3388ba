//! Why the history cannot be opened.

use std::{io, path::PathBuf};

/// Why the history cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process uses the file. Two processes that count separately cannot share it.
    #[error("history file {} is in use by another process", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The path is invalid, or a permission is missing.
    #[error("open history file {}", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is invalid and cannot be renamed.
    #[error("rename invalid history file {} to {}", path.display(), aside.display())]
    SetAside {
        /// The file.
        path: PathBuf,
        /// The new name.
        aside: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The system cannot start a thread.
    #[error("start the history thread")]
    Thread(#[source] io::Error),
    /// The server, the files that describe it, or the rights in it are not as they must be.
    #[error("open the history in {location}: {problem}")]
    Postgres {
        /// The server with the database and the schema; a file if that does not say.
        location: String,
        /// The problem, without secrets.
        problem: String,
        /// How to fix it.
        hint: Option<&'static str>,
    },
}

impl Error {
    /// How to fix it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some(
                "each process needs its own `history.path`; when one process replaces another, the old one must end first",
            ),
            Self::Path { .. } => Some(
                "`history.path` must name a file in an existing directory; the process needs write permission for both",
            ),
            Self::Postgres { hint, .. } => *hint,
            Self::SetAside { .. } | Self::Thread(_) => None,
        }
    }

    /// Whether the configuration is the cause.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Path { .. } | Self::SetAside { .. } | Self::Postgres { .. }
        )
    }
}
