//! The errors that end the process, and how they are reported.

use std::{
    error::Error as StdError,
    io::{self, Write as _},
    iter,
};

use super::supervisor::Ended;
use crate::{cli::LogFormat, config, history, server::BindError};

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is invalid. Nothing was started.
    #[error("{0}")]
    Config(config::Error),
    /// The address or credentials of these targets cannot be read. Nothing was started.
    #[error("{}", list(.0))]
    Targets(Vec<String>),
    /// A listen address cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The history file cannot be opened.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The runtime cannot start its threads or listen for signals.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    /// The requested output cannot be written.
    #[error("write to standard output")]
    Output(#[source] io::Error),
    /// The simulated API cannot be served.
    #[error("start the simulated API on loopback")]
    Demo(#[source] io::Error),
    /// A task that runs as long as the process ended.
    #[error("{0}: this is a bug, please report it")]
    TaskEnded(Ended),
    /// A second signal arrived during the shutdown.
    #[error("aborted by a second signal ({0})")]
    Aborted(&'static str),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Targets(_) => 2,
            Self::History(error) if error.is_configuration() => 2,
            Self::Bind(_)
            | Self::History(_)
            | Self::Runtime(_)
            | Self::Output(_)
            | Self::Demo(_)
            | Self::TaskEnded(_)
            | Self::Aborted(_) => 1,
        }
    }

    /// Writes it to standard error: as text, or as the last message of a JSON log.
    pub(super) fn report(&self, format: LogFormat) {
        let text = self.with_causes();
        let hint = self.hint();
        match format {
            LogFormat::Json => tracing::error!(hint, "{text}"),
            LogFormat::Text => {
                let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
                // Standard error may be closed.
                let _ = writeln!(io::stderr(), "error: {text}{hint}");
            }
        }
    }

    fn with_causes(&self) -> String {
        let causes = iter::successors(self.source(), |cause: &&dyn StdError| (*cause).source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Bind(error) => error.hint(),
            Self::History(error) => error.hint(),
            Self::Targets(_) => Some(
                "a target takes `kubernetes.kubeconfig` and `kubernetes.context`; without them it is $KUBECONFIG, \
                 ~/.kube/config, or the service account of the pod; `job-status-exporter demo` needs no cluster",
            ),
            _ => None,
        }
    }
}

/// One problem alone, or several below a line that counts them.
fn list(problems: &[String]) -> String {
    match problems {
        [problem] => problem.clone(),
        problems => format!(
            "{} targets cannot be used\n  {}",
            problems.len(),
            problems.join("\n  ")
        ),
    }
}
