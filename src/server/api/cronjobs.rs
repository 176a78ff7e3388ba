//! `cronjobs`: the CronJobs that `/metrics` is about, page by page.
//!
//! Fields are named like the metrics, without `batch_cronjob_` and `_timestamp_seconds`.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{ApiError, Success},
    jobs::{is_in, labels, per_page, snapshots},
    paging::Paging,
    parameters::Parameters,
    value::{NotStartedLabel, PolicyLabel, Time},
};
use crate::{
    server::data::PageData,
    store::{CronJobRecord, TargetSnapshot},
};

/// One page of CronJobs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CronJobList {
    /// Which page this is.
    paging: Paging,
    /// The CronJobs of the page: by target, namespace and name.
    cronjobs: Vec<CronJobEntry>,
}

/// A CronJob. What was observed of it is part of its workload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CronJobEntry {
    /// The name of the target. Null for the unnamed one.
    target: Option<String>,
    /// The namespace.
    namespace: String,
    /// Always `cronjob`.
    workload_type: &'static str,
    /// Its name, which is also that of its workload.
    workload: String,
    /// `metadata.uid`.
    uid: String,
    /// `spec.schedule`, as written.
    schedule: String,
    /// `spec.timeZone`, as written.
    time_zone: Option<String>,
    /// `spec.concurrencyPolicy`.
    concurrency_policy: Option<PolicyLabel>,
    /// The mapped labels that it has.
    labels: BTreeMap<String, String>,
    /// When it was created.
    created: Option<Time>,
    /// The due time for which it last started a run.
    last_schedule: Option<Time>,
    /// When a run last completed, according to its status.
    last_success: Option<Time>,
    /// Whether it is suspended.
    suspended: bool,
    /// Running Jobs, according to its status.
    active_jobs: u32,
    /// How late a run may start (`spec.startingDeadlineSeconds`), in seconds.
    starting_deadline_seconds: Option<i64>,
    /// How many completed Jobs are kept (`spec.successfulJobsHistoryLimit`).
    successful_jobs_history_limit: Option<i32>,
    /// How many failed Jobs are kept (`spec.failedJobsHistoryLimit`).
    failed_jobs_history_limit: Option<i32>,
    /// Whether the schedule and the time zone are valid. Null if the schedule is too long to be evaluated.
    schedule_valid: Option<bool>,
    /// The next due time. Null while the CronJob is suspended or its schedule is invalid.
    next_schedule: Option<Time>,
    /// Due times since the last start whose grace is over and for which nothing started. Null if that cannot be judged yet.
    overdue_runs: Option<u64>,
    /// The oldest overdue due time.
    overdue_since: Option<Time>,
    /// The first due time that an active run holds up by the policy Forbid.
    blocked_since: Option<Time>,
    /// Why the last due time started no run.
    not_started: Option<NotStartedLabel>,
}

/// Filters and page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it documents what `cronjobs` reads")]
struct CronJobParameters {
    /// The name of the target, `-` for the unnamed one.
    #[param(min_length = 1)]
    target: Option<String>,
    /// The namespace.
    #[param(min_length = 1)]
    namespace: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<usize>,
    /// Rows per page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    per_page: Option<usize>,
}

/// The CronJobs that exist.
#[utoipa::path(
    get,
    path = "/cronjobs",
    tag = "objects",
    params(CronJobParameters),
    responses((status = 200, description = "A page of CronJobs.", body = Success<CronJobList>))
)]
pub(super) fn cronjobs(data: &dyn PageData, query: Option<&str>) -> Result<CronJobList, ApiError> {
    let parameters = Parameters::parse::<CronJobParameters>(query)?;
    let namespace = parameters.name("namespace")?;
    let (page, per_page) = (parameters.page()?, per_page(&parameters)?);
    let targets = snapshots(data, parameters.target(data)?.as_deref());
    let mut found = Vec::new();
    for target in &targets {
        let start = found.len();
        let records = target.cronjobs.iter();
        let matching = records.filter(|it| is_in(namespace.as_deref(), &it.cronjob.namespace));
        found.extend(matching.map(|record| (target, record)));
        found[start..].sort_unstable_by(|(_, record), (_, other)| {
            let (cronjob, other) = (&record.cronjob, &other.cronjob);
            (&cronjob.namespace, &cronjob.name).cmp(&(&other.namespace, &other.name))
        });
    }
    let paging = Paging::new(page, per_page, found.len());
    let rows = paging.rows(&found).iter();
    Ok(CronJobList {
        paging,
        cronjobs: rows
            .map(|(target, record)| CronJobEntry::new(target, record))
            .collect(),
    })
}

impl CronJobEntry {
    fn new(target: &TargetSnapshot, record: &CronJobRecord) -> Self {
        let cronjob = &record.cronjob;
        let status = record.schedule_status();
        Self {
            target: target.target.as_deref().map(Into::into),
            namespace: cronjob.namespace.to_string(),
            workload_type: "cronjob",
            workload: cronjob.name.to_string(),
            uid: cronjob.uid.to_string(),
            schedule: cronjob.schedule.to_string(),
            time_zone: cronjob.time_zone.as_deref().map(Into::into),
            concurrency_policy: cronjob.concurrency_policy.map(PolicyLabel),
            labels: labels(&target.label_names, cronjob.labels.as_deref()),
            created: Time::of(cronjob.created),
            last_schedule: Time::of(cronjob.last_schedule),
            last_success: Time::of(cronjob.last_success),
            suspended: cronjob.suspended,
            active_jobs: cronjob.active_jobs,
            starting_deadline_seconds: cronjob.starting_deadline,
            successful_jobs_history_limit: cronjob.successful_history_limit,
            failed_jobs_history_limit: cronjob.failed_history_limit,
            schedule_valid: status.and_then(|it| it.valid),
            next_schedule: Time::of(status.and_then(|it| it.next)),
            overdue_runs: status.and_then(|it| it.overdue_runs),
            overdue_since: Time::of(status.and_then(|it| it.overdue_since)),
            blocked_since: Time::of(status.and_then(|it| it.blocked_since)),
            not_started: status.and_then(|it| it.not_started).map(NotStartedLabel),
        }
    }
}
