//! The command `history`: moves the history between a file and PostgreSQL, as lines of JSON.
//!
//! `cli` parses the flags, and the stage `history` reads and writes. What it has done goes to standard error, because an export is
//! written to standard output.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter},
    path::PathBuf,
    time::Duration,
};

use tokio::time::Instant;

use super::{Error, write_progress};
use crate::{
    cli::{HistoryCommand, HistoryFlags, HistoryImport, LogFlags},
    config,
    history::{self, Counts, HistorySettings, Imported, TransferError},
};

/// The time between two reports of the progress.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// Why the command `history` does nothing, or ends early.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// There is no history.
    #[error("the configuration has no `history`")]
    NotConfigured,
    /// The file of an import cannot be opened.
    #[error("open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The history or the lines of an export cannot be used.
    #[error(transparent)]
    Transfer(#[from] TransferError),
}

impl HistoryError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotConfigured => Some(
                "pass the file of the exporter with `--config.file`; its key `history` says where the history is",
            ),
            Self::Open { .. } => None,
            Self::Transfer(error) => error.hint(),
        }
    }

    /// Whether an argument, the configuration or the input is the cause.
    pub(super) fn is_configuration(&self) -> bool {
        match self {
            Self::NotConfigured | Self::Open { .. } => true,
            Self::Transfer(error) => error.is_configuration(),
        }
    }
}

/// Runs the command. It waits for disks and servers.
pub(super) fn run(command: &HistoryCommand, log: LogFlags) -> Result<(), Error> {
    match command {
        HistoryCommand::Export(flags) => export(&settings(flags, log)?)?,
        HistoryCommand::Import(flags) => import(&settings(&flags.flags, log)?, flags)?,
    }
    Ok(())
}

fn settings(flags: &HistoryFlags, log: LogFlags) -> Result<HistorySettings, Error> {
    let config = config::load(&flags.inputs(log)).map_err(Error::Config)?;
    Ok(HistorySettings::from_config(&config).ok_or(HistoryError::NotConfigured)?)
}

fn export(settings: &HistorySettings) -> Result<(), HistoryError> {
    let mut reports = Reports::new();
    let mut output = BufWriter::new(io::stdout().lock());
    let counts = history::export(settings, &mut output, &mut |counts: Counts| {
        reports.report(|| format!("exported {counts} so far"));
    })?;
    write_progress(&format!("exported {counts}"));
    Ok(())
}

fn import(settings: &HistorySettings, flags: &HistoryImport) -> Result<(), HistoryError> {
    let mut reports = Reports::new();
    let mut last = Imported::default();
    let mut progress = |imported: Imported| {
        last = imported;
        reports.report(|| summary(imported) + " so far");
    };
    let outcome = match flags.path() {
        None => history::import(settings, &mut io::stdin().lock(), &mut progress),
        Some(path) => {
            let file = File::open(path).map_err(|source| HistoryError::Open {
                path: path.to_owned(),
                source,
            })?;
            history::import(settings, &mut BufReader::new(file), &mut progress)
        }
    };
    // Also of an import that failed. One that cannot begin has nothing to say.
    if outcome.is_ok() || last != Imported::default() {
        write_progress(&summary(last));
    }
    Ok(outcome?)
}

fn summary(Imported { read, new }: Imported) -> String {
    format!("read {read}; new: {new}")
}

/// Reports the progress from time to time.
struct Reports {
    next: Instant,
}

impl Reports {
    fn new() -> Self {
        Self {
            next: Instant::now() + REPORT_INTERVAL,
        }
    }

    fn report(&mut self, text: impl FnOnce() -> String) {
        let now = Instant::now();
        if now >= self.next {
            write_progress(&text());
            self.next = now + REPORT_INTERVAL;
        }
    }
}
