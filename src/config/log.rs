//! `log`: what the exporter logs.
//!
//! The format of the log is no key, because problems of this file are logged in that format.

use super::reader::Node;

/// The level of a log message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures that need attention.
    Error,
    /// And what is probably a mistake, or degrades the service.
    Warn,
    /// And what an operator wants to know in normal operation.
    #[default]
    Info,
    /// And details to find the cause of a problem.
    Debug,
    /// And everything that libraries log.
    Trace,
}

impl LogLevel {
    /// All levels.
    pub const ALL: &[Self] = &[
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    /// The name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// Reads `log`, and returns the level. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> LogLevel {
    let levels = LogLevel::ALL.iter().map(|level| (level.as_str(), *level));
    let levels: Vec<_> = levels.collect();
    node.section()
        .and_then(|section| section.get("level"))
        .and_then(|node| node.choice(&levels))
        .unwrap_or_default()
}
