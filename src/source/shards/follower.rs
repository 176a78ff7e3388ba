//! Which namespaces a shard owns, by their watch.

use std::{collections::BTreeSet, sync::Arc};

use tokio::sync::mpsc;

use crate::model::{
    Change, ClientEvent, EventCounter, FeedHandle, FeedId, FeedScope, HealthChange, Name,
    Namespace, ShardReading, Sink, Update,
};

/// Sends changes of the namespaces to the shard, and everything else about their feed to the store.
pub(super) struct Follower {
    feed: FeedHandle,
    changes: mpsc::UnboundedSender<Change<Namespace>>,
}

/// The namespaces of the shard.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: BTreeSet<Name>,
    /// Those of the list that is being read.
    listed: BTreeSet<Name>,
    /// Whether they were read once.
    is_read: bool,
}

/// What a change adds and removes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) added: Vec<Name>,
    pub(super) removed: Vec<Name>,
    /// Whether the namespaces are known from now on.
    pub(super) is_first: bool,
}

impl Follower {
    /// A feed for the watch of the namespaces.
    pub(super) fn feed(
        feed: FeedHandle,
        changes: mpsc::UnboundedSender<Change<Namespace>>,
    ) -> FeedHandle {
        // It has this one feed, so the id says nothing.
        FeedHandle::new(FeedId(0), Arc::new(Self { feed, changes }))
    }
}

impl EventCounter for Follower {
    fn count(&self, event: ClientEvent) {
        self.feed.count(event);
    }
}

impl Sink for Follower {
    fn register(self: Arc<Self>, _: FeedScope) -> FeedHandle {
        self.feed.clone()
    }

    fn push(&self, _: FeedId, update: Update) -> HealthChange {
        match update {
            Update::Namespaces(change) => {
                // The shard may have ended.
                let _ = self.changes.send(change);
                HealthChange::default()
            }
            other => self.feed.push(other),
        }
    }

    fn retire(&self, _: FeedId) {
        self.feed.clone().retire();
    }

    fn set_shard_reading(&self, _: ShardReading, _: Option<usize>) {}
}

impl Known {
    /// Applies a change.
    pub(super) fn apply(&mut self, change: &Change<Namespace>) -> Changes {
        let mut changes = Changes::default();
        match change {
            Change::ListStarted => self.listed.clear(),
            Change::Listed(namespaces) => {
                let listed = namespaces.iter().map(|namespace| namespace.name.clone());
                self.listed.extend(listed);
            }
            Change::Replaced(namespaces) => {
                let mut names = std::mem::take(&mut self.listed);
                names.extend(namespaces.iter().map(|namespace| namespace.name.clone()));
                changes.added = names.difference(&self.names).cloned().collect();
                changes.removed = self.names.difference(&names).cloned().collect();
                changes.is_first = !std::mem::replace(&mut self.is_read, true);
                self.names = names;
            }
            Change::Applied(namespace) => {
                if self.names.insert(namespace.name.clone()) {
                    changes.added.push(namespace.name.clone());
                }
            }
            Change::Deleted(namespace) => {
                if self.names.remove(&namespace.name) {
                    changes.removed.push(namespace.name.clone());
                }
            }
        }
        changes
    }

    /// Their number.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Their names in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &Name> {
        self.names.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uid;

    fn namespace(name: &str) -> Namespace {
        Namespace {
            name: name.into(),
            uid: Uid::parse(name),
        }
    }

    fn namespaces(names: &[&str]) -> Vec<Namespace> {
        names.iter().map(|name| namespace(name)).collect()
    }

    /// What a change adds and removes, as `+name` and `-name`, and `first`.
    fn apply(known: &mut Known, change: &Change<Namespace>) -> Vec<String> {
        let Changes {
            added,
            removed,
            is_first,
        } = known.apply(change);
        let first = is_first.then(|| "first".to_owned());
        let added = added.iter().map(|name| format!("+{name}"));
        let removed = removed.iter().map(|name| format!("-{name}"));
        first.into_iter().chain(added).chain(removed).collect()
    }

    #[test]
    fn a_list_in_pages_is_one_change() {
        let mut known = Known::default();
        let change = Change::Replaced(namespaces(&["a", "b"]));
        assert_eq!(apply(&mut known, &change), ["first", "+a", "+b"]);
        assert_eq!(apply(&mut known, &Change::ListStarted), [""; 0]);
        let page = Change::Listed(namespaces(&["b", "c"]));
        assert_eq!(apply(&mut known, &page), [""; 0]);
        let rest = Change::Replaced(namespaces(&["d"]));
        assert_eq!(apply(&mut known, &rest), ["+c", "+d", "-a"]);
        assert_eq!(known.len(), 3);
    }

    #[test]
    fn a_list_that_broke_off_is_void() {
        let mut known = Known::default();
        apply(&mut known, &Change::Replaced(namespaces(&["a"])));
        apply(&mut known, &Change::ListStarted);
        apply(&mut known, &Change::Listed(namespaces(&["x"])));
        apply(&mut known, &Change::ListStarted);
        let all = Change::Replaced(namespaces(&["a", "b"]));
        assert_eq!(apply(&mut known, &all), ["+b"]);
    }

    #[test]
    fn a_change_of_a_namespace_that_is_known_changes_nothing() {
        let mut known = Known::default();
        apply(&mut known, &Change::Replaced(Vec::new()));
        assert_eq!(apply(&mut known, &Change::Applied(namespace("a"))), ["+a"]);
        assert_eq!(apply(&mut known, &Change::Applied(namespace("a"))), [""; 0]);
        assert_eq!(apply(&mut known, &Change::Deleted(namespace("a"))), ["-a"]);
        assert_eq!(apply(&mut known, &Change::Deleted(namespace("a"))), [""; 0]);
    }
}
