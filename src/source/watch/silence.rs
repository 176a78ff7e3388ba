//! Tells a dead connection from a quiet server.
//!
//! On a server that sends bookmarks, a watch receives at least one about every minute. Not every server does: old versions
//! send none, or a single one just before the end of a watch, and one that has just started sends none until the first object
//! of the kind changes. So a watch is judged only after a regular bookmark, and a server that stays silent on a new connection
//! is not judged any more.
//!
//! The dead connection is closed with its watch. The HTTP client keeps idle connections for 90 seconds, which is less than the
//! silence, so the next request opens a new one.

use std::time::Duration;

use tokio::time::Instant;

/// What a feed knows of the bookmarks of its server.
pub(super) struct SilenceDetector {
    max_silence: Duration,
    sends_bookmarks: bool,
}

impl SilenceDetector {
    pub(super) fn new(max_silence: Duration) -> Self {
        Self {
            max_silence,
            sends_bookmarks: false,
        }
    }

    /// How long a watch may receive nothing; `None` if the server may be quiet for any time.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.sends_bookmarks.then_some(self.max_silence)
    }

    /// A bookmark arrived on a watch that was opened at `opened`.
    pub(super) fn bookmark(&mut self, opened: Option<Instant>) {
        // Before 1.17 the only bookmark comes at the end of the watch.
        self.sends_bookmarks |= opened.is_some_and(|opened| opened.elapsed() < self.max_silence);
    }

    /// A watch was silent for too long. Whether it had `received` anything before.
    pub(super) fn give_up(&mut self, received: bool) {
        self.sends_bookmarks &= received;
    }
}
