//! What ends the process other than a signal, and how that is told.

use std::{error::Error as _, io};

use super::supervisor::Ended;
use crate::{config, http::BindError};

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is wrong. Nothing was started.
    #[error("{0}")]
    Config(config::Error),
    /// Targets whose address or credentials cannot be read. Nothing was started.
    #[error("{}", .0.join("\n"))]
    Targets(Vec<String>),
    /// A listen address cannot be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The system gives no threads, or no signals.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
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
            Self::Bind(_)
            | Self::Runtime(_)
            | Self::Demo(_)
            | Self::TaskEnded(_)
            | Self::Aborted(_) => 1,
        }
    }

    /// The whole of it for a person: the error, its causes, and what can be done.
    pub(super) fn report(&self) -> String {
        let mut report = format!("error: {self}");
        let mut source = self.source();
        while let Some(cause) = source {
            report = format!("{report}: {cause}");
            source = cause.source();
        }
        match self.hint() {
            Some(hint) => format!("{report}\nhint: {hint}"),
            None => report,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Bind(error) => error.hint(),
            Self::Targets(_) => Some(
                "a target takes `kubernetes.kubeconfig` and `kubernetes.context`; without them it is $KUBECONFIG, \
                 ~/.kube/config, or the service account of the pod",
            ),
            _ => None,
        }
    }
}
