//! `targets`: the health of the targets.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    answer::{ApiError, Success},
    parameters::{NoParameters, Parameters},
    value::Time,
};
use crate::{
    server::data::PageData,
    status::{Reach, TargetHealth, phrases},
};

/// The targets.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TargetList {
    /// The targets, in the order of the configuration.
    targets: Vec<TargetEntry>,
}

/// The health of a target.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct TargetEntry {
    /// The name of the target. Null for the unnamed one.
    target: Option<String>,
    /// How much of it can be read.
    reach: TargetReach,
    /// The same in words, with the age of the facts.
    text: String,
    /// Whether it was read completely at least once.
    synced: bool,
    /// Feeds of the target, each watched or polled on its own.
    feeds: usize,
    /// Feeds whose last attempt failed.
    failing_feeds: usize,
    /// When all its feeds had been read successfully. Null until each was.
    last_success: Option<Time>,
    /// The time as of which its workloads are judged. Null if it was never read.
    as_of: Option<Time>,
    /// How old the facts about it are, in seconds: 0 while they are current. Null if it was never read.
    age_seconds: Option<i64>,
    /// Its workloads.
    workloads: usize,
    /// Configured Jobs that do not exist.
    missing_jobs: usize,
}

/// How much of a target can be read: everything, a part, or nothing.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TargetReach {
    Up,
    Partly,
    Down,
}

/// The targets: whether they can be read, and how old the facts about them are.
#[utoipa::path(
    get,
    path = "/targets",
    tag = "exporter",
    responses((status = 200, description = "All targets.", body = Success<TargetList>))
)]
pub(super) fn targets(data: &dyn PageData, query: Option<&str>) -> Result<TargetList, ApiError> {
    Parameters::parse::<NoParameters>(query)?;
    let snapshots = data.store().complete_snapshot();
    let targets = snapshots.iter().map(TargetHealth::new);
    Ok(TargetList {
        targets: targets.map(|health| TargetEntry::from(&health)).collect(),
    })
}

impl From<&TargetHealth> for TargetEntry {
    fn from(health: &TargetHealth) -> Self {
        Self {
            target: health.name.as_deref().map(Into::into),
            reach: match health.reach {
                Reach::Up => TargetReach::Up,
                Reach::Partly => TargetReach::Partly,
                Reach::Down => TargetReach::Down,
            },
            text: phrases::health(health),
            synced: health.synced,
            feeds: health.feeds,
            failing_feeds: health.failing_feeds,
            last_success: Time::of(health.last_success.map(Timestamp::as_second)),
            as_of: Time::of(health.as_of),
            age_seconds: health.age,
            workloads: health.workloads,
            missing_jobs: health.missing_jobs,
        }
    }
}
