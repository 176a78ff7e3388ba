//! The `job_status_exporter_*` families about targets: whether they are read successfully, and the requests to them.
//!
//! These series stay if a target fails and its objects expire, so that users see the failure.

use crate::{
    metrics::table::{Row, Rows, Samples, Table},
    model::Resource,
    store::{REQUEST_DURATION_BUCKETS, TargetSnapshot},
};

/// The table of targets. The label `target` is their whole identity.
#[derive(Debug)]
pub(in crate::metrics) enum Targets {}

impl Table for Targets {
    type Section = TargetSnapshot;
    type Record = TargetSnapshot;

    const TITLE: &'static str = "Targets";

    const ABOUT: &'static str = "\
The health of the targets. These series stay when a target fails; `/metrics` still answers with status 200.

- A feed is what the exporter reads on its own: the Jobs or the CronJobs of a target or of one of its namespaces, or one
  configured job. `job_status_exporter_target_up` is 0 while any feed fails, and `job_status_exporter_target_failing_feeds`
  tells one failing job of many from an outage.
- The pods of Jobs are no feed in this sense: only `job_status_exporter_target_pods_up` tells whether they can be read.
- With `sharding`, each shard has these series for what it reads itself, and the label `shard` has its number. A shard counts
  its namespaces as one feed more, if it follows them.
- A feed fails too when its watch is silent: a server that sends a bookmark every minute and then nothing for 2.5 minutes.
- Everything that is shown of a target was confirmed at `job_status_exporter_target_last_success_timestamp_seconds` or later.
- `job_status_exporter_credential_expiry_timestamp_seconds` has the label `credential`: `token` (of IAM, or a bearer token
  that is a JWT with `exp`), `key` (a temporary key pair), `certificate` (a client certificate) or `plugin` (what an exec
  plugin returned). The label `renewable` is `true` if the exporter gets the next one alone: from a
  file, a plugin or an issuer. It is `false` if it is part of the kubeconfig, where somebody has to replace it in time.
- `job_status_exporter_objects` excludes deleted Jobs that are still shown.
- `job_status_exporter_undecodable_objects` falls when an object is deleted or becomes decodable. It counts up to 10,000 per
  feed.
- `code` is an HTTP status, the class of a less common one (`5xx`), `timeout`, or `error` for a request without a response.
- A request lasts until its response is complete; a watch request, until its response starts.
- A watch is restarted because the server ended it as usual (`ended`), because its version expired and everything is listed
  again (`expired`), or because of an error (`error`).
- The log names each object that cannot be decoded, and each invalid annotation `job-status-exporter/...`.";

    const OF_SHARD: bool = true;

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "job_status_exporter_target_up",
            &[],
            "Whether all feeds of the target work: 1 or 0.",
            |target, out| out.value(target.status.up),
        ),
        Row::gauge(
            "job_status_exporter_target_feeds",
            &[],
            "Feeds of the target, each watched or polled on its own.",
            |target, out| out.value(target.status.feeds),
        ),
        Row::gauge(
            "job_status_exporter_target_failing_feeds",
            &[],
            "Feeds of the target whose last attempt failed.",
            |target, out| out.value(target.status.failing_feeds),
        ),
        Row::gauge(
            "job_status_exporter_target_pods_up",
            &[],
            "Whether the pods of Jobs can be read: 1 or 0; absent if they are not read.",
            |target, out| out.value(target.status.pods_up),
        ),
        Row::gauge(
            "job_status_exporter_target_last_success_timestamp_seconds",
            &[],
            "When the target was last read successfully.",
            |target, out| out.value(target.status.last_success),
        ),
        Row::gauge(
            "job_status_exporter_target_synced",
            &[],
            "Whether the target was read completely at least once: 1 or 0.",
            |target, out| out.value(target.status.synced),
        ),
        Row::gauge(
            "job_status_exporter_credential_expiry_timestamp_seconds",
            &["credential", "renewable"],
            "When a credential of the target expires.",
            |target, out| {
                for (credential, expiry) in target.client_counters.credential_expiry().iter() {
                    out.sample(&[&credential, &expiry.renewable], expiry.at);
                }
            },
        ),
        Row::gauge(
            "job_status_exporter_objects",
            &["resource"],
            "Objects of the target in memory.",
            |target, out| {
                out.sample(&[&Resource::Jobs], target.status.jobs);
                out.sample(&[&Resource::CronJobs], target.status.cronjobs);
            },
        ),
        Row::gauge(
            "job_status_exporter_undecodable_objects",
            &["resource"],
            "Objects of the target that exist and cannot be decoded.",
            |target, out| {
                out.sample(&[&Resource::Jobs], target.status.undecodable_jobs);
                out.sample(&[&Resource::CronJobs], target.status.undecodable_cronjobs);
                if target.reads_pods {
                    out.sample(&[&Resource::Pods], target.status.undecodable_pods);
                }
            },
        ),
        Row::counter(
            "job_status_exporter_api_requests_total",
            &["verb", "code"],
            "Requests to the API, by verb and result.",
            |target, out| {
                for (verb, code, requests) in target.client_counters.requests() {
                    out.sample(&[&verb, &code], requests);
                }
            },
        ),
        Row::histogram(
            "job_status_exporter_api_request_duration_seconds",
            &["verb"],
            "Duration of requests to the API.",
            request_durations,
        ),
        Row::counter(
            "job_status_exporter_events_total",
            &["resource", "type"],
            "Watch events received.",
            |target, out| {
                let events = target.client_counters.events();
                for (resource, kind, events) in events.filter(|it| reads(target, it.0)) {
                    out.sample(&[&resource, &kind], events);
                }
            },
        ),
        Row::counter(
            "job_status_exporter_decode_errors_total",
            &["resource"],
            "Objects that were skipped because they could not be decoded.",
            |target, out| {
                let errors = target.client_counters.decode_errors();
                for (resource, errors) in errors.filter(|it| reads(target, it.0)) {
                    out.sample(&[&resource], errors);
                }
            },
        ),
        Row::counter(
            "job_status_exporter_invalid_annotations_total",
            &[],
            "Annotations that were ignored because they are invalid.",
            |target, out| out.value(target.status.invalid_annotations),
        ),
        Row::counter(
            "job_status_exporter_truncated_label_values_total",
            &[],
            "Label values that were cut because they are too long.",
            |target, out| out.value(target.status.truncated_values),
        ),
        Row::counter(
            "job_status_exporter_workloads_dropped_total",
            &[],
            "Workloads that were left out because there are more than the limit.",
            |target, out| out.value(target.status.dropped_workloads),
        ),
        Row::counter(
            "job_status_exporter_watch_restarts_total",
            &["resource", "reason"],
            "Watches that were restarted, by reason.",
            |target, out| {
                let restarts = target.client_counters.watch_restarts();
                for (resource, reason, restarts) in restarts.filter(|it| reads(target, it.0)) {
                    out.sample(&[&resource, &reason], restarts);
                }
            },
        ),
    ];

    fn block(section: &TargetSnapshot, _: usize) -> impl Iterator<Item = &TargetSnapshot> {
        std::iter::once(section)
    }
}

/// Whether a target reads this kind of object. Only pods need to be asked for, and only shards read namespaces.
fn reads(target: &TargetSnapshot, resource: Resource) -> bool {
    match resource {
        Resource::Jobs | Resource::CronJobs => true,
        Resource::Pods => target.reads_pods,
        Resource::Namespaces => target.shard.is_some(),
    }
}

fn request_durations(target: &TargetSnapshot, out: &mut Samples<'_>) {
    for (verb, durations) in target.client_counters.durations() {
        out.observations(&[&verb], durations, &REQUEST_DURATION_BUCKETS);
    }
}

#[cfg(test)]
mod tests;
