//! What ends the process other than a signal, and how that is told.

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
    /// The configuration is wrong. Nothing was started.
    #[error("{0}")]
    Config(config::Error),
    /// Targets whose address or credentials cannot be read. Nothing was started.
    #[error("{}", list(.0))]
    Targets(Vec<String>),
    /// A listen address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The history cannot be had.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The system gives no threads, or no signals.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    /// What was asked for cannot be printed.
    #[error("write to standard output")]
    Output(#[source] io::Error),
    /// The simulated API cannot be served.
    #[error("start the simulated API on loopback")]
    Demo(#[source] io::Error),
    /// A task that should live as long as the process did not.
    #[error("{0}: this is a defect, please report it")]
    TaskEnded(Ended),
    /// A second signal came before the shutdown was over.
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

    /// Tells it on standard error: to a person as it is, to a machine as the last message of the log.
    pub(super) fn tell(&self, format: LogFormat) {
        let text = self.with_causes();
        let hint = self.hint();
        match format {
            LogFormat::Json => tracing::error!(hint, "{text}"),
            LogFormat::Text => {
                let hint = hint.map_or_else(String::new, |hint| format!("\nhint: {hint}"));
                // Nobody left to tell where standard error is closed.
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

/// One problem as it is, several below a line that counts them.
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
