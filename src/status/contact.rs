//! The health of a target, and until when it is known.
//!
//! The rule `job_status:target_shard_contact_timestamp_seconds` computes the same time from metrics.

use jiff::Timestamp;

use crate::{
    model::{Name, Seconds, Shard},
    store::TargetSnapshot,
};

/// A target that is not synced for so long, in seconds, cannot be read in part, such as one namespace of many.
const SYNC_GRACE: Seconds = 600;

/// How much of a target can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every feed works, or none has been tried yet.
    Up,
    /// Some feeds fail.
    Partly,
    /// Every feed fails.
    Down,
}

/// The health of a target, as of its snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    /// Value of the `target` label; `None` for the single unnamed target.
    pub name: Option<Name>,
    /// The shard that reads it, which shows nothing of other shards; `None` without shards.
    pub shard: Option<Shard>,
    /// How much of it can be read.
    pub reach: Reach,
    /// Whether it was read completely at least once.
    pub synced: bool,
    /// Its feeds.
    pub feeds: usize,
    /// Feeds whose last attempt failed.
    pub failing_feeds: usize,
    /// When all its feeds had been read successfully; `None` until each was.
    pub last_success: Option<Timestamp>,
    /// The time as of which its workloads are judged, in seconds since the Unix epoch; `None` if it was never read, so that
    /// nothing that depends on time is known.
    pub as_of: Option<Seconds>,
    /// How old the facts about it are, in seconds: 0 while they are current, `None` if it was never read.
    pub age: Option<Seconds>,
    /// Its workloads.
    pub workloads: usize,
    /// Configured Jobs that do not exist.
    pub missing_jobs: usize,
}

impl TargetHealth {
    /// The health of the target of a snapshot.
    #[must_use]
    pub fn new(target: &TargetSnapshot) -> Self {
        let status = &target.status;
        let reach = match status.failing_feeds {
            0 => Reach::Up,
            failing if failing < status.feeds => Reach::Partly,
            _ => Reach::Down,
        };
        let as_of = as_of(target, reach);
        let missing = target.configured.iter();
        Self {
            name: target.target.clone(),
            shard: target.shard.as_ref().map(|shard| shard.shard),
            reach,
            synced: status.synced,
            feeds: status.feeds,
            failing_feeds: status.failing_feeds,
            last_success: status.last_success,
            as_of,
            age: as_of.map(|as_of| (target.date.as_second() - as_of).max(0)),
            workloads: target.workloads.iter().count(),
            missing_jobs: missing.filter(|job| job.exists == Some(false)).count(),
        }
    }
}

/// Until when runs and deadlines are judged: now or, while the target cannot be read, when it was last read.
fn as_of(target: &TargetSnapshot, reach: Reach) -> Option<Seconds> {
    let now = target.date.as_second();
    let known_for = now - target.known_since.as_second();
    let is_read = target.status.synced || known_for >= SYNC_GRACE;
    let any_works = reach != Reach::Down && target.status.feeds > 0;
    if any_works && is_read {
        return Some(now);
    }
    target.status.last_success.map(Timestamp::as_second)
}
