//! The signals that ask the process to end.

use std::{io, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::sleep,
};

/// `timeout` and some supervisors send a signal to the process and, at the same moment, to its process group. That is
/// one request to end, not two.
const ECHO: Duration = Duration::from_millis(500);

/// SIGTERM and SIGINT, from when it was made on.
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

    /// Waits for a signal and gives its name.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// Waits for another signal than the one that was just given, and gives its name.
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
