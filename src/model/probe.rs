//! What a probe of one Job found. The source finds it out, and the store completes it.

use super::Job;

/// What a probe of one Job found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeOutcome {
    /// The API did not answer in time, or not about this Job.
    Failed,
    /// The Job does not exist.
    Absent,
    /// The Job exists and cannot be decoded.
    Undecodable,
    /// The Job.
    Found(Box<Job>),
}

impl ProbeOutcome {
    /// Whether the state of the Job is known. That a Job does not exist is a state, too.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        matches!(self, Self::Absent | Self::Found(_))
    }

    /// Whether the Job exists; `None` if that is unknown.
    #[must_use]
    pub fn exists(&self) -> Option<bool> {
        match self {
            Self::Failed => None,
            Self::Absent => Some(false),
            Self::Undecodable | Self::Found(_) => Some(true),
        }
    }
}
