//! How a state looks: a colour and a shape, so that it is readable in grey.

use crate::status::{Level, OverallState, RunState};

/// The look of a state. [`Self::class`] is its class in the stylesheet, and `i-` before it the symbol of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A cross: something is broken.
    Bad,
    /// A triangle: something is late, or will break.
    Warning,
    /// A triangle pointing right: at work.
    Running,
    /// A tick: fine.
    Fine,
    /// Two bars: switched off.
    Off,
    /// A ring: nothing to tell yet.
    Waiting,
}

impl Look {
    /// The class in the stylesheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warn",
            Self::Running => "run",
            Self::Fine => "ok",
            Self::Off => "off",
            Self::Waiting => "wait",
        }
    }
}

impl From<OverallState> for Look {
    fn from(state: OverallState) -> Self {
        match state {
            OverallState::Failing
            | OverallState::NeverSucceeded
            | OverallState::NoRecentSuccess => Self::Bad,
            OverallState::Overdue
            | OverallState::InvalidSchedule
            | OverallState::TooLong
            | OverallState::Pending
            | OverallState::StuckEnding
            | OverallState::Blocked
            | OverallState::PilingUp
            | OverallState::Missed
            | OverallState::Tolerated => Self::Warning,
            OverallState::Running => Self::Running,
            OverallState::Suspended => Self::Off,
            OverallState::Waiting => Self::Waiting,
            OverallState::Succeeded => Self::Fine,
        }
    }
}

impl From<RunState> for Look {
    fn from(state: RunState) -> Self {
        match state {
            RunState::Running | RunState::Ending => Self::Running,
            RunState::Pending => Self::Waiting,
            RunState::Suspended | RunState::Deleted => Self::Off,
            RunState::Succeeded => Self::Fine,
            RunState::Failed => Self::Bad,
            RunState::Missed => Self::Warning,
        }
    }
}

impl From<Level> for Look {
    fn from(level: Level) -> Self {
        match level {
            Level::Critical => Self::Bad,
            Level::Warning => Self::Warning,
            Level::Info => Self::Waiting,
        }
    }
}
