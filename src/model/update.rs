//! What sources push to the store.

use std::sync::Arc;

use jiff::Timestamp;

use super::{CronJob, Job, Name, Pod, Uid};

/// An update of one feed.
#[derive(Clone, Debug)]
pub enum Update {
    /// Jobs changed.
    Jobs(Change<Job>),
    /// `CronJobs` changed.
    CronJobs(Change<CronJob>),
    /// Pods of Jobs changed.
    Pods(Change<Pod>),
    /// Namespaces changed. The source follows them; the store keeps none.
    Namespaces(Change<Namespace>),
    /// Objects that exist and cannot be decoded. An object leaves these when it is decoded or deleted, without a change here.
    Undecodable(Change<ObjectName>),
    /// The configured Job of this feed does not exist.
    JobAbsent,
    /// The feed works: its watch is open, or its poll is complete. Only this ends an outage: a list alone does not, because a
    /// user who may list but not watch would be up and down again with every attempt.
    Contact,
    /// Everything that happened until this time was received: the list began then, or the watch had delivered all its events.
    /// Missed runs are judged up to this time. An event alone does not say so, because more may be on their way.
    CaughtUp(Timestamp),
    /// An attempt to reach the API failed. The store keeps the objects of this feed until they are stale.
    Failed(FeedError),
}

/// Why an attempt to reach the API failed, as the log has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedError {
    /// One line without secrets, at most [`Self::MAX_MESSAGE`] bytes.
    pub message: Arc<str>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl FeedError {
    /// The most bytes of a message that are kept. A target with 10,000 configured Jobs may keep as many messages.
    pub const MAX_MESSAGE: usize = 1024;

    /// An error with this message, which has no secrets.
    #[must_use]
    pub fn new(message: &str, hint: Option<&'static str>) -> Self {
        let end = message.floor_char_boundary(Self::MAX_MESSAGE);
        Self {
            message: message[..end].into(),
            hint,
        }
    }
}

/// A namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its name.
    pub name: Name,
    /// Its uid.
    pub uid: Uid,
}

/// Namespace and name of an object, each `?` if it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectName {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// `metadata.name`.
    pub name: Name,
}

/// The most undecodable objects of one feed that are remembered by name. Further ones are logged and counted as errors only.
pub const MAX_UNDECODABLE: usize = 10_000;

/// A change to the objects of one kind in one feed.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// A list begins that is applied as it arrives. What one before had that did not end is void.
    ListStarted,
    /// Objects of that list. Objects that are not among them may still come.
    Listed(Vec<T>),
    /// The end of a list, with all objects that were not [`Self::Listed`] before: usually the whole list. Objects of the feed that
    /// were in neither leave.
    Replaced(Vec<T>),
    /// An object was created or changed.
    Applied(T),
    /// An object was deleted. This was its last state.
    Deleted(T),
}

impl<T> Change<T> {
    /// Calls `edit` with each object.
    pub fn for_each(&mut self, mut edit: impl FnMut(&mut T)) {
        match self {
            Self::ListStarted => {}
            Self::Listed(objects) | Self::Replaced(objects) => objects.iter_mut().for_each(edit),
            Self::Applied(object) | Self::Deleted(object) => edit(object),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let long = "é".repeat(FeedError::MAX_MESSAGE);
        let error = FeedError::new(&format!("a{long}"), None);
        assert_eq!(error.message.len(), FeedError::MAX_MESSAGE - 1);
        assert!(error.message.ends_with('é'));
    }
}
