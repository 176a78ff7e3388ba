//! Applies the events of a watch to the store, or to the streamed list that they are part of.

use super::{End, Watch, initial_list::InitialList};
use crate::{
    client::{BodyFormat, Error, Failure, Status},
    decode::{self, Bookmark, Event, Object},
    model::{Change, ClientEvent, EventKind, Update},
    source::reader::{Decoded, WatchedResource},
};

impl<R: WatchedResource> Watch<R> {
    /// Applies one event. Returns the end of the watch, if this is it.
    ///
    /// Each event after the list confirms to the store what it holds, whatever the event is about: the server has sent
    /// everything before it.
    pub(super) fn apply(
        &mut self,
        line: (BodyFormat, &[u8]),
        initial: &mut Option<InitialList<R>>,
    ) -> Result<Option<End>, Error> {
        let (format, line) = line;
        let line = decode::Body::new(format, line);
        let Event {
            kind: name,
            object,
            bytes,
        } = line
            .event()
            .map_err(|error| self.unreadable(format, &error))?;
        let kind = kind(&name);
        self.reader
            .feed
            .count(ClientEvent::Event(R::RESOURCE, kind));
        match (kind, initial.as_mut()) {
            (EventKind::Error, _) => self.end(bytes).map(Some),
            (EventKind::Unknown, Some(_)) => Ok(None),
            (EventKind::Unknown, None) => {
                self.reader.feed.contact();
                Ok(None)
            }
            (EventKind::Bookmark, _) => self.apply_bookmark(object, initial),
            (kind, Some(list)) => {
                list.count_event().map_err(|failure| self.error(failure))?;
                self.extend_list(kind, object, list);
                Ok(None)
            }
            (EventKind::Deleted, None) => Ok(self.delete(object)),
            (EventKind::Added | EventKind::Modified, None) => {
                self.change(object);
                Ok(self.advance(decode::version(object)))
            }
        }
    }

    /// The error for a line that is no event.
    fn unreadable(&self, format: BodyFormat, error: &serde_json::Error) -> Error {
        let error = self.invalid_response(error.to_string());
        if format != BodyFormat::Json {
            // What lies between may handle JSON alone.
            self.reader.api.request_json(&error);
        }
        error
    }

    /// The end of a watch for which the server sent the Status in `object`.
    fn end(&self, object: &[u8]) -> Result<End, Error> {
        let status = Status::of_event(object);
        if status.code == 410 {
            return Ok(End::Expired);
        }
        Err(self.error(Failure::Status(Box::new(status))))
    }

    /// Applies an event that is part of a streamed list.
    fn extend_list(&mut self, kind: EventKind, object: Object<'_>, list: &mut InitialList<R>) {
        if kind == EventKind::Deleted {
            match self.reader.decode(object) {
                Decoded::Selected(deleted) => {
                    self.reader.forget_undecodable(&R::name(&deleted));
                    if let Some(before) = list.take_before_deletion() {
                        self.reader.push_listed(before);
                        self.reader.feed.push(R::update(Change::Deleted(deleted)));
                    } else {
                        list.remove(&deleted);
                    }
                }
                Decoded::Undecodable(deleted) => self.reader.forget_undecodable(&deleted),
                Decoded::Unselected => {}
            }
            return;
        }
        if let Some(record) = self.reader.decode_listed(object) {
            if kind == EventKind::Modified {
                self.reader.forget_undecodable(&R::name(&record));
                list.change(record);
            } else {
                list.add(record);
            }
        }
        if let Some(page) = list.take_page() {
            self.reader.push_listed(page);
        }
        self.reader.log_progress(list.len(), None);
    }

    /// Applies the new state of an object.
    fn change(&mut self, object: Object<'_>) {
        let update = match self.reader.decode(object) {
            Decoded::Selected(record) => R::update(Change::Applied(record)),
            // Without a name nothing would tell when it is gone.
            Decoded::Undecodable(object) if &*object.name != "?" => {
                Update::Undecodable(Change::Applied(object))
            }
            Decoded::Undecodable(_) | Decoded::Unselected => Update::Contact,
        };
        self.reader.feed.push(update);
    }

    fn delete(&mut self, object: Object<'_>) -> Option<End> {
        match self.reader.decode(object) {
            Decoded::Selected(record) => {
                self.reader.feed.push(R::update(Change::Deleted(record)));
            }
            Decoded::Unselected => self.reader.feed.contact(),
            // The store may have it from when it could be decoded. Only a new list tells which objects are left.
            Decoded::Undecodable(_) => return Some(End::Expired),
        }
        self.advance(decode::version(object))
    }

    fn apply_bookmark(
        &mut self,
        object: Object<'_>,
        initial: &mut Option<InitialList<R>>,
    ) -> Result<Option<End>, Error> {
        let bookmark =
            Bookmark::read(object).map_err(|error| self.invalid_response(error.to_string()))?;
        self.silence.bookmark(self.attempt.opened);
        if bookmark.ends_initial_list()
            && let Some(list) = initial.take()
        {
            self.reader.end_list(list.into_records());
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
