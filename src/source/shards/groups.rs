//! The watches of a shard that run: those of all its namespaces together, and those of single namespaces.
//!
//! They are parts of one task, so that nothing of them reaches the store once that task has ended.

use std::{
    collections::{BTreeMap, HashSet},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_util::{
    StreamExt as _,
    future::{AbortHandle, Abortable, BoxFuture, pending, try_join_all},
    stream::FuturesUnordered,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, timeout},
};

use super::{Source, selector};
use crate::{
    client::Scope,
    config::Selection,
    model::Name,
    source::{
        scope::{ScopeFeeds, WatchOptions, Watches, watches},
        wait_until,
    },
};

/// So many namespaces are listed at a time, so that a start does not flood the server.
const LISTED_AT_ONCE: usize = 16;

/// One that cannot be listed makes place for others after this time.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// The watches of a namespace that is gone end this much later, so that they see its last Jobs go.
const GRACE: Duration = Duration::from_mins(1);

/// The watches of a shard.
pub(super) struct Groups {
    source: Arc<Source>,
    selection: Arc<Selection>,
    tasks: FuturesUnordered<Abortable<BoxFuture<'static, ()>>>,
    /// The watches of many namespaces.
    together: Option<Group>,
    /// The namespaces of `together`; `None` if it has all.
    selected: Option<HashSet<Name>>,
    /// The watches of single namespaces.
    single: BTreeMap<Name, Group>,
    /// When the watches of namespaces that are gone end.
    leaving: BTreeMap<Name, Instant>,
    /// Feeds whose objects are being listed together with others.
    replaced: Option<Replaced>,
    turns: Arc<Semaphore>,
}

/// The watches of one scope.
struct Group {
    feeds: ScopeFeeds,
    handles: Vec<AbortHandle>,
}

/// Feeds that end when others have read their objects.
struct Replaced {
    feeds: Vec<ScopeFeeds>,
    read: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Groups {
    pub(super) fn new(source: Arc<Source>, selection: Arc<Selection>) -> Self {
        Self {
            source,
            selection,
            tasks: FuturesUnordered::new(),
            together: None,
            selected: Some(HashSet::new()),
            single: BTreeMap::new(),
            leaving: BTreeMap::new(),
            replaced: None,
            turns: Arc::new(Semaphore::new(LISTED_AT_ONCE)),
        }
    }

    /// How many namespaces have watches of their own.
    pub(super) fn alone(&self) -> usize {
        self.single.len()
    }

    /// Reads a namespace, unless it is read already.
    pub(super) fn add(&mut self, namespace: &Name) {
        self.leaving.remove(namespace);
        let is_selected = match &self.selected {
            Some(selected) => selected.contains(namespace),
            None => true,
        };
        if is_selected || self.single.contains_key(namespace) {
            return;
        }
        let scope = Scope::Namespace(namespace.to_string());
        let feeds = ScopeFeeds::register(&self.source, &self.selection, &scope);
        let watches = self.watches(&scope, &feeds, &WatchOptions::default());
        let handles = self.spawn(in_turn(watches, self.turns.clone()));
        let group = Group { feeds, handles };
        self.single.insert(namespace.clone(), group);
    }

    /// A namespace is gone. Those that are read together go on: nothing comes of it any more.
    pub(super) fn remove(&mut self, namespace: &Name) {
        if self.single.contains_key(namespace) {
            let end = Instant::now() + GRACE;
            self.leaving.insert(namespace.clone(), end);
        }
    }

    /// Reads these `namespaces` by one list and watch of each kind; `None` for everything. The single watches end. What they
    /// have read stays until it is listed again.
    pub(super) fn read_together(&mut self, namespaces: Option<Vec<Name>>) {
        let names = namespaces
            .as_deref()
            .map(|names| names.iter().map(|name| &**name));
        let options = WatchOptions {
            shard_selector: names.and_then(selector::of_namespaces),
            continuing: self.together.is_some(),
        };
        self.selected = namespaces.map(|names| names.into_iter().collect());
        let feeds = match self.together.take() {
            Some(group) => {
                group.abort();
                group.feeds
            }
            None => ScopeFeeds::register(&self.source, &self.selection, &Scope::All),
        };
        let Watches { tasks, first_reads } = self.watches(&Scope::All, &feeds, &options);
        let tasks = tasks
            .into_iter()
            .map(|task| task.run as BoxFuture<'static, ()>);
        let handles = self.spawn(tasks.collect());
        self.together = Some(Group { feeds, handles });
        self.replace_single(first_reads);
    }

    /// The single watches end now, and their feeds once everything was read together.
    fn replace_single(&mut self, first_reads: Vec<oneshot::Receiver<()>>) {
        self.leaving.clear();
        let before = self.replaced.take();
        let mut feeds = before.map(|before| before.feeds).unwrap_or_default();
        for group in std::mem::take(&mut self.single).into_values() {
            group.abort();
            feeds.push(group.feeds);
        }
        self.replaced = Some(Replaced {
            feeds,
            read: Box::pin(async {
                if try_join_all(first_reads).await.is_err() {
                    // These watches were replaced as well, and their successors have the feeds.
                    pending::<()>().await;
                }
            }),
        });
    }

    /// Waits until a watch ends, which none does, and meanwhile ends what is no longer needed.
    pub(super) async fn next_end(&mut self) {
        loop {
            let leaving = self.leaving.values().min().copied();
            tokio::select! {
                Some(outcome) = self.tasks.next() => {
                    // The others were aborted.
                    if outcome.is_ok() {
                        return;
                    }
                }
                () = all_read(self.replaced.as_mut()) => {
                    let replaced = self.replaced.take();
                    for feeds in replaced.into_iter().flat_map(|replaced| replaced.feeds) {
                        feeds.retire();
                    }
                }
                () = wait_until(leaving) => self.end_leaving(),
            }
        }
    }

    /// Ends the watches of namespaces that are gone for long enough.
    fn end_leaving(&mut self) {
        let now = Instant::now();
        let ended: Vec<_> = self.leaving.extract_if(.., |_, end| *end <= now).collect();
        for (namespace, _) in ended {
            if let Some(group) = self.single.remove(&namespace) {
                group.abort();
                group.feeds.retire();
            }
        }
    }

    fn watches(&self, scope: &Scope, feeds: &ScopeFeeds, options: &WatchOptions) -> Watches {
        watches(&self.source, &self.selection, scope, feeds, options)
    }

    fn spawn(&mut self, tasks: Vec<BoxFuture<'static, ()>>) -> Vec<AbortHandle> {
        let handles = tasks.into_iter().map(|task| {
            let (handle, registration) = AbortHandle::new_pair();
            self.tasks.push(Abortable::new(task, registration));
            handle
        });
        handles.collect()
    }
}

impl Group {
    fn abort(&self) {
        for handle in &self.handles {
            handle.abort();
        }
    }
}

/// The watches as one task, which begins when it is its turn. The turn is over when everything was read once.
fn in_turn(watches: Watches, turns: Arc<Semaphore>) -> Vec<BoxFuture<'static, ()>> {
    let Watches { tasks, first_reads } = watches;
    vec![Box::pin(async move {
        // The semaphore is never closed.
        let turn = turns.acquire_owned().await;
        let mut running: FuturesUnordered<_> = tasks.into_iter().map(|task| task.run).collect();
        let mut first_reads = std::pin::pin!(timeout(LONGEST_TURN, try_join_all(first_reads)));
        tokio::select! {
            _ = running.next() => return,
            _ = &mut first_reads => drop(turn),
        }
        running.next().await;
    })]
}

async fn all_read(replaced: Option<&mut Replaced>) {
    match replaced {
        Some(replaced) => replaced.read.as_mut().await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
