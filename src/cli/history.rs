//! The flags of the command `history`.
//!
//! The module only parses. `app` opens the files and runs the command.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Export, LogFlags};
use crate::config::Inputs;

/// What to do with the history.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum HistoryCommand {
    /// Write the whole history to standard output, as lines of JSON.
    #[command(
        after_help = "A file must not be open: stop its exporter first. PostgreSQL is exported as of one moment, also while \
                      exporters use it. Nothing is changed."
    )]
    Export(HistoryFlags),
    /// Read an export into the history, and add what is new.
    #[command(
        after_help = "Runs are known by their uid, so an import that is repeated counts nothing twice. A line that is invalid ends \
                      the import with 2; what came before it is written, and the import can be repeated. A file must not be open: \
                      stop its exporter first."
    )]
    Import(HistoryImport),
}

/// Flags of both.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct HistoryFlags {
    /// Configuration file (YAML) of the exporter, which says where the history is.
    #[arg(long = "config.file", value_name = "FILE")]
    pub config_file: Option<PathBuf>,
}

/// Flags of `import`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct HistoryImport {
    /// Flags of both.
    #[command(flatten)]
    pub flags: HistoryFlags,
    /// The export; `-` is standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
}

impl HistoryFlags {
    /// The sources of the configuration. `log` are the other flags that are settings.
    #[must_use]
    pub fn inputs(&self, log: LogFlags) -> Inputs {
        Export::of(self.config_file.as_deref()).inputs(log)
    }
}

impl HistoryImport {
    /// The file; `None` for standard input.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        Some(self.file.as_path()).filter(|path| *path != Path::new("-"))
    }
}
