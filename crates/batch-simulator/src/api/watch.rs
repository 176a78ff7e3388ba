//! Watches: an endless body of events, one JSON object a line.
//!
//! Made by [`super::answer`]; each reads the registry's history at its own pace, woken by a pulse after every write. A watch that
//! falls behind the history ends, and its client finds out by an expired version, as with a real server.

use std::{collections::VecDeque, fmt::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Instant, Interval, interval_at, sleep_until},
};

use super::{
    SimulatedApi,
    object::Object,
    options::Options,
    refusal::Refusal,
    registry::{Change, Registry},
    selector::Filter,
};

/// How long a watch runs that names no timeout.
const LONGEST: Duration = Duration::from_mins(30);

/// A frame of the body is sent when it has reached this many bytes, so that neither a long first list is one big
/// buffer nor each small event of a burst a write of its own.
const FRAME: usize = 64 * 1024;

/// One running watch.
struct Watch {
    api: SimulatedApi,
    pulse: watch::Receiver<()>,
    filter: Filter,
    /// Present objects that are still to be sent as ADDED.
    initial: VecDeque<Arc<Object>>,
    /// The version that the end of the initial objects is to be marked with.
    end_mark: Option<u64>,
    /// An error that is all there is to say.
    error: Option<Refusal>,
    /// All changes up to this version are sent or do not matter.
    position: u64,
    epoch: u64,
    deadline: Instant,
    bookmarks: Option<Interval>,
}

/// What there is to send.
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
) -> Result<impl Stream<Item = Bytes> + Send + use<>, Refusal> {
    let watch = Watch::start(api, filter, options)?;
    Ok(stream::unfold(watch, |mut watch| async {
        let frame = watch.frame().await?;
        Some((Bytes::from(frame), watch))
    }))
}

// === impl Watch ===

impl Watch {
    fn start(api: &SimulatedApi, filter: Filter, options: &Options) -> Result<Self, Refusal> {
        let settings = api.options();
        let from: u64 = match options.version.as_str() {
            "" => 0,
            text => text
                .parse()
                .map_err(|_| Refusal::unparsed_watch_version(text))?,
        };
        let pulse = api.pulse();
        let now = Instant::now();
        let every = settings.bookmark_interval;
        let mut watch = Self {
            api: api.clone(),
            pulse,
            filter,
            initial: VecDeque::new(),
            end_mark: None,
            error: None,
            position: from,
            epoch: 0,
            deadline: now + options.timeout.unwrap_or(LONGEST),
            bookmarks: options.bookmarks.then(|| interval_at(now + every, every)),
        };
        let registry = api.registry();
        watch.epoch = registry.epoch();
        let streaming_list = options.send_initial_events == Some(true);
        if streaming_list && from > registry.version() {
            watch.error = Some(Refusal::version_ahead(from, registry.version()));
        } else if streaming_list || (from == 0 && options.send_initial_events.is_none()) {
            watch.begin_with_present(&registry);
            // Servers that can stream lists also mark the end where a watch just begins without a version.
            watch.end_mark =
                (options.bookmarks && settings.watch_list).then_some(registry.version());
        } else if from == 0 {
            watch.position = registry.version();
        } else if from < registry.oldest() {
            watch.error = Some(Refusal::watch_expired(from, registry.oldest()));
        }
        Ok(watch)
    }

    fn begin_with_present(&mut self, registry: &Registry) {
        let present = registry.objects(self.filter.kind).values();
        let matching = present.filter(|object| self.filter.matches(object));
        self.initial = matching.cloned().collect();
        self.position = registry.version();
    }

    /// The next piece of the body; `None` when the watch is over.
    async fn frame(&mut self) -> Option<String> {
        loop {
            self.pulse.borrow_and_update();
            match self.next() {
                Next::Frame(frame) => return Some(frame),
                Next::End => return None,
                Next::Nothing => {}
            }
            tokio::select! {
                changed = self.pulse.changed() => changed.ok()?,
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
            if frame.len() >= FRAME {
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
            if frame.len() >= FRAME {
                return Some(frame);
            }
        }
        if let Some(version) = self.end_mark.take() {
            frame.push_str(&self.bookmark_event(version, true));
        }
        (!frame.is_empty()).then_some(frame)
    }

    /// What is still to be sent, and a bookmark after it: all up to the position has been sent then.
    fn bookmark(&mut self) -> Next {
        let mut frame = match self.next() {
            Next::End => return Next::End,
            Next::Frame(events) => events,
            Next::Nothing => String::new(),
        };
        // A watch from a version that is yet to come gets no bookmarks until then.
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

/// What a change is to someone who only sees what `filter` matches.
fn write_change(filter: &Filter, change: &Change, out: &mut String) {
    let was = change.before.as_ref().filter(|o| filter.matches(o));
    let is = !change.deleted && filter.matches(&change.object);
    match (was, is) {
        (None, false) => {}
        (None, true) => out.push_str(&event("ADDED", |out| change.object.write(out))),
        (Some(_), true) => out.push_str(&event("MODIFIED", |out| change.object.write(out))),
        (Some(_), false) if change.deleted => {
            out.push_str(&event("DELETED", |out| change.object.write(out)));
        }
        // It goes out of sight as it was last seen.
        (Some(was), false) => {
            let last = was.with_version(change.version);
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

/// Never comes where no bookmarks are wanted.
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
