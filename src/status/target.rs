//! Everything about one target that its page shows: what is read and where, what fails and why.

use std::sync::Arc;

use super::TargetHealth;
use crate::{
    model::{
        Code, Credential, CredentialExpiry, EventKind, Name, Resource, RestartReason, Seconds,
        Shard, ShardReading, Verb,
    },
    store::{
        FeedHealth, TargetDescription, TargetDetails, TargetSnapshot, TargetStatus,
        UndecodableObject,
    },
};

/// A target at the time of a complete snapshot. Each list has at most [`TargetDetails::MAX_LISTED`] items.
#[derive(Clone, Debug)]
pub struct TargetDetail {
    /// How much of it can be read, and until when it is known.
    pub health: TargetHealth,
    /// How much of it is known: objects, undecodable ones, invalid annotations.
    pub status: TargetStatus,
    /// When the snapshot was taken, in seconds since the Unix epoch.
    pub now: Seconds,
    /// What is read, and where; `None` if that is not known.
    pub description: Option<Arc<TargetDescription>>,
    /// The shard that reads it; `None` without shards.
    pub shard: Option<Shard>,
    /// How the shard reads it, and how many namespaces it owns if it knows; `None` before that is known.
    pub shard_reading: Option<(ShardReading, Option<usize>)>,
    /// The feeds: the failing ones first, the longest at the top.
    pub feeds: Vec<FeedHealth>,
    /// The credentials whose expiry is known.
    pub credentials: Vec<(Credential, CredentialExpiry)>,
    /// The requests by verb, without verbs that never occurred.
    pub requests: Vec<VerbRequests>,
    /// Watch events by resource and type, without those that never occurred.
    pub events: Vec<(Resource, EventKind, u64)>,
    /// Restarted watches by resource and reason, without those that never occurred.
    pub watch_restarts: Vec<(Resource, RestartReason, u64)>,
    /// Objects that exist and cannot be decoded. [`Self::status`] has their number.
    pub undecodable: Vec<UndecodableObject>,
    /// Namespace and name of configured Jobs that do not exist. [`Self::health`] has their number.
    pub missing_jobs: Vec<(Name, Name)>,
}

/// The requests of one verb since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct VerbRequests {
    /// The verb.
    pub verb: Verb,
    /// The number of requests by outcome, without outcomes that never occurred.
    pub codes: Vec<(Code, u64)>,
    /// The average time until the response was complete, in seconds; of a watch, until its headers arrived.
    pub average_duration: f64,
}

impl TargetDetail {
    /// The target of a complete snapshot. The snapshot of a scrape has neither feeds nor a description.
    #[must_use]
    pub fn new(target: &TargetSnapshot) -> Self {
        let TargetDetails {
            description,
            shard_reading,
            feeds,
            undecodable,
        } = target.details.as_deref().cloned().unwrap_or_default();
        let counters = &target.client_counters;
        let missing = target.configured.iter();
        let missing = missing
            .filter(|job| job.exists == Some(false))
            .map(|job| (job.namespace.clone(), job.name.clone()))
            .take(TargetDetails::MAX_LISTED);
        Self {
            health: TargetHealth::new(target),
            status: target.status,
            now: target.date.as_second(),
            description,
            shard: target.shard.as_ref().map(|shard| shard.shard),
            shard_reading,
            feeds,
            credentials: counters.credential_expiry().iter().collect(),
            requests: requests(target),
            events: counters.events().filter(|(.., count)| *count > 0).collect(),
            watch_restarts: counters
                .watch_restarts()
                .filter(|(.., count)| *count > 0)
                .collect(),
            undecodable,
            missing_jobs: missing.collect(),
        }
    }
}

fn requests(target: &TargetSnapshot) -> Vec<VerbRequests> {
    let counters = &target.client_counters;
    let codes_of = |verb| {
        let requests = counters.requests().filter(move |(of, ..)| *of == verb);
        requests.map(|(_, code, count)| (code, count))
    };
    let durations = counters.durations();
    let requests = durations.map(|(verb, durations)| VerbRequests {
        verb,
        codes: codes_of(verb).collect(),
        average_duration: average(durations.sum, durations.count()),
    });
    requests.collect()
}

#[allow(clippy::cast_precision_loss, reason = "no process makes 2^53 requests")]
fn average(sum: f64, count: u64) -> f64 {
    sum / count.max(1) as f64
}
