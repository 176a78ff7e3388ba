//! What sources push to the store.

use super::{CronJob, Job};

/// An update of one feed.
#[derive(Clone, Debug)]
pub enum Update {
    /// Jobs changed.
    Jobs(Change<Job>),
    /// `CronJobs` changed.
    CronJobs(Change<CronJob>),
    /// The configured Job of this feed does not exist.
    JobAbsent,
    /// The feed works: its watch is open, or its poll is complete. Only this ends an outage: a list alone does not, because a
    /// user who may list but not watch would be up and down again with every attempt.
    Contact,
    /// An attempt to reach the API failed. The store keeps the objects of this feed until they are stale.
    Failed,
}

/// A change to the objects of one kind in one feed.
#[derive(Clone, Debug)]
pub enum Change<T> {
    /// A complete list: these are all objects of the feed.
    Replaced(Vec<T>),
    /// An object was created or changed.
    Applied(T),
    /// An object was deleted. This was its last state.
    Deleted(T),
}
