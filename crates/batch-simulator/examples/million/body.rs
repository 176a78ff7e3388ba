//! The bodies of lists and watches, in frames. Each object becomes text when its frame is sent.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::watch::Receiver,
    time::{Instant, Interval, interval_at, sleep_until},
};

use super::{
    cluster::{Event, Kind, Position},
    object::{api_version, name, put},
    server::{Shared, Token},
};

/// The size in bytes at which a frame is sent.
const FRAME_SIZE: usize = 64 * 1024;

/// How often a watch gets a bookmark.
const BOOKMARKS: Duration = Duration::from_mins(1);

/// A page of a list, or a whole one.
///
/// Pages after the first one show the objects as they are now, and have the version of the first one. Real servers show the objects of
/// that version. A watch from it repeats what happened since, so that the result is the same.
pub(crate) struct Page {
    shared: Arc<Shared>,
    kind: Kind,
    /// What comes before the next object, if there is one more in this page.
    separator: &'static str,
    /// What comes before all objects, until it is sent.
    head: Option<String>,
    complete: bool,
    next: Position,
    /// The place of the first object of the next page.
    end: Option<Position>,
}

/// A watch.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    kind: Kind,
    writes: Receiver<()>,
    /// The next object of the streamed list. `None` when it is complete.
    initial: Option<Position>,
    /// All changes up to this version are sent.
    version: u64,
    deadline: Instant,
    bookmarks: Interval,
}

// === impl Page ===

impl Page {
    /// Up to `limit` objects, or all if it is 0, from `start` on. `version` is that of the first page.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        kind: Kind,
        limit: u32,
        start: Position,
        version: Option<u64>,
    ) -> Self {
        let cluster = shared.cluster.lock();
        let version = version.unwrap_or(cluster.version());
        let mut rest = cluster.objects(kind, start);
        let after = rest.nth(limit as usize).filter(|_| limit > 0);
        let end = after.map(|(position, _)| position);
        let token = end.map(|start| format!(",\"continue\":\"{}\"", Token { version, start }));
        let head = format!(
            "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{{\"resourceVersion\":\"{version}\"{}}},\"items\":[",
            name(kind),
            api_version(kind),
            token.unwrap_or_default(),
        );
        Self {
            shared: shared.clone(),
            kind,
            separator: "",
            head: Some(head),
            complete: false,
            next: start,
            end,
        }
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Option<Vec<u8>> {
        if self.complete {
            return None;
        }
        let mut frame = Vec::with_capacity(FRAME_SIZE + 8 * 1024);
        put(
            &mut frame,
            format_args!("{}", self.head.take().unwrap_or_default()),
        );
        let cluster = self.shared.cluster.lock();
        for (position, object) in cluster.objects(self.kind, self.next) {
            if self.end.is_some_and(|end| position >= end) {
                break;
            }
            put(&mut frame, format_args!("{}", self.separator));
            self.separator = ",";
            self.shared.templates.item(&object, &mut frame);
            self.next = position.after();
            if frame.len() >= FRAME_SIZE {
                return Some(frame);
            }
        }
        self.complete = true;
        put(&mut frame, format_args!("]}}\n"));
        Some(frame)
    }
}

// === impl Watch ===

impl Watch {
    /// The changes after `version`.
    pub(crate) fn after(shared: &Arc<Shared>, kind: Kind, version: u64, timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            shared: shared.clone(),
            kind,
            writes: shared.writes.subscribe(),
            initial: None,
            version,
            deadline: now + timeout,
            bookmarks: interval_at(now + BOOKMARKS, BOOKMARKS),
        }
    }

    /// All objects, and the changes since then.
    pub(crate) fn with_initial_events(shared: &Arc<Shared>, kind: Kind, timeout: Duration) -> Self {
        let version = shared.cluster.lock().version();
        Self {
            initial: Some(Position::default()),
            ..Self::after(shared, kind, version, timeout)
        }
    }

    /// The next frame. `None` at the end of the watch.
    pub(crate) async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            self.writes.borrow_and_update();
            if Instant::now() >= self.deadline {
                return None;
            }
            let frame = self.initial_frame().unwrap_or_else(|| self.changes());
            if !frame.is_empty() {
                return Some(frame);
            }
            tokio::select! {
                changed = self.writes.changed() => changed.ok()?,
                () = sleep_until(self.deadline) => return None,
                _ = self.bookmarks.tick() => {
                    let mut frame = self.changes();
                    self.bookmark(false, &mut frame);
                    return Some(frame);
                }
            }
        }
    }

    /// Objects of the streamed list. `None` when it is complete.
    fn initial_frame(&mut self) -> Option<Vec<u8>> {
        let start = self.initial?;
        let mut frame = Vec::with_capacity(FRAME_SIZE + 8 * 1024);
        let cluster = self.shared.cluster.lock();
        for (position, object) in cluster.objects(self.kind, start) {
            put(&mut frame, format_args!("{{\"type\":\"ADDED\",\"object\":"));
            self.shared.templates.typed(&object, &mut frame);
            put(&mut frame, format_args!("}}\n"));
            self.initial = Some(position.after());
            if frame.len() >= FRAME_SIZE {
                return Some(frame);
            }
        }
        drop(cluster);
        self.initial = None;
        self.bookmark(true, &mut frame);
        Some(frame)
    }

    /// Changes that were not sent yet; empty if there are none. If they are forgotten, an error that ends the watch.
    fn changes(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        let cluster = self.shared.cluster.lock();
        let Some(changes) = cluster.changes_since(self.version) else {
            self.deadline = Instant::now();
            put(&mut frame, format_args!("{EXPIRED}"));
            return frame;
        };
        for change in changes {
            self.version = change.object.version();
            if change.object.kind() != self.kind {
                continue;
            }
            let event = match change.event {
                Event::Added => "ADDED",
                Event::Modified => "MODIFIED",
                Event::Deleted => "DELETED",
            };
            put(
                &mut frame,
                format_args!("{{\"type\":\"{event}\",\"object\":"),
            );
            self.shared.templates.typed(&change.object, &mut frame);
            put(&mut frame, format_args!("}}\n"));
            if frame.len() >= FRAME_SIZE {
                break;
            }
        }
        frame
    }

    fn bookmark(&self, ends_initial_events: bool, frame: &mut Vec<u8>) {
        let annotations = if ends_initial_events {
            r#","annotations":{"k8s.io/initial-events-end":"true"}"#
        } else {
            ""
        };
        let (kind, version) = (name(self.kind), self.version);
        let api_version = api_version(self.kind);
        put(
            frame,
            format_args!(
                "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"{kind}\",\"apiVersion\":\"{api_version}\",\"metadata\":{{\"resourceVersion\":\"{version}\"{annotations}}},\"spec\":{{}},\"status\":{{}}}}}}\n"
            ),
        );
    }
}

/// The event of a watch whose version is too old.
const EXPIRED: &str = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":\"too old resource version\",\"reason\":\"Expired\",\"code\":410}}\n";
