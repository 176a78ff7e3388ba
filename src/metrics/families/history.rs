//! The `job_status_exporter_history_*` families: the state and the size of the history.

use crate::{
    history::StatusSnapshot,
    metrics::table::{Row, Rows, Table},
};

/// The table of the history.
#[derive(Debug)]
pub(in crate::metrics) enum History {}

impl Table for History {
    type Section = StatusSnapshot;
    type Record = StatusSnapshot;

    const TITLE: &'static str = "The history";

    const ABOUT: &'static str = "\
What keeps runs and totals across restarts: a file, or a database ([history.md](history.md)). These families exist only if a
history is configured. They do not have the label `target`.

- While it cannot be written (`job_status_exporter_history_up 0`), changes are kept in memory.
- It is written every few minutes, even without changes.
- Runs are dropped when too many are queued and their Jobs are gone. The totals of their workloads still include them.";

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "job_status_exporter_history_up",
            &[],
            "Whether the history can be written: 1 or 0.",
            |history, out| out.value(history.up),
        ),
        Row::counter(
            "job_status_exporter_history_errors_total",
            &[],
            "Failed attempts to open or write the history.",
            |history, out| out.value(history.errors),
        ),
        Row::gauge(
            "job_status_exporter_history_last_write_timestamp_seconds",
            &[],
            "When this process last wrote the history.",
            |history, out| out.value(history.last_write),
        ),
        Row::gauge(
            "job_status_exporter_history_file_size_bytes",
            &[],
            "Size of the history file, or of its tables.",
            |history, out| out.value(history.file_size),
        ),
        Row::gauge(
            "job_status_exporter_history_runs",
            &[],
            "Runs in the history, also those of other processes that share it.",
            |history, out| out.value(history.runs),
        ),
        Row::gauge(
            "job_status_exporter_history_waiting_runs",
            &[],
            "Finished runs that are not in the history yet.",
            |history, out| out.value(history.waiting),
        ),
        Row::counter(
            "job_status_exporter_history_dropped_runs_total",
            &[],
            "Runs that were dropped and are not in the history.",
            |history, out| out.value(history.dropped),
        ),
    ];

    fn block(section: &StatusSnapshot, _: usize) -> impl Iterator<Item = &StatusSnapshot> {
        std::iter::once(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{example, format::Format, table::testing::section_lines};

    #[test]
    fn the_last_write_is_absent_before_the_first_one() {
        let history = StatusSnapshot {
            last_write: None,
            ..example::history()
        };
        let lines = section_lines::<History>(Format::OpenMetrics, &history);
        for expected in [
            "job_status_exporter_history_up 1",
            "job_status_exporter_history_errors_total 1",
        ] {
            assert!(lines.iter().any(|line| line == expected), "{lines:#?}");
        }
        assert!(!lines.iter().any(|line| line.contains("last_write")));
    }
}
