//! `workloads`: all workloads, filtered and sorted, page by page.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    answer::{ApiError, Success},
    paging::Paging,
    parameters::Parameters,
    value::{ColumnLabel, StateLabel},
    workload::WorkloadEntry,
};
use crate::{
    model::Seconds,
    server::data::PageData,
    status::{Column, OverallState, Overview, PAGE, Query, Summary},
};

/// One page of workloads, and the counts of all.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct WorkloadList {
    /// The counts of all workloads, whatever the filters.
    summary: WorkloadCounts,
    /// Which page this is.
    paging: Paging,
    /// The workloads of the page.
    workloads: Vec<WorkloadEntry>,
}

/// How many workloads are in each state, and how the targets are.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkloadCounts {
    /// Number of workloads.
    workloads: usize,
    /// Number of workloads in a state that an alert is about.
    problems: usize,
    /// Number of workloads in each state.
    states: BTreeMap<&'static str, usize>,
    /// Targets of which nothing can be read.
    targets_down: usize,
    /// Targets that can be read in part.
    targets_partly_down: usize,
    /// Targets that were not read completely yet.
    targets_not_synced: usize,
    /// Configured Jobs that do not exist.
    missing_jobs: usize,
}

/// Whether the lowest value comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
enum SortOrder {
    Asc,
    Desc,
}

/// Filters, order and page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "it documents what `query` reads")]
struct WorkloadParameters {
    /// The name of the target, `-` for the unnamed one.
    #[param(min_length = 1)]
    target: Option<String>,
    /// The namespace.
    #[param(min_length = 1)]
    namespace: Option<String>,
    /// The state, any number of times.
    #[param(inline)]
    state: Option<Vec<StateLabel>>,
    /// Words that all have to occur in the name, namespace, type, target, severity or label values, in any case.
    q: Option<String>,
    /// The column to sort by, `state` by default. Workloads without a value come last.
    #[param(inline)]
    sort: Option<ColumnLabel>,
    /// The order, `asc` by default. Of states, `asc` has the worst first.
    #[param(inline)]
    order: Option<SortOrder>,
    /// The page, from 1.
    #[param(minimum = 1, maximum = 1_000_000, default = 1)]
    page: Option<usize>,
}

/// Workloads, the worst first unless asked otherwise, 100 per page.
#[utoipa::path(
    get,
    path = "/workloads",
    tag = "workloads",
    params(WorkloadParameters),
    responses((status = 200, description = "A page of workloads.", body = Success<WorkloadList>))
)]
pub(super) fn workloads(
    data: &dyn PageData,
    query: Option<&str>,
) -> Result<WorkloadList, ApiError> {
    let query = parse(data, query)?;
    let snapshots = data.store().complete_snapshot();
    let dates = snapshots.iter().map(|target| target.date.as_second());
    let now = dates.max().unwrap_or_default();
    let overview = Overview::new(&snapshots, &query);
    Ok(WorkloadList::new(&overview, query.page, now))
}

fn parse(data: &dyn PageData, query: Option<&str>) -> Result<Query, ApiError> {
    let parameters = Parameters::parse::<WorkloadParameters>(query)?;
    let orders = [SortOrder::Asc, SortOrder::Desc];
    let order = parameters.one_of("order", &orders, SortOrder::as_str)?;
    Ok(Query {
        states: parameters.any_of("state", OverallState::ALL, OverallState::as_str)?,
        text: parameters.text("q")?.unwrap_or_default(),
        sort: parameters
            .one_of("sort", Column::ALL, Column::as_str)?
            .unwrap_or_default(),
        descending: order == Some(SortOrder::Desc),
        page: parameters.page()?,
        namespace: parameters.name("namespace")?,
        target: parameters.target(data)?,
    })
}

impl SortOrder {
    fn as_str(self) -> &'static str {
        match self {
            Self::Asc => "asc",
            Self::Desc => "desc",
        }
    }
}

impl WorkloadList {
    /// A page of an overview; without rows if that shows another page because the one that was asked for is after the last.
    fn new(overview: &Overview, page: usize, now: Seconds) -> Self {
        let paging = Paging::new(page, PAGE, overview.matching);
        let rows = overview.rows.iter().filter(|_| paging.exists());
        Self {
            summary: WorkloadCounts::from(&overview.summary),
            paging,
            workloads: rows.map(|row| WorkloadEntry::new(row, now)).collect(),
        }
    }
}

impl From<&Summary> for WorkloadCounts {
    fn from(summary: &Summary) -> Self {
        let states = OverallState::ALL.iter();
        Self {
            workloads: summary.workloads(),
            problems: summary.problems(),
            states: states
                .map(|state| (state.as_str(), summary.count(*state)))
                .collect(),
            targets_down: summary.targets_down,
            targets_partly_down: summary.targets_partly_down,
            targets_not_synced: summary.targets_not_synced,
            missing_jobs: summary.missing_jobs,
        }
    }
}
