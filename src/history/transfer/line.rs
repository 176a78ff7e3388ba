//! The lines of an export: JSON, described in `docs/history.md`. What a workload and a run have is the same as in the rows of the
//! storage.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    super::rows::{Bounds, RunRow, TargetRow, WorkloadRow},
    Counts,
};
use crate::model::{
    Histogram, NativeBuckets, NativeTotals, Run, ScheduleState, Seconds, Totals, Uid, WorkloadId,
};

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// The most bytes of a name, so that all names of a run fit into an index of PostgreSQL. Those of Kubernetes have up to 253.
const MAX_NAME: usize = 500;

/// Times are from 1970 to 9999, so that differences cannot overflow.
const MAX_TIME: Seconds = 253_402_300_799;

/// Counts below this can be added without an overflow.
const MAX_COUNT: u64 = 1 << 48;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    /// The version of the format.
    pub(super) format: u32,
    /// Those of all histograms, unless a workload has others.
    pub(super) bounds: Bounds,
}

/// What every first line has, whatever its version.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// Any line but the first one. The content is read by its kind.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Tagged<T> {
    Target(T),
    Workload(T),
    Run(T),
    End(T),
}

#[derive(Deserialize)]
struct TargetName {
    name: String,
}

/// The names of a workload and its bounds.
#[derive(Deserialize)]
struct WorkloadName {
    target: String,
    namespace: String,
    kind: String,
    name: String,
    #[serde(default)]
    bounds: Option<Bounds>,
}

#[derive(Deserialize)]
struct RunUid {
    uid: String,
}

#[derive(Serialize)]
struct TargetFields<'a> {
    name: &'a str,
    #[serde(flatten)]
    row: TargetRow,
}

#[derive(Serialize)]
struct WorkloadFields<'a> {
    target: &'a str,
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<&'a Bounds>,
    #[serde(flatten)]
    row: &'a WorkloadRow<'a>,
}

#[derive(Serialize)]
struct RunFields<'a> {
    target: &'a str,
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    uid: &'a str,
    #[serde(flatten)]
    row: &'a RunRow<'a>,
}

/// A line after the first one.
#[derive(Debug)]
pub(super) enum Line {
    /// A target. What follows is of it.
    Target(String, TargetRow),
    /// A workload of a target, with the bounds of its histograms if they are not those of the first line.
    Workload(
        String,
        WorkloadId,
        Option<Bounds>,
        Box<WorkloadRow<'static>>,
    ),
    /// A run of a workload of a target, with whether counters include it.
    Run(String, WorkloadId, Box<Run>, bool),
    /// The last line: how many of each came before.
    End(Counts),
}

// === impl Header ===

impl Header {
    /// Reads the first line.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let Ok(Version { format }) = serde_json::from_str(text) else {
            return Err("is not the first line of an export".to_owned());
        };
        if format != FORMAT {
            return Err(format!(
                "has format {format}, and this version of the exporter knows format {FORMAT}"
            ));
        }
        read(text)
    }
}

// === impl Line ===

impl Line {
    /// Reads a line. The error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(match read::<Tagged<&RawValue>>(text)? {
            Tagged::Target(text) => {
                let TargetName { name } = read(text.get())?;
                let row: TargetRow = read(text.get())?;
                check_name("name", &name)?;
                check_times(&[Some(row.since), Some(row.seen)])?;
                Self::Target(name, row)
            }
            Tagged::Workload(text) => {
                let (target, id, bounds) = read::<WorkloadName>(text.get())?.checked()?;
                let row: WorkloadRow<'static> = read(text.get())?;
                check_times(&[row.left])?;
                check_totals(&row.totals)?;
                if row.unlisted.is_some_and(|runs| runs.most() > MAX_COUNT) {
                    return Err("a count of `unlisted` is too large".to_owned());
                }
                if let Some(schedule) = &row.schedule {
                    check_schedule(schedule)?;
                }
                let left = row.left;
                // As the storage does, so that it is the same after a round trip.
                let departure = left.map(|_| row.departure.unwrap_or_default());
                let row = WorkloadRow { departure, ..row };
                Self::Workload(target, id, bounds, Box::new(row))
            }
            Tagged::Run(text) => {
                let (target, id, _) = read::<WorkloadName>(text.get())?.checked()?;
                let RunUid { uid } = read(text.get())?;
                let row: RunRow<'static> = read(text.get())?;
                check_name("uid", &uid)?;
                check_name("job", &row.job)?;
                check_times(&[row.due, row.created, row.start, row.end])?;
                let counted = row.counted;
                let run = Box::new(row.into_run(Uid::parse(&uid)));
                Self::Run(target, id, run, counted)
            }
            Tagged::End(text) => Self::End(read(text.get())?),
        })
    }

    pub(super) fn header(bounds: &Bounds) -> serde_json::Result<String> {
        serde_json::to_string(&Header {
            format: FORMAT,
            bounds: bounds.clone(),
        })
    }

    pub(super) fn target(name: &str, row: TargetRow) -> serde_json::Result<String> {
        serde_json::to_string(&Tagged::Target(TargetFields { name, row }))
    }

    pub(super) fn workload(
        target: &str,
        id: &WorkloadId,
        bounds: Option<&Bounds>,
        row: &WorkloadRow<'_>,
    ) -> serde_json::Result<String> {
        let departure = row.left.map(|_| row.departure.unwrap_or_default());
        let row = WorkloadRow {
            departure,
            ..row.clone()
        };
        serde_json::to_string(&Tagged::Workload(WorkloadFields {
            target,
            namespace: &id.namespace,
            kind: &id.kind,
            name: &id.name,
            bounds,
            row: &row,
        }))
    }

    pub(super) fn run(
        target: &str,
        id: &WorkloadId,
        uid: &str,
        row: &RunRow<'_>,
    ) -> serde_json::Result<String> {
        serde_json::to_string(&Tagged::Run(RunFields {
            target,
            namespace: &id.namespace,
            kind: &id.kind,
            name: &id.name,
            uid,
            row,
        }))
    }

    pub(super) fn end(counts: Counts) -> serde_json::Result<String> {
        serde_json::to_string(&Tagged::End(counts))
    }
}

impl WorkloadName {
    /// The target, the workload and its bounds.
    fn checked(self) -> Result<(String, WorkloadId, Option<Bounds>), String> {
        check_name("target", &self.target)?;
        check_name("namespace", &self.namespace)?;
        check_name("kind", &self.kind)?;
        check_name("name", &self.name)?;
        let id = WorkloadId {
            namespace: self.namespace.into(),
            kind: self.kind.into(),
            name: self.name.into(),
        };
        Ok((self.target, id, self.bounds))
    }
}

/// Decodes JSON. The error does not say the position in the text, which may be part of a line.
fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        match message.rsplit_once(" at line ") {
            Some((message, _)) => message.to_owned(),
            None => message,
        }
    })
}

fn check_name(field: &str, name: &str) -> Result<(), String> {
    if name.len() > MAX_NAME {
        Err(format!("`{field}` has more than {MAX_NAME} bytes"))
    } else if name.contains(char::is_control) {
        Err(format!("`{field}` has a control character"))
    } else {
        Ok(())
    }
}

fn check_times(times: &[Option<Seconds>]) -> Result<(), String> {
    let is_valid = |time: &Seconds| (0..=MAX_TIME).contains(time);
    match times.iter().flatten().find(|time| !is_valid(time)) {
        Some(time) => Err(format!("the time {time} is not between 1970 and 9999")),
        None => Ok(()),
    }
}

fn check_totals(totals: &Totals) -> Result<(), String> {
    let histograms = [
        &totals.success_durations,
        &totals.failure_durations,
        &totals.start_delays,
    ];
    let buckets = histograms.iter().flat_map(|it: &&Histogram| &it.buckets);
    let streaks = [
        &totals.consecutive_failures,
        &totals.consecutive_unsuccessful,
    ];
    let [failures, unsuccessful] = streaks.map(|streak| streak.count);
    let counts = [
        totals.succeeded,
        totals.failed,
        totals.deleted,
        failures,
        unsuccessful,
    ];
    let mut counts = counts
        .into_iter()
        .chain(totals.pod_failures.values().copied())
        .chain(buckets.copied())
        .chain(
            totals
                .native
                .iter()
                .flat_map(|native| native_counts(native)),
        );
    if counts.any(|count| count > MAX_COUNT) {
        return Err("a count of `totals` is too large".to_owned());
    }
    if !streaks.iter().all(|streak| streak.is_consistent()) {
        return Err("a count of `totals` is less than the runs that it counts".to_owned());
    }
    let last = totals.last.as_ref().map(|last| (last.start, last.end));
    let (start, end) = last.unwrap_or_default();
    check_times(&[
        start,
        end,
        totals.last_success,
        totals.last_failure,
        totals.created,
        totals.last_started,
    ])
}

fn native_counts(native: &NativeTotals) -> impl Iterator<Item = u64> {
    let all = [
        &native.success_durations,
        &native.failure_durations,
        &native.start_delays,
    ];
    all.into_iter().flat_map(|buckets: &NativeBuckets| {
        let positive = buckets.positive().iter().map(|(_, count)| *count);
        positive.chain([buckets.zeros()])
    })
}

fn check_schedule(schedule: &ScheduleState) -> Result<(), String> {
    if schedule.missed.max(schedule.overdue.count) > MAX_COUNT {
        return Err("a count of `schedule` is too large".to_owned());
    }
    let overdue = &schedule.overdue;
    check_times(&[
        schedule.suspended_since,
        schedule.resumed,
        schedule.rescheduled,
        schedule.unblocked,
        schedule.missed_until,
        schedule.overdue_before,
        overdue.first,
        Some(overdue.since),
        Some(overdue.after),
        Some(overdue.last),
    ])
}

/// The text of a line that can be read, written again; `None` if it cannot be read.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::history) fn rewrite(text: &str) -> Option<String> {
    let line = match Line::parse(text).ok()? {
        Line::Target(name, row) => Line::target(&name, row),
        Line::Workload(target, id, bounds, row) => {
            Line::workload(&target, &id, bounds.as_ref(), &row)
        }
        Line::Run(target, id, run, counted) => {
            let uid = run.uid.to_string();
            Line::run(&target, &id, &uid, &RunRow::new(&run, counted))
        }
        Line::End(counts) => Line::end(counts),
    };
    line.ok()
}

#[cfg(test)]
mod tests;
