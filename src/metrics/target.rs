//! The `job_status_exporter_*` families about targets: whether they can be read, and what was done to read them.
//!
//! These stay when a target fails, and when its objects are too old to be shown: they are how a user gets to know.

use super::{
    family::{Identity, Row, Table},
    samples::Samples,
};
use crate::{
    model::Resource,
    store::{REQUEST_DURATION_BUCKETS, TargetSnapshot},
};

impl Table for TargetSnapshot {
    type Record = Self;

    /// The `target` label is all there is.
    const IDENTITY: Identity<Self> = &[];

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "job_status_exporter_target_up",
            &[],
            "Whether the target can be read: 1 or 0. 0 as soon as one of its watches or polls \
             fails, and until all of them work again.",
            |target, out| out.value(target.status.up),
        ),
        Row::gauge(
            "job_status_exporter_target_last_success_timestamp_seconds",
            &[],
            "When the target was last read with success: all that is shown of it was confirmed \
             then or later.",
            |target, out| out.value(target.status.last_success),
        ),
        Row::gauge(
            "job_status_exporter_target_synced",
            &[],
            "Whether the target was read in whole at least once: 1 or 0.",
            |target, out| out.value(target.status.synced),
        ),
        Row::gauge(
            "job_status_exporter_credential_expiry_timestamp_seconds",
            &[],
            "When the credential that requests are made with ends: a token or temporary key, or \
             the certificate of an exec plugin. It is renewed ahead of that.",
            |target, out| out.value(target.client_counters.credential_expiry()),
        ),
        Row::gauge(
            "job_status_exporter_objects",
            &["resource"],
            "Objects known of the target; deleted Jobs that are still shown are not among them.",
            |target, out| {
                out.sample(&[&Resource::Jobs], target.status.jobs);
                out.sample(&[&Resource::CronJobs], target.status.cronjobs);
            },
        ),
        Row::counter(
            "job_status_exporter_api_requests_total",
            &["verb", "code"],
            "Requests to the API, by what came of them: an HTTP status, the class of a less \
             common one (5xx), timeout, or error where there was no answer.",
            |target, out| {
                for (verb, code, requests) in target.client_counters.requests() {
                    out.sample(&[&verb, &code], requests);
                }
            },
        ),
        Row::histogram(
            "job_status_exporter_api_request_duration_seconds",
            &["verb"],
            "How long requests to the API took until the answer was complete; in the case of a \
             watch, until it began.",
            request_durations,
        ),
        Row::counter(
            "job_status_exporter_events_total",
            &["resource", "type"],
            "Watch events received.",
            |target, out| {
                for (resource, kind, events) in target.client_counters.events() {
                    out.sample(&[&resource, &kind], events);
                }
            },
        ),
        Row::counter(
            "job_status_exporter_decode_errors_total",
            &["resource"],
            "Objects that were skipped because they could not be understood; the log names them.",
            |target, out| {
                for (resource, errors) in target.client_counters.decode_errors() {
                    out.sample(&[&resource], errors);
                }
            },
        ),
        Row::counter(
            "job_status_exporter_invalid_annotations_total",
            &[],
            "Annotations job-status-exporter/... that were left out because they make no sense; \
             the log names them.",
            |target, out| out.value(target.status.invalid_annotations),
        ),
        Row::counter(
            "job_status_exporter_watch_restarts_total",
            &["resource", "reason"],
            "Watches that were started again: ended by the server as usual, expired (everything \
             is listed again), or broken by an error.",
            |target, out| {
                for (resource, reason, restarts) in target.client_counters.watch_restarts() {
                    out.sample(&[&resource, &reason], restarts);
                }
            },
        ),
    ];

    fn blocks(_: &TargetSnapshot) -> usize {
        1
    }

    fn block(slice: &TargetSnapshot, _: usize) -> impl Iterator<Item = &Self> {
        std::iter::once(slice)
    }
}

fn request_durations(target: &TargetSnapshot, out: &mut Samples<'_>) {
    for (verb, durations) in target.client_counters.durations() {
        out.observations(&[&verb], durations, &REQUEST_DURATION_BUCKETS);
    }
}

#[cfg(test)]
mod tests;
