//! Applies the events of a watch to the store, or to the streamed list that they are part of.

use bytes::Bytes;

use super::{End, InitialList, Watch};
use crate::{
    client::{Error, Failure, Status},
    decode::{self, Bookmark, Event},
    model::{Change, ClientEvent, EventKind},
    source::reader::{Decoded, WatchedResource},
};

impl<R: WatchedResource> Watch<R> {
    /// Applies one event. Returns the end of the watch, if this is it.
    pub(super) fn apply(
        &mut self,
        line: &Bytes,
        initial: &mut InitialList<R>,
    ) -> Result<Option<End>, Error> {
        let event: Event<'_> = serde_json::from_slice(line)
            .map_err(|error| self.invalid_response(error.to_string()))?;
        let object = event.object.get();
        let kind = kind(&event.kind);
        self.reader
            .feed
            .count(ClientEvent::Event(R::RESOURCE, kind));
        match (kind, initial.as_mut()) {
            (EventKind::Error, _) => self.end(object).map(Some),
            (EventKind::Unknown, _) => Ok(None),
            (EventKind::Bookmark, _) => self.apply_bookmark(object, initial),
            (kind, Some(records)) => {
                self.extend_list(kind, object, records);
                Ok(None)
            }
            (EventKind::Deleted, None) => Ok(self.delete(object)),
            (EventKind::Added | EventKind::Modified, None) => {
                if let Decoded::Selected(record) = self.reader.decode(object) {
                    self.reader.feed.push(R::update(Change::Applied(record)));
                }
                Ok(self.advance(decode::version(object)))
            }
        }
    }

    /// The end of a watch for which the server sent the Status in `object`.
    fn end(&self, object: &str) -> Result<End, Error> {
        let status = Status::of_event(object);
        if status.code == 410 {
            return Ok(End::Expired);
        }
        Err(self.error(Failure::Status(Box::new(status))))
    }

    /// Applies an event that is part of a streamed list.
    fn extend_list(&mut self, kind: EventKind, object: &str, records: &mut Vec<R::Record>) {
        if kind == EventKind::Deleted {
            // The list is that of the server's cache. Changes since then follow before its end.
            if let Decoded::Selected(deleted) = self.reader.decode(object) {
                records.retain(|record| R::uid(record) != R::uid(&deleted));
            }
            return;
        }
        let listed = records.len();
        records.extend(self.reader.decode(object).selected());
        self.reader.log_progress(listed, None);
    }

    fn delete(&mut self, object: &str) -> Option<End> {
        match self.reader.decode(object) {
            Decoded::Selected(record) => {
                self.reader.feed.push(R::update(Change::Deleted(record)));
            }
            Decoded::Unselected => {}
            // The store may have it from when it could be decoded. Only a new list tells which objects are left.
            Decoded::Undecodable => return Some(End::Expired),
        }
        self.advance(decode::version(object))
    }

    fn apply_bookmark(
        &mut self,
        object: &str,
        initial: &mut InitialList<R>,
    ) -> Result<Option<End>, Error> {
        let bookmark: Bookmark = serde_json::from_str(object)
            .map_err(|error| self.invalid_response(error.to_string()))?;
        if bookmark.ends_initial_list()
            && let Some(records) = initial.take()
        {
            self.reader.replace(records);
        } else if initial.is_some() {
            return Ok(None);
        }
        self.reader.feed.contact();
        Ok(self.advance(Some(bookmark.metadata.resource_version)))
    }

    /// Records the resource version that the watch has reached. A version that goes *back* is that of another server: its
    /// storage was recreated or restored, and what was read before means nothing there.
    pub(super) fn advance(&mut self, version: Option<String>) -> Option<End> {
        let version = version?;
        let number = |version: &str| version.parse::<u64>().ok();
        let before = self.version.replace(version.clone())?;
        match (number(&before), number(&version)) {
            (Some(before), Some(now)) if now < before => return Some(End::Expired),
            _ => self.attempt.advanced |= before != version,
        }
        None
    }
}

fn kind(name: &str) -> EventKind {
    match name {
        "ADDED" => EventKind::Added,
        "MODIFIED" => EventKind::Modified,
        "DELETED" => EventKind::Deleted,
        "BOOKMARK" => EventKind::Bookmark,
        "ERROR" => EventKind::Error,
        other => {
            tracing::debug!(kind = other, "skipped an event of an unknown type");
            EventKind::Unknown
        }
    }
}
