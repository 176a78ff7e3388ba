//! Counters of the client of one target: requests, watch events, errors.

use crate::model::{
    ClientEvent, Code, CredentialExpiries, EventKind, Histogram, Resource, RestartReason, Verb,
};

/// Upper bounds of the request duration histograms, in seconds.
pub const REQUEST_DURATION_BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The client counters of one target: arrays indexed by label values.
#[derive(Clone, Debug, Default)]
pub struct ClientCounters {
    /// By verb and code.
    requests: [[u64; Code::ALL.len()]; Verb::ALL.len()],
    /// By verb.
    durations: [Histogram; Verb::ALL.len()],
    /// Watch events by resource and type.
    events: [[u64; EventKind::ALL.len()]; Resource::ALL.len()],
    /// By resource.
    decode_errors: [u64; Resource::ALL.len()],
    /// Restarted watches by resource and reason.
    restarts: [[u64; RestartReason::ALL.len()]; Resource::ALL.len()],
    /// When the credentials in use expire.
    credential_expiry: CredentialExpiries,
}

impl ClientCounters {
    pub(super) fn count(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Request {
                verb,
                code,
                duration,
            } => {
                self.requests[verb as usize][code as usize] += 1;
                let seconds = duration.as_secs_f64();
                self.durations[verb as usize].observe(seconds, &REQUEST_DURATION_BUCKETS);
            }
            ClientEvent::Event(resource, kind) => {
                self.events[resource as usize][kind as usize] += 1;
            }
            ClientEvent::DecodeError(resource) => self.decode_errors[resource as usize] += 1,
            ClientEvent::CredentialExpiry(end) => self.credential_expiry = end,
            ClientEvent::ServerDate(_) => {}
            ClientEvent::WatchRestart(resource, reason) => {
                self.restarts[resource as usize][reason as usize] += 1;
            }
        }
    }

    /// Requests by verb and code, without those that never occurred.
    pub fn requests(&self) -> impl Iterator<Item = (Verb, Code, u64)> {
        let all = Verb::ALL
            .iter()
            .flat_map(|&verb| Code::ALL.iter().map(move |&code| (verb, code)));
        all.map(|(verb, code)| (verb, code, self.requests[verb as usize][code as usize]))
            .filter(|(_, _, count)| *count > 0)
    }

    /// Request durations by verb, without verbs that never occurred.
    pub fn durations(&self) -> impl Iterator<Item = (Verb, &Histogram)> {
        Verb::ALL
            .iter()
            .map(|&verb| (verb, &self.durations[verb as usize]))
            .filter(|(_, durations)| durations.count() > 0)
    }

    /// Watch events by resource and type, zeros included.
    pub fn events(&self) -> impl Iterator<Item = (Resource, EventKind, u64)> {
        let all = Resource::ALL
            .iter()
            .flat_map(|&resource| EventKind::ALL.iter().map(move |&kind| (resource, kind)));
        all.map(|(resource, kind)| {
            (
                resource,
                kind,
                self.events[resource as usize][kind as usize],
            )
        })
    }

    /// Objects that could not be decoded by resource, zeros included.
    pub fn decode_errors(&self) -> impl Iterator<Item = (Resource, u64)> {
        Resource::ALL
            .iter()
            .map(|&resource| (resource, self.decode_errors[resource as usize]))
    }

    /// When the credentials in use expire.
    #[must_use]
    pub fn credential_expiry(&self) -> &CredentialExpiries {
        &self.credential_expiry
    }

    /// Restarted watches by resource and reason, zeros included.
    pub fn watch_restarts(&self) -> impl Iterator<Item = (Resource, RestartReason, u64)> {
        let all = Resource::ALL.iter().flat_map(|&resource| {
            RestartReason::ALL
                .iter()
                .map(move |&reason| (resource, reason))
        });
        all.map(|(resource, reason)| {
            (
                resource,
                reason,
                self.restarts[resource as usize][reason as usize],
            )
        })
    }
}
