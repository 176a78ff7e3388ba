//! The errors that end the process, and how they are reported.

use std::{borrow::Cow, error::Error as StdError, io, iter};

use super::{
    check::StartProblem, history::HistoryError, schedule::ScheduleError, status::StatusError,
    supervisor::Ended,
};
use crate::{
    cli::LogFormat,
    config, history,
    server::{AccessError, BindError},
    telemetry::Logger,
};

/// Why the process ends.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is invalid. Nothing was started.
    #[error("{0}")]
    Config(config::Error),
    /// The configuration refers to what cannot be used. Nothing was started.
    #[error("{}", list(.0))]
    Unusable(Vec<StartProblem>),
    /// A listen address cannot be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Access to the pages cannot be checked as configured.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The history cannot be opened.
    #[error(transparent)]
    History(#[from] history::Error),
    /// The command `history` does nothing, or ends early.
    #[error(transparent)]
    Transfer(#[from] HistoryError),
    /// The schedule of the command `schedule` cannot be explained.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// The command `status` has nothing to show.
    #[error(transparent)]
    Status(#[from] StatusError),
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
            Self::Config(_) | Self::Unusable(_) | Self::Schedule(_) | Self::Status(_) => 2,
            Self::History(error) if error.is_configuration() => 2,
            Self::Transfer(error) if error.is_configuration() => 2,
            Self::Access(_)
            | Self::Bind(_)
            | Self::History(_)
            | Self::Transfer(_)
            | Self::Runtime(_)
            | Self::Output(_)
            | Self::Demo(_)
            | Self::TaskEnded(_)
            | Self::Aborted(_) => 1,
        }
    }

    /// Writes it to standard error: as text, or as the last message of a JSON log.
    pub(super) fn report(&self, logger: &Logger) {
        match logger.format() {
            LogFormat::Json => {
                let (text, hints) = (self.with_causes(), self.hints());
                let hint = (!hints.is_empty()).then(|| hints.join("; "));
                tracing::error!(hint, "{text}");
            }
            LogFormat::Text => logger.print(&format!("error: {}", self.text())),
        }
    }

    /// The message with its hints, each on a line of its own.
    pub(super) fn text(&self) -> String {
        let mut text = self.with_causes();
        for hint in self.hints() {
            text.push_str("\nhint: ");
            text.push_str(&hint);
        }
        text
    }

    /// Each problem by itself, if there are several.
    pub(super) fn problems(&self) -> Vec<String> {
        match self {
            Self::Config(error) => error.problems().iter().map(ToString::to_string).collect(),
            Self::Unusable(problems) => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.text()],
        }
    }

    fn with_causes(&self) -> String {
        let causes = iter::successors(self.source(), |cause: &&dyn StdError| (*cause).source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    /// Ways to solve the problem, each once.
    fn hints(&self) -> Vec<Cow<'static, str>> {
        let mut hints = Vec::new();
        match self {
            Self::Access(error) => hints.extend(error.hint().map(Cow::Borrowed)),
            Self::Bind(error) => hints.extend(error.hint().map(Cow::Borrowed)),
            Self::History(error) => hints.extend(error.hint().map(Cow::Borrowed)),
            Self::Transfer(error) => hints.extend(error.hint().map(Cow::Borrowed)),
            Self::Schedule(error) => hints.extend(error.hint()),
            Self::Status(error) => hints.push(error.hint()),
            Self::Unusable(problems) => {
                for hint in problems.iter().filter_map(|problem| problem.hint) {
                    if !hints.iter().any(|known| known == hint) {
                        hints.push(hint.into());
                    }
                }
            }
            _ => {}
        }
        hints
    }
}

/// One problem alone, or several below a line that counts them.
fn list(problems: &[StartProblem]) -> String {
    match problems {
        [problem] => problem.text.clone(),
        problems => {
            let texts: Vec<_> = problems
                .iter()
                .map(|problem| problem.text.replace('\n', "\n  "))
                .collect();
            format!(
                "{} problems prevent the start\n  {}",
                texts.len(),
                texts.join("\n  ")
            )
        }
    }
}
