//! Events that wait until what they report is in the file.
//!
//! An event is written after the state that counts it was committed. So a process that is killed in between loses the event,
//! and the next one, which continues from the file, does not write it again.

use std::mem;

use crate::model::{EventSink, RunEvent};

/// As many events of a target wait. While the disk works, they wait for one write to it.
const MAX_WAITING: usize = 20_000;

/// Events of one target, in order.
#[derive(Debug, Default)]
pub(super) struct WaitingEvents {
    events: Vec<RunEvent>,
    /// Events that came when too many waited.
    dropped: usize,
}

impl WaitingEvents {
    /// Whether none waits or was dropped.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.dropped == 0
    }

    /// Adds an event, or drops it if too many wait.
    pub(super) fn push(&mut self, event: RunEvent) {
        if self.events.len() < MAX_WAITING {
            self.events.push(event);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds later ones.
    pub(super) fn merge(&mut self, later: Self) {
        if self.events.is_empty() {
            self.events = later.events;
        } else {
            let room = MAX_WAITING.saturating_sub(self.events.len());
            self.dropped += later.events.len().saturating_sub(room);
            self.events.extend(later.events.into_iter().take(room));
        }
        self.dropped += later.dropped;
    }

    /// What they report is in the file: writes them.
    pub(super) fn write(&mut self, sink: &dyn EventSink) {
        for event in mem::take(&mut self.events) {
            sink.write(&event);
        }
        self.count_dropped(sink);
    }

    /// What they report never gets into the file: drops them.
    pub(super) fn abandon(&mut self, sink: &dyn EventSink) {
        self.dropped += mem::take(&mut self.events).len();
        self.count_dropped(sink);
    }

    fn count_dropped(&mut self, sink: &dyn EventSink) {
        if let dropped @ 1.. = mem::take(&mut self.dropped) {
            sink.count_dropped(dropped);
        }
    }
}
