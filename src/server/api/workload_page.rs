//! `workloads/…`: one workload, and its runs.

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{ApiError, Success},
    endpoint::not_found,
    parameters::{NoParameters, Parameters},
    value::{
        FailureCauseLabel, FailureReasonLabel, NotStartedLabel, RunStateLabel, Time,
        WaitReasonLabel,
    },
    workload::WorkloadEntry,
};
use crate::{
    server::{data::PageData, workload_path::WorkloadPath},
    status::{WorkloadDetail, WorkloadRun},
};

/// Everything about one workload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct WorkloadPage {
    /// What lists have of it.
    workload: WorkloadEntry,
    /// The schedule in words. Null without a valid schedule.
    schedule_text: Option<String>,
    /// The next due times.
    upcoming: Vec<Time>,
    /// The median duration of the last successful runs, in seconds.
    median_duration_seconds: Option<i64>,
    /// The 95th percentile of the same.
    p95_duration_seconds: Option<i64>,
    /// Its runs.
    #[serde(flatten)]
    runs: RunList,
}

/// The runs of a workload and its missed due times.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunList {
    /// Whether a history is configured. Without one, only the runs since the start are known.
    has_history: bool,
    /// Why older runs are missing although a history is configured.
    history_problem: Option<String>,
    /// The runs and missed due times, the latest first.
    runs: Vec<RunEntry>,
}

/// A run of a workload, or a due time that got none.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct RunEntry {
    /// Its state.
    state: RunStateLabel,
    /// The due time. Null for a manual run, and for one that no schedule started.
    due: Option<Time>,
    /// When it started.
    start: Option<Time>,
    /// When it ended.
    end: Option<Time>,
    /// From the start to the end, or until now if it is active, in seconds.
    duration_seconds: Option<i64>,
    /// Why it failed.
    failure_reason: Option<FailureReasonLabel>,
    /// Why its pods failed: of a failed run its cause, of another one why its last retry was necessary. Null without `pods.enabled`.
    cause: Option<FailureCauseLabel>,
    /// The exit code behind the cause.
    exit_code: Option<i32>,
    /// What the pod waits for that has waited longest. Null unless a pod of an active run waits.
    waiting: Option<WaitReasonLabel>,
    /// Why nothing started for the due time, where that is known.
    not_started: Option<NotStartedLabel>,
    /// The name of the Job. Null if it is not known any more.
    job_name: Option<String>,
    /// Whether the Job was created manually from a CronJob.
    manual: bool,
    /// Whether the Job still exists.
    exists: bool,
    /// Pods that failed, including those that were retried. Null if that is not known any more.
    failed_pods: Option<i32>,
}

/// The workload.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
#[allow(dead_code, reason = "it documents what the path has")]
struct PathParameters {
    /// The name of the target, `-` for the unnamed one.
    #[param(min_length = 1)]
    target: String,
    /// The namespace.
    #[param(min_length = 1)]
    namespace: String,
    /// The type, such as `cronjob`.
    #[param(min_length = 1)]
    r#type: String,
    /// The name.
    #[param(min_length = 1)]
    name: String,
}

/// How many runs.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it documents what `runs` reads")]
struct RunParameters {
    /// The maximum number of runs, the latest first.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<usize>,
}

/// One workload with its runs, at most 200, and what comes next.
#[utoipa::path(
    get,
    path = "/workloads/{target}/{namespace}/{type}/{name}",
    tag = "workloads",
    params(PathParameters),
    responses((status = 200, description = "The workload.", body = Success<WorkloadPage>))
)]
pub(super) fn workload(
    data: &dyn PageData,
    path: &WorkloadPath,
    query: Option<&str>,
) -> Result<WorkloadPage, ApiError> {
    Parameters::parse::<NoParameters>(query)?;
    let detail = detail(data, path)?;
    let upcoming = detail.upcoming.iter().copied();
    Ok(WorkloadPage {
        workload: WorkloadEntry::new(&detail.status, detail.now),
        schedule_text: detail.schedule_in_words.clone(),
        upcoming: upcoming.filter_map(Time::new).collect(),
        median_duration_seconds: detail.median_duration,
        p95_duration_seconds: detail.p95_duration,
        runs: RunList::new(&detail, WorkloadDetail::MAX_RUNS),
    })
}

/// The runs of a workload and its missed due times, the latest first.
#[utoipa::path(
    get,
    path = "/workloads/{target}/{namespace}/{type}/{name}/runs",
    tag = "workloads",
    params(PathParameters, RunParameters),
    responses((status = 200, description = "The runs.", body = Success<RunList>))
)]
pub(super) fn runs(
    data: &dyn PageData,
    path: &WorkloadPath,
    query: Option<&str>,
) -> Result<RunList, ApiError> {
    let parameters = Parameters::parse::<RunParameters>(query)?;
    let limit = parameters.number("limit", 1..=WorkloadDetail::MAX_RUNS)?;
    let limit = limit.unwrap_or(WorkloadDetail::MAX_RUNS);
    Ok(RunList::new(&detail(data, path)?, limit))
}

fn detail(data: &dyn PageData, path: &WorkloadPath) -> Result<WorkloadDetail, ApiError> {
    let targets = data.store().targets();
    let target = targets.iter().find(|target| path.is_of(target.name()));
    let target = target.ok_or_else(|| not_found(path))?;
    let snapshot = target.complete_snapshot();
    if !snapshot.workloads.iter().any(|it| it.id == path.id) {
        return Err(not_found(path));
    }
    let past = data.past_runs(target.name(), &path.id);
    WorkloadDetail::new(&snapshot, &path.id, past).ok_or_else(|| not_found(path))
}

impl RunList {
    fn new(detail: &WorkloadDetail, limit: usize) -> Self {
        let runs = detail.runs.iter().take(limit);
        Self {
            has_history: detail.has_history,
            history_problem: detail.history_problem.clone(),
            runs: runs.map(RunEntry::from).collect(),
        }
    }
}

impl From<&WorkloadRun> for RunEntry {
    fn from(run: &WorkloadRun) -> Self {
        Self {
            state: RunStateLabel(run.state),
            due: Time::of(run.due),
            start: Time::of(run.start),
            end: Time::of(run.end),
            duration_seconds: run.duration,
            failure_reason: run.reason.map(FailureReasonLabel),
            cause: run.cause.map(FailureCauseLabel),
            exit_code: run.exit_code,
            waiting: run.waiting.map(WaitReasonLabel),
            not_started: run.not_started.map(NotStartedLabel),
            job_name: run.job_name.as_deref().map(Into::into),
            manual: run.manual,
            exists: run.exists,
            failed_pods: run.failed_pods,
        }
    }
}
