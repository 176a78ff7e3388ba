//! Converts files of older formats.

use redb::{ReadableTable as _, TableHandle as _, WriteTransaction};
use serde_json::{Value, json};

use super::{
    super::rows::{decode, encode},
    FileError,
    tables::{FORMAT, WORKLOADS, workload_id, workload_key},
};

/// Converts what a file of this format has.
pub(super) fn from_format(transaction: &WriteTransaction, format: u32) -> Result<(), FileError> {
    match format {
        FORMAT => Ok(()),
        1 => from_format_1(transaction),
        other => Err(FileError::Foreign(format!(
            "file format {other} is not supported, this version supports format {FORMAT}"
        ))),
    }
}

/// Converts the workloads of format 1: its totals had the reason of the last failure instead of that of the last run, and no
/// runs without success other than failed ones.
fn from_format_1(transaction: &WriteTransaction) -> Result<(), FileError> {
    let mut workloads = transaction.open_table(WORKLOADS)?;
    let mut rows = Vec::new();
    for row in workloads.iter()? {
        let (key, value) = row?;
        let key = key.value();
        let mut row: Value = decode(WORKLOADS.name(), value.value())?;
        convert_totals(&mut row["totals"]);
        let row = encode(WORKLOADS.name(), &row)?;
        rows.push((key.0.to_owned(), workload_id(key), row));
    }
    for (target, id, row) in rows {
        workloads.insert(workload_key(&target, &id), row.as_str())?;
    }
    Ok(())
}

fn convert_totals(totals: &mut Value) {
    let last_failure = totals["last_failure"].take();
    let (failed_at, reason) = (&last_failure[0], &last_failure[1]);
    if totals["last"]["succeeded"] == json!(false) {
        let same_run = totals["last"]["end"] == *failed_at;
        totals["last"]["reason"] = if same_run {
            reason.clone()
        } else {
            json!("Other")
        };
    }
    let mut streak = totals["streak"].take();
    streak["count"] = streak["failures"].take();
    totals["last_failure"] = failed_at.clone();
    totals["failures"] = streak.clone();
    totals["unsuccessful"] = streak;
}
