//! What asks for a reload: SIGHUP, a request for `/-/reload`, or a file that changed.

use std::{fmt, io};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{Interval, MissedTickBehavior, interval},
};

use super::file_watch::{FileWatch, LOOK_INTERVAL};
use crate::server::{ReloadRequest, ReloadRequests};

/// Waits for what asks for a reload.
#[derive(Debug)]
pub(super) struct Triggers {
    hangup: Signal,
    requests: ReloadRequests,
    looks: Interval,
    /// The configuration file, if it is watched.
    pub(super) config_file: FileWatch,
    /// The web configuration file and the files that it names.
    pub(super) web_files: FileWatch,
}

/// What asks for a reload.
#[derive(Debug)]
pub(super) enum Trigger {
    /// SIGHUP.
    Signal,
    /// A request, which waits for the outcome.
    Request(ReloadRequest),
    /// The configuration file changed.
    ConfigFile,
    /// The web configuration file changed, or a file that it names. Nothing else has to be loaded again.
    WebFiles,
}

impl Triggers {
    /// Receives SIGHUP from now on.
    pub(super) fn listen(requests: ReloadRequests) -> io::Result<Self> {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            requests,
            looks,
            config_file: FileWatch::default(),
            web_files: FileWatch::default(),
        })
    }

    /// Waits for the next trigger.
    pub(super) async fn next(&mut self) -> Trigger {
        loop {
            let is_idle = self.config_file.is_idle() && self.web_files.is_idle();
            tokio::select! {
                Some(()) = self.hangup.recv() => return Trigger::Signal,
                Some(request) = self.requests.recv() => return Trigger::Request(request),
                _ = self.looks.tick(), if !is_idle => {
                    if self.config_file.look() {
                        return Trigger::ConfigFile;
                    }
                    if self.web_files.look() {
                        return Trigger::WebFiles;
                    }
                }
                else => std::future::pending().await,
            }
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signal => "SIGHUP",
            Self::Request(_) => "a request for /-/reload",
            Self::ConfigFile => "the configuration file changed",
            Self::WebFiles => "the web configuration file changed, or a file that it names",
        })
    }
}
