//! One kind of object in one scope: how it is listed in whole, and how its objects are read.
//!
//! Both modes build on it: `watch` lists once and follows, `poll` lists again and again. An object that cannot be
//! decoded is counted, logged with its name and left out.

use std::{error::Error as _, marker::PhantomData, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    health::Health,
    kind::Kind,
    list::{self, Seen},
};
use crate::{
    client::{Api, Error, Listing, Scope},
    config::Namespaces,
    decode::Decoder,
    model::{Change, ClientEvent, FeedId},
};

/// A page comes within this time, or the list has failed.
pub(super) const PAGE_PATIENCE: Duration = Duration::from_mins(1);

/// A list that takes longer than this says how far it is, each time.
const PROGRESS: Duration = Duration::from_secs(3);

/// Undecodable objects that are logged by name per list; the rest are counted.
const NAMED: usize = 20;

/// One kind of object in one scope of a target.
pub(super) struct ResourceReader<K: Kind> {
    pub(super) id: FeedId,
    pub(super) api: Arc<Api>,
    pub(super) health: Arc<Health>,
    pub(super) listing: Listing,
    /// Applied here: the API can select one namespace or all.
    namespaces: Arc<Namespaces>,
    decoder: Decoder,
    undecodable: usize,
    progress: Progress,
    kind: PhantomData<fn() -> K>,
}

/// What became of an object.
pub(super) enum Decoded<T> {
    MetadataFilter(T),
    /// It is in a namespace that is not selected.
    Unwanted,
    /// It was counted and logged.
    Undecodable,
}

/// Tells people that a long list is coming along.
struct Progress {
    begun: Instant,
    told: Instant,
}

impl<K: Kind> ResourceReader<K> {
    pub(super) fn new(
        id: FeedId,
        api: Arc<Api>,
        health: Arc<Health>,
        listing: Listing,
        namespaces: Arc<Namespaces>,
        decoder: Decoder,
    ) -> Self {
        Self {
            id,
            api,
            health,
            listing,
            namespaces,
            decoder,
            undecodable: 0,
            progress: Progress::begin(),
            kind: PhantomData,
        }
    }

    /// Lists everything, page by page. Gives the resource version from which to watch, where the server tells one.
    pub(super) async fn list(
        &mut self,
        patience: Duration,
    ) -> Result<(Vec<K::Record>, Option<String>), Error> {
        let (api, listing) = (self.api.clone(), self.listing.clone());
        let mut records = Vec::new();
        let version = list::walk(&api, &listing, patience, |seen| match seen {
            Seen::Beginning => {
                self.begin_list();
                records.clear();
            }
            Seen::Object(json) => records.extend(self.decode(json).wanted()),
            Seen::PageEnd { remaining } => self.report_progress(records.len(), remaining),
        });
        let version = version.await?;
        Ok((records, version))
    }

    /// Everything was read anew: logs and counts start over.
    pub(super) fn begin_list(&mut self) {
        self.undecodable = 0;
        self.progress = Progress::begin();
    }

    /// Passes on a list that is complete.
    pub(super) fn replace(&mut self, records: Vec<K::Record>) {
        tracing::debug!(
            objects = records.len(),
            seconds = self.progress.begun.elapsed().as_secs_f64(),
            "listed"
        );
        if self.undecodable > NAMED {
            tracing::warn!(
                objects = self.undecodable,
                "skipped objects that cannot be decoded"
            );
        }
        self.health
            .push_whole(self.id, K::update(Change::Replaced(records)));
    }

    /// The server has no such objects, and that is all there is to say about them.
    pub(super) fn none_served(&self) {
        let none = K::update(Change::Replaced(Vec::new()));
        self.health.push_whole(self.id, none);
        self.health.works(self.id);
    }

    /// Reads an object.
    pub(super) fn decode(&mut self, json: &str) -> Decoded<K::Record> {
        match K::decode(json, &mut self.decoder) {
            Ok(record) if self.selects(K::namespace(&record)) => Decoded::MetadataFilter(record),
            Ok(_) => Decoded::Unwanted,
            Err(error) => {
                self.health.count(ClientEvent::DecodeError(K::RESOURCE));
                self.undecodable += 1;
                if self.undecodable <= NAMED {
                    tracing::warn!(%error, cause = error.source(), "skipped an object");
                }
                Decoded::Undecodable
            }
        }
    }

    pub(super) fn report_progress(&mut self, listed: usize, remaining: Option<i64>) {
        if self.progress.told.elapsed() >= PROGRESS {
            self.progress.told = Instant::now();
            tracing::info!(
                resource = K::RESOURCE.as_str(),
                listed,
                remaining,
                "listing"
            );
        }
    }

    /// A list that was answered, but not with what was asked for.
    pub(super) fn nonsense(&self, why: impl Into<String>) -> Error {
        list::nonsense(&self.listing, why)
    }

    fn selects(&self, namespace: &str) -> bool {
        match &self.listing.scope {
            Scope::All => self.namespaces.selects(namespace),
            Scope::Namespace(asked) => namespace == asked,
        }
    }
}

impl<T> Decoded<T> {
    pub(super) fn wanted(self) -> Option<T> {
        match self {
            Self::MetadataFilter(record) => Some(record),
            Self::Unwanted | Self::Undecodable => None,
        }
    }
}

impl Progress {
    fn begin() -> Self {
        let now = Instant::now();
        Self {
            begun: now,
            told: now,
        }
    }
}
