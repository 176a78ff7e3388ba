//! The tables of the file. Keys are tuples, so the rows of a target and of a workload are adjacent, and runs are in their order.

use redb::TableDefinition;

use crate::model::{Seconds, WorkloadId};

/// The format of the file.
pub(in crate::history) const META: TableDefinition<'_, &str, &str> = TableDefinition::new("meta");

/// Key in [`META`]: the [`FORMAT`] of the file.
pub(in crate::history) const FORMAT_KEY: &str = "format";

/// Key in [`META`]: the [`Bounds`](super::super::rows::Bounds) of all histograms.
pub(in crate::history) const BOUNDS_KEY: &str = "bounds";

/// The version of the format. [`migrate`](super::migrate) converts older ones. A file with another version is renamed and
/// replaced by a new one.
pub(in crate::history) const FORMAT: u32 = 2;

/// A [`TargetRow`](super::super::rows::TargetRow) by the name of the target; the name of the unnamed target is empty.
pub(in crate::history) const TARGETS: TableDefinition<'_, &str, &str> =
    TableDefinition::new("targets");

/// A [`WorkloadRow`](super::super::rows::WorkloadRow) by [`WorkloadKey`].
pub(in crate::history) const WORKLOADS: TableDefinition<'_, WorkloadKey<'_>, &str> =
    TableDefinition::new("workloads");

/// A [`RunRow`](super::super::rows::RunRow) by [`RunKey`].
pub(in crate::history) const RUNS: TableDefinition<'_, RunKey<'_>, &str> =
    TableDefinition::new("runs");

/// Target, namespace, kind, name.
pub(in crate::history) type WorkloadKey<'a> = (&'a str, &'a str, &'a str, &'a str);

/// Target, namespace, kind, name, (due time, start, creation), uid.
pub(in crate::history) type RunKey<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    (Seconds, Seconds, Seconds),
    &'a str,
);

pub(in crate::history) fn workload_key<'a>(target: &'a str, id: &'a WorkloadId) -> WorkloadKey<'a> {
    (target, &id.namespace, &id.kind, &id.name)
}

/// The workload of a key.
pub(in crate::history) fn workload_id((_, namespace, kind, name): WorkloadKey<'_>) -> WorkloadId {
    WorkloadId {
        namespace: namespace.into(),
        kind: kind.into(),
        name: name.into(),
    }
}

/// The next name in the order of keys: the rows of a target or a workload end where the rows of the next name start.
pub(in crate::history) fn next_name(name: &str) -> String {
    format!("{name}\0")
}

/// The lower bound of a target's workload keys.
pub(in crate::history) fn first_workload(target: &str) -> WorkloadKey<'_> {
    (target, "", "", "")
}

/// The lower bound of a target's run keys.
pub(in crate::history) fn first_run(target: &str) -> RunKey<'_> {
    first_run_of(first_workload(target))
}

/// The lower bound of a workload's run keys.
pub(in crate::history) fn first_run_of(
    (target, namespace, kind, name): WorkloadKey<'_>,
) -> RunKey<'_> {
    let order = (Seconds::MIN, Seconds::MIN, Seconds::MIN);
    (target, namespace, kind, name, order, "")
}
