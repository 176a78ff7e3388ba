//! Watches: a streamed body of events, one JSON object per line.
//!
//! [`super::handler`] starts them. Each watch reads the history of the registry at its own speed, and every write wakes it. A watch
//! that falls behind the history ends. Its client then gets an expired version, as from a real server.

use std::{collections::VecDeque, fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Instant, Interval, interval_at, sleep_until},
};

use super::{
    SimulatedApi,
    error::ApiError,
    object::Object,
    options::Options,
    registry::{Change, Registry},
    selector::Filter,
};

/// The duration of a watch without a timeout.
const DEFAULT_TIMEOUT: Duration = Duration::from_mins(30);

/// The size in bytes at which a frame of the body is sent. A long first list is not one big buffer, and a burst of small events is
/// not one write per event.
const FRAME_SIZE: usize = 64 * 1024;

/// One running watch.
struct Watch {
    api: SimulatedApi,
    writes: watch::Receiver<()>,
    filter: Filter,
    /// Existing objects that are not yet sent as ADDED.
    initial: VecDeque<Arc<Object>>,
    /// The version of the bookmark that ends the initial objects.
    initial_events_end: Option<u64>,
    /// The only event of a watch that fails at its start.
    error: Option<ApiError>,
    /// All changes up to this version are sent or skipped.
    position: u64,
    epoch: u64,
    deadline: Instant,
    bookmarks: Option<Interval>,
}

/// The next step of a watch.
enum Next {
    Frame(String),
    Nothing,
    End,
}

/// The events of a watch as body frames.
pub(super) fn events(
    api: &SimulatedApi,
    filter: Filter,
    options: &Options,
) -> Result<impl Stream<Item = Bytes> + Send + use<>, ApiError> {
    let watch = Watch::start(api, filter, options)?;
    Ok(stream::unfold(watch, |mut watch| async {
        let frame = watch.frame().await?;
        Some((Bytes::from(frame), watch))
    }))
}

// === impl Watch ===

impl Watch {
    fn start(api: &SimulatedApi, filter: Filter, options: &Options) -> Result<Self, ApiError> {
        let settings = api.options();
        let from: u64 = match options.version.as_str() {
            "" => 0,
            text => text
                .parse()
                .map_err(|_| ApiError::unparsed_watch_version(text))?,
        };
        let writes = api.subscribe_to_writes();
        let now = Instant::now();
        let every = settings.bookmark_interval;
        let mut watch = Self {
            api: api.clone(),
            writes,
            filter,
            initial: VecDeque::new(),
            initial_events_end: None,
            error: None,
            position: from,
            epoch: 0,
            deadline: now + options.timeout.unwrap_or(DEFAULT_TIMEOUT),
            bookmarks: options.bookmarks.then(|| interval_at(now + every, every)),
        };
        let registry = api.registry();
        watch.epoch = registry.epoch();
        let streaming_list = options.send_initial_events == Some(true);
        if streaming_list && from > registry.version() {
            watch.error = Some(ApiError::version_ahead(from, registry.version()));
        } else if streaming_list || (from == 0 && options.send_initial_events.is_none()) {
            watch.start_with_existing(&registry);
            // A server with streamed lists sends this bookmark also to a watch without a version.
            watch.initial_events_end =
                (options.bookmarks && settings.watch_list).then_some(registry.version());
        } else if from == 0 {
            watch.position = registry.version();
        } else if from < registry.oldest() {
            watch.error = Some(ApiError::watch_expired(from, registry.oldest()));
        }
        Ok(watch)
    }

    fn start_with_existing(&mut self, registry: &Registry) {
        let existing = registry.objects(self.filter.kind).values();
        let matching = existing.filter(|object| self.filter.matches(object));
        self.initial = matching.cloned().collect();
        self.position = registry.version();
    }

    /// The next frame of the body; `None` at the end of the watch.
    async fn frame(&mut self) -> Option<String> {
        loop {
            self.writes.borrow_and_update();
            match self.next() {
                Next::Frame(frame) => return Some(frame),
                Next::End => return None,
                Next::Nothing => {}
            }
            tokio::select! {
                changed = self.writes.changed() => changed.ok()?,
                () = sleep_until(self.deadline) => return None,
                () = tick(self.bookmarks.as_mut()) => match self.bookmark() {
                    Next::Frame(frame) => return Some(frame),
                    Next::End => return None,
                    Next::Nothing => {}
                },
            }
        }
    }

    fn next(&mut self) -> Next {
        if let Some(error) = self.error.take() {
            self.deadline = Instant::now();
            return Next::Frame(event("ERROR", |out| {
                out.push_str(&error.status().to_string());
            }));
        }
        if Instant::now() >= self.deadline {
            return Next::End;
        }
        if let Some(frame) = self.initial_frame() {
            return Next::Frame(frame);
        }
        let api = self.api.clone();
        let registry = api.registry();
        if registry.epoch() != self.epoch {
            return Next::End;
        }
        let Some(changes) = registry.changes_since(self.position) else {
            return Next::End;
        };
        let mut frame = String::new();
        for change in changes {
            self.position = change.version;
            write_change(&self.filter, change, &mut frame);
            if frame.len() >= FRAME_SIZE {
                break;
            }
        }
        if frame.is_empty() {
            return Next::Nothing;
        }
        Next::Frame(frame)
    }

    fn initial_frame(&mut self) -> Option<String> {
        let mut frame = String::new();
        while let Some(object) = self.initial.pop_front() {
            frame.push_str(&event("ADDED", |out| object.write(out)));
            if frame.len() >= FRAME_SIZE {
                return Some(frame);
            }
        }
        if let Some(version) = self.initial_events_end.take() {
            frame.push_str(&self.bookmark_event(version, true));
        }
        (!frame.is_empty()).then_some(frame)
    }

    /// The unsent events, and a bookmark after them: then all changes up to the position are sent.
    fn bookmark(&mut self) -> Next {
        let mut frame = match self.next() {
            Next::End => return Next::End,
            Next::Frame(events) => events,
            Next::Nothing => String::new(),
        };
        // A watch from a future version gets no bookmarks until that version exists.
        if self.position <= self.api.registry().version() {
            frame.push_str(&self.bookmark_event(self.position, false));
        }
        if frame.is_empty() {
            return Next::Nothing;
        }
        Next::Frame(frame)
    }

    fn bookmark_event(&self, version: u64, initial_events_end: bool) -> String {
        let bookmark = self.filter.kind.bookmark(version, initial_events_end);
        event("BOOKMARK", |out| out.push_str(&bookmark))
    }
}

/// Writes a change as an event for a client that only sees the objects that `filter` matches.
fn write_change(filter: &Filter, change: &Change, out: &mut String) {
    let before = change.before.as_ref().filter(|o| filter.matches(o));
    let matches = !change.deleted && filter.matches(&change.object);
    match (before, matches) {
        (None, false) => {}
        (None, true) => out.push_str(&event("ADDED", |out| change.object.write(out))),
        (Some(_), true) => out.push_str(&event("MODIFIED", |out| change.object.write(out))),
        (Some(_), false) if change.deleted => {
            out.push_str(&event("DELETED", |out| change.object.write(out)));
        }
        // The object no longer matches: the event shows its last matching state.
        (Some(before), false) => {
            let last = before.with_version(change.version);
            out.push_str(&event("DELETED", |out| last.write(out)));
        }
    }
}

fn event(kind: &str, write_object: impl FnOnce(&mut String)) -> String {
    let mut line = String::new();
    let _ = write!(line, "{{\"type\":\"{kind}\",\"object\":");
    write_object(&mut line);
    line.push_str("}\n");
    line
}

/// Waits for the next bookmark; forever if the client allows none.
async fn tick(bookmarks: Option<&mut Interval>) {
    match bookmarks {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
