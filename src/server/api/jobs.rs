//! `jobs`: the Jobs that `/metrics` is about, page by page.
//!
//! Fields are named like the metrics, without `batch_job_` and `_timestamp_seconds`.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{ApiError, Success, quoted},
    paging::Paging,
    parameters::Parameters,
    value::{CompletionModeLabel, FailureReasonLabel, JobStateLabel, Time},
};
use crate::{
    model::{Job, JobPods, Name},
    server::data::PageData,
    status::UNNAMED_TARGET,
    store::TargetSnapshot,
};

/// Rows per page, unless asked otherwise.
const PER_PAGE: usize = 100;
const MAX_PER_PAGE: usize = 1000;

/// One page of Jobs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct JobList {
    /// Which page this is.
    paging: Paging,
    /// The Jobs of the page: by target, namespace and name.
    jobs: Vec<JobEntry>,
}

/// A Job.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct JobEntry {
    /// The name of the target. Null for the unnamed one.
    target: Option<String>,
    /// The namespace.
    namespace: String,
    /// Its name.
    job_name: String,
    /// The type of the workload that it is a run of.
    workload_type: String,
    /// The name of the workload that it is a run of.
    workload: String,
    /// `metadata.uid`.
    uid: String,
    /// `spec.completionMode`.
    completion_mode: Option<CompletionModeLabel>,
    /// `spec.managedBy`: the external controller.
    managed_by: Option<String>,
    /// The mapped labels that it has.
    labels: BTreeMap<String, String>,
    /// Its state.
    state: JobStateLabel,
    /// Pods that are pending or running and not terminating.
    active_pods: i32,
    /// Active pods that are ready.
    ready_pods: Option<i32>,
    /// Pods that are terminating.
    terminating_pods: Option<i32>,
    /// Pods that succeeded.
    succeeded_pods: i32,
    /// Pods that failed, including those that were retried.
    failed_pods: i32,
    /// Pods that failed, by cause. Null unless something is known of its pods.
    failed_pods_by_cause: Option<BTreeMap<&'static str, u32>>,
    /// Pods that wait, by reason. Null unless something is known of its pods.
    waiting_pods: Option<BTreeMap<&'static str, u32>>,
    /// How often containers of its pods were restarted. Null unless something is known of its pods.
    container_restarts: Option<u64>,
    /// When it was created.
    created: Option<Time>,
    /// When it was started or last resumed.
    start: Option<Time>,
    /// When it completed or failed.
    end: Option<Time>,
    /// When it was suspended.
    suspended: Option<Time>,
    /// Why it failed. Null unless it failed.
    failure_reason: Option<FailureReasonLabel>,
    /// The due time for which a CronJob created it.
    due: Option<Time>,
    /// Whether it was created manually from a CronJob.
    manual: bool,
    /// Maximum number of pods that run at the same time (`spec.parallelism`).
    parallelism: Option<i32>,
    /// Number of pods that must succeed (`spec.completions`).
    completions: Option<i32>,
    /// Number of retries before it fails (`spec.backoffLimit`).
    backoff_limit: Option<i32>,
    /// How long it may be active before it fails (`spec.activeDeadlineSeconds`), in seconds.
    active_deadline_seconds: Option<i64>,
    /// Completed indexes of an Indexed Job.
    completed_indexes: Option<u64>,
    /// Failed indexes of an Indexed Job.
    failed_indexes: Option<u64>,
}

/// Filters and page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it documents what `jobs` reads")]
struct JobParameters {
    /// The name of the target, `-` for the unnamed one.
    #[param(min_length = 1)]
    target: Option<String>,
    /// The namespace.
    #[param(min_length = 1)]
    namespace: Option<String>,
    /// The type and the name of the workload, such as `cronjob/nightly-report`.
    #[param(pattern = "^[^/]+/[^/]+$")]
    workload: Option<String>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<usize>,
    /// Rows per page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    per_page: Option<usize>,
}

/// The Jobs that exist, and those that ended or were deleted a short time ago.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "objects",
    params(JobParameters),
    responses((status = 200, description = "A page of Jobs.", body = Success<JobList>))
)]
pub(super) fn jobs(data: &dyn PageData, query: Option<&str>) -> Result<JobList, ApiError> {
    let parameters = Parameters::parse::<JobParameters>(query)?;
    let namespace = parameters.name("namespace")?;
    let workload = parameters.text("workload")?;
    let workload = workload.as_deref().map(split_workload).transpose()?;
    let (page, per_page) = (parameters.page()?, per_page(&parameters)?);
    let targets = snapshots(data, parameters.target(data)?.as_deref());
    let mut found = Vec::new();
    for target in &targets {
        let start = found.len();
        let matching = target.jobs.iter().filter(|job| {
            is_in(namespace.as_deref(), job.namespace())
                && workload.is_none_or(|(kind, name)| {
                    **job.workload_kind() == *kind && job.workload_name() == name
                })
        });
        found.extend(matching.map(|job| (target, job)));
        found[start..].sort_unstable_by(|(_, job), (_, other)| {
            (job.namespace(), &job.name).cmp(&(other.namespace(), &other.name))
        });
    }
    let paging = Paging::new(page, per_page, found.len());
    let rows = paging.rows(&found).iter();
    Ok(JobList {
        paging,
        jobs: rows
            .map(|(target, job)| JobEntry::new(target, job))
            .collect(),
    })
}

fn split_workload(text: &str) -> Result<(&str, &str), ApiError> {
    let parts = text.split_once('/');
    let is_name = |part: &str| !part.is_empty() && !part.contains('/');
    parts
        .filter(|(kind, name)| is_name(kind) && is_name(name))
        .ok_or_else(|| {
            let text = quoted(text);
            ApiError::BadData(format!(
                "`workload` is {text}, not a type, a slash and a name"
            ))
        })
}

pub(super) fn per_page(parameters: &Parameters) -> Result<usize, ApiError> {
    let asked = parameters.number("per_page", 1..=MAX_PER_PAGE)?;
    Ok(asked.unwrap_or(PER_PAGE))
}

/// The snapshots of one target or of all.
pub(super) fn snapshots(data: &dyn PageData, target: Option<&str>) -> Vec<TargetSnapshot> {
    let targets = data.store().targets();
    let asked = targets
        .iter()
        .filter(|it| target.is_none_or(|target| it.name().unwrap_or(UNNAMED_TARGET) == target));
    asked.map(|it| it.complete_snapshot()).collect()
}

/// Whether a filter lets a value pass.
pub(super) fn is_in(filter: Option<&str>, value: &str) -> bool {
    filter.is_none_or(|filter| filter == value)
}

/// The mapped labels of a record that have a value.
pub(super) fn labels(names: &[String], values: Option<&[Name]>) -> BTreeMap<String, String> {
    let labels = names.iter().zip(values.unwrap_or_default());
    labels
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.clone(), value.to_string()))
        .collect()
}

impl JobEntry {
    fn new(target: &TargetSnapshot, job: &Job) -> Self {
        let template = &job.template;
        let pods = job.observed_pods.as_deref();
        Self {
            target: target.target.as_deref().map(Into::into),
            namespace: job.namespace().to_string(),
            job_name: job.name.to_string(),
            workload_type: job.workload_kind().to_string(),
            workload: job.workload_name().to_owned(),
            uid: job.uid.to_string(),
            completion_mode: template.completion_mode.map(CompletionModeLabel),
            managed_by: template.managed_by.as_deref().map(Into::into),
            labels: labels(&target.label_names, job.shown_labels()),
            state: JobStateLabel(job.state),
            active_pods: job.pods.active,
            ready_pods: job.pods.ready.get(),
            terminating_pods: job.pods.terminating.get(),
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
            failed_pods_by_cause: pods.map(|pods| {
                let failed = pods.failed(job.pods.failed);
                failed
                    .iter()
                    .map(|(cause, count)| (cause.as_str(), count))
                    .collect()
            }),
            waiting_pods: pods.map(|pods| {
                let waiting = pods.waiting().filter(|_| !job.finished());
                waiting
                    .map(|(reason, count)| (reason.as_str(), count))
                    .collect()
            }),
            container_restarts: pods.map(JobPods::restarts),
            created: Time::of(job.created.get()),
            start: Time::of(job.start.get()),
            end: Time::of(job.end()),
            suspended: Time::of(job.suspended_since()),
            failure_reason: job.failure.map(FailureReasonLabel),
            due: Time::of(job.due.get()),
            manual: job.manual,
            parallelism: template.parallelism,
            completions: template.completions,
            backoff_limit: template.backoff_limit,
            active_deadline_seconds: template.active_deadline.get(),
            completed_indexes: job.completed_indexes(),
            failed_indexes: job.failed_indexes(),
        }
    }
}
