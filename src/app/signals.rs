//! The signals that stop the process.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

/// `timeout` and some supervisors send a signal to the process and, at the same moment, to its process group. That is one
/// request to stop, not two.
const ECHO: Duration = Duration::from_millis(500);

/// Receives SIGTERM and SIGINT from its creation on.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for a signal and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for a second signal and returns its name. Ignores an echo of the first.
    pub(super) async fn another(&mut self) -> &'static str {
        let echo = sleep(ECHO);
        tokio::pin!(echo);
        loop {
            tokio::select! {
                biased;
                () = &mut echo => return self.next().await,
                _ = self.next() => {}
            }
        }
    }
}
