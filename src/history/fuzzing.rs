//! What the fuzz targets need of this stage.

#![allow(
    clippy::unwrap_used,
    reason = "a panic is how a harness reports what it finds"
)]

use serde::{Serialize, de::DeserializeOwned};

use super::{
    file::tables::{META, RUNS, TARGETS, WORKLOADS},
    rows::{Bounds, RunRow, TargetRow, WorkloadRow, decode, encode},
    transfer::line,
};
use crate::model::{
    Journal, JournalEntry, Run, RunExplanation, RunResult, Totals, Uid, WorkloadId,
};
use redb::TableHandle as _;

/// A row that can be decoded is equal after it was written and read again, and shows the same in a new process. So is a line of an
/// export.
pub(crate) fn rows(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    if let Some(line) = line::rewrite(text) {
        assert_eq!(line::rewrite(&line).as_ref(), Some(&line), "{text}");
    }
    round_trip::<TargetRow>(TARGETS.name(), text);
    round_trip::<RunRow<'_>>(RUNS.name(), text);
    round_trip::<Bounds>(META.name(), text);
    if let Some(row) = round_trip::<WorkloadRow<'_>>(WORKLOADS.name(), text) {
        let names = ["team".to_owned(), "app".to_owned()];
        let state = row.into_state(&names);
        assert_eq!(state.labels.as_ref().map(|labels| labels.len()), Some(2));
        let row = encode(WORKLOADS.name(), &WorkloadRow::new(&state, &names)).unwrap();
        let row: WorkloadRow<'_> = decode(WORKLOADS.name(), &row).unwrap();
        assert_eq!(
            format!("{:?}", row.into_state(&names)),
            format!("{state:?}")
        );
    }
}

fn round_trip<T: Serialize + DeserializeOwned>(table: &'static str, text: &str) -> Option<T> {
    let row: T = decode(table, text).ok()?;
    let written = encode(table, &row).unwrap();
    let read: T = decode(table, &written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(encode(table, &read).unwrap(), written);
    Some(read)
}

/// Adds two workloads with some runs each to an empty file.
pub(crate) fn fill(journal: &dyn Journal) {
    for workload in ["daily", "nightly"] {
        let mut totals = Totals::default();
        for number in 0..3_i64 {
            let start = 1_795_000_000 + 60 * number;
            let run = Run {
                uid: Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-{number:012x}")),
                job_name: format!("{workload}-{number}").into(),
                due: Some(start),
                manual: false,
                created: Some(start),
                start: Some(start),
                end: Some(start + 30),
                result: RunResult::Succeeded,
                reason: None,
                succeeded_pods: 1,
                failed_pods: 0,
                explanation: RunExplanation::default(),
                jobs: None,
            };
            totals.add_run(&run, true, &[60.0]);
            journal.append(JournalEntry::RunFinished {
                workload: WorkloadId {
                    namespace: "reports".into(),
                    kind: "cronjob".into(),
                    name: workload.into(),
                },
                run: run.into(),
                counted: true,
                state: totals.clone().into(),
            });
        }
    }
}
