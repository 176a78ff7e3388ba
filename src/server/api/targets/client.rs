//! What the client of a target counted, and the credentials that it has.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    model::{Credential, CredentialExpiry, EventKind, Renewable, Resource, RestartReason},
    server::api::value::{
        CredentialLabel, EventLabel, ResourceLabel, RestartLabel, Time, VerbLabel,
    },
    status::VerbRequests,
};

/// A credential.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct CredentialEntry {
    /// Which one.
    credential: CredentialLabel,
    /// Whether the exporter gets the next one by itself: from a file, a plugin or an issuer.
    renewable: bool,
    /// When it expires. Null if no calendar has the time.
    expiry: Option<Time>,
}

/// Requests of one verb.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RequestsEntry {
    /// The verb.
    verb: VerbLabel,
    /// The number of requests by result: a status, its class, or an error before there was one.
    codes: BTreeMap<&'static str, u64>,
    /// The average time until the response was complete, in seconds; of a watch, until its headers arrived.
    average_duration_seconds: f64,
}

/// Watch events of one type.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct EventsEntry {
    /// The kind of the objects.
    resource: ResourceLabel,
    /// The type.
    r#type: EventLabel,
    /// How many.
    count: u64,
}

/// Restarts of watches for one reason.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct RestartsEntry {
    /// The kind of the objects.
    resource: ResourceLabel,
    /// The reason.
    reason: RestartLabel,
    /// How many.
    count: u64,
}

impl From<&(Credential, CredentialExpiry)> for CredentialEntry {
    fn from((credential, expiry): &(Credential, CredentialExpiry)) -> Self {
        Self {
            credential: CredentialLabel(*credential),
            renewable: expiry.renewable == Renewable::Yes,
            expiry: Time::new(expiry.at.as_second()),
        }
    }
}

impl From<&VerbRequests> for RequestsEntry {
    fn from(requests: &VerbRequests) -> Self {
        let codes = requests.codes.iter();
        Self {
            verb: VerbLabel(requests.verb),
            codes: codes.map(|(code, count)| (code.as_str(), *count)).collect(),
            average_duration_seconds: requests.average_duration,
        }
    }
}

impl From<&(Resource, EventKind, u64)> for EventsEntry {
    fn from((resource, kind, count): &(Resource, EventKind, u64)) -> Self {
        Self {
            resource: ResourceLabel(*resource),
            r#type: EventLabel(*kind),
            count: *count,
        }
    }
}

impl From<&(Resource, RestartReason, u64)> for RestartsEntry {
    fn from((resource, reason, count): &(Resource, RestartReason, u64)) -> Self {
        Self {
            resource: ResourceLabel(*resource),
            reason: RestartLabel(*reason),
            count: *count,
        }
    }
}
