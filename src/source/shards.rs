//! Watches the namespaces of one shard, wherever its target has all of them.
//!
//! A shard does not receive what is not its own, if the server can help:
//!
//! 1. It selects by `shardSelector`: one list and watch of each kind for all namespaces of the shard. A new namespace has
//!    watches of its own, so that the others go on. When there are many of those, everything is listed once more together.
//! 2. One list and watch of each kind per namespace.
//! 3. One of each kind for everything, where the namespaces cannot be listed or are too many. What is of other shards is
//!    skipped by its namespace before it is decoded.
//!
//! In all three the reader drops what is of other shards, so a server that selects less than it said costs only time.
//!
//! - `probe`: which of the three a server allows
//! - `selector`: the parameter `shardSelector`
//! - `follower`: which namespaces there are, by their watch
//! - `groups`: the watches that run

use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::mpsc;

use super::{
    Source, Task,
    feed_reporter::FeedReporter,
    reader::{AllNamespaces, ResourceReader},
    watch::Watch,
};
use crate::{
    client::Scope,
    config::Selection,
    model::{Change, FeedHandle, FeedScope, Name, Namespace, Shard, ShardReading, Update},
};

mod follower;
mod groups;
mod probe;
mod selector;

use follower::{Follower, Known};
use groups::Groups;

/// The most namespaces in one `shardSelector`: 340 KB of a URL, of which API servers take 1 MB.
const MAX_SELECTED: usize = 4000;

/// The most namespaces with a list and watch of each kind. An HTTP/2 connection has some hundred streams.
const MAX_WATCHED: usize = 500;

/// So many namespaces have watches of their own beside a `shardSelector`, then everything is listed together.
const MAX_BESIDE: usize = 32;

/// The watches of the namespaces of one shard.
pub(super) struct ShardedWatch {
    source: Arc<Source>,
    selection: Arc<Selection>,
    shard: Shard,
    /// The feed of the namespaces.
    feed: FeedHandle,
    known: Known,
    groups: Groups,
    /// How everything is read, once that is known.
    reading: ShardReading,
}

impl ShardedWatch {
    /// The task that watches the namespaces of `shard`.
    pub(super) fn start(source: Source, selection: Selection, shard: Shard) -> Task {
        let source = Arc::new(source);
        let feed = source.sink.clone().register(FeedScope::Namespaces);
        let selection = Arc::new(selection);
        let groups = Groups::new(source.clone(), selection.clone());
        let watch = Self {
            source: source.clone(),
            selection,
            shard,
            feed,
            known: Known::default(),
            groups,
            reading: ShardReading::Skipping,
        };
        source.task("watches of a shard", watch.run())
    }

    /// Watches for ever. It ends only if one of its parts does, which is an error.
    async fn run(mut self) {
        self.reading = probe::reading(&self.source, &self.reporter()).await;
        tracing::info!(
            shard = self.shard.index(),
            shards = self.shard.shards(),
            "{}",
            match self.reading {
                ShardReading::Selector => "the server selects the namespaces of this shard",
                ShardReading::Namespaces =>
                    "each namespace of this shard has a list and watch of its own",
                ShardReading::Skipping =>
                    "everything is read, and what is of other shards is skipped",
            }
        );
        if self.reading == ShardReading::Skipping {
            self.groups.read_together(None);
            self.feed.clone().retire();
            self.report(None);
            self.groups.next_end().await;
            return;
        }
        let (changes, mut received) = mpsc::unbounded_channel();
        let namespaces = self.namespaces(changes);
        let mut namespaces = std::pin::pin!(namespaces.fuse());
        loop {
            tokio::select! {
                () = &mut namespaces => return,
                () = self.groups.next_end() => return,
                Some(change) = received.recv() => self.apply(change),
            }
        }
    }

    /// Watches the namespaces themselves, and sends their changes.
    fn namespaces(
        &self,
        changes: mpsc::UnboundedSender<Change<Namespace>>,
    ) -> impl Future<Output = ()> + Send + use<> {
        let feed = Follower::feed(self.feed.clone(), changes);
        let reader: ResourceReader<AllNamespaces> =
            self.source.reader(&self.selection, &Scope::All, feed);
        Watch::new(reader, &self.source.settings).run()
    }

    /// Reads what a change of the namespaces requires, and then lets the store know of it: once the namespaces count as read,
    /// all feeds that follow from them are registered.
    fn apply(&mut self, change: Change<Namespace>) {
        let changes = self.known.apply(&change);
        if changes.is_first {
            self.read_all();
        } else {
            for namespace in &changes.added {
                self.add(namespace);
            }
            for namespace in &changes.removed {
                self.groups.remove(namespace);
            }
        }
        self.report(Some(self.known.len()));
        self.reporter().push(Update::Namespaces(change));
    }

    /// A new namespace. The others go on as they are, unless there are too many.
    fn add(&mut self, namespace: &Name) {
        self.groups.add(namespace);
        let most = match self.reading {
            ShardReading::Selector => MAX_BESIDE,
            ShardReading::Namespaces => MAX_WATCHED,
            ShardReading::Skipping => return,
        };
        if self.groups.alone() > most {
            self.read_all();
        }
    }

    /// Reads all namespaces that are known, in the best way for so many.
    fn read_all(&mut self) {
        let count = self.known.len();
        if self.reading == ShardReading::Selector && count <= MAX_SELECTED {
            let names: Vec<_> = self.known.names().cloned().collect();
            if !names.is_empty() {
                self.groups.read_together(Some(names));
            }
        } else if self.reading != ShardReading::Skipping && count <= MAX_WATCHED {
            self.reading = ShardReading::Namespaces;
            for namespace in self.known.names() {
                self.groups.add(namespace);
            }
        } else {
            tracing::warn!(
                namespaces = count,
                "this shard owns too many namespaces to select them: everything is read, and what is of other shards is skipped"
            );
            self.reading = ShardReading::Skipping;
            self.groups.read_together(None);
        }
    }

    fn reporter(&self) -> FeedReporter {
        FeedReporter::new(self.feed.clone(), self.source.log.clone())
    }

    fn report(&self, namespaces: Option<usize>) {
        self.source.sink.set_shard_reading(self.reading, namespaces);
    }
}
