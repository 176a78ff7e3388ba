//! The `job_status_exporter_history_*` families: whether the history is written, and how large it is.
//!
//! They are about the process, not about a target, and there only if a history is configured.

use bytes::BytesMut;

use super::{
    Format,
    family::{Family, Identity, Row, Table, View},
    writer,
};
use crate::{history::StatusSnapshot, store::TargetSnapshot};

impl Table for StatusSnapshot {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[];

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "job_status_exporter_history_up",
            &[],
            "Whether the history file can be written: 1 or 0. While it cannot, what it should \
             have is kept in memory.",
            |history, out| out.value(history.up),
        ),
        Row::counter(
            "job_status_exporter_history_errors_total",
            &[],
            "Attempts to write the history file, or to open it again, that failed.",
            |history, out| out.value(history.errors),
        ),
        Row::gauge(
            "job_status_exporter_history_last_write_timestamp_seconds",
            &[],
            "When the history file was last written; it is every few minutes, if only to say so.",
            |history, out| out.value(history.last_write),
        ),
        Row::gauge(
            "job_status_exporter_history_file_size_bytes",
            &[],
            "Size of the history file.",
            |history, out| out.value(history.file_size),
        ),
        Row::gauge(
            "job_status_exporter_history_runs",
            &[],
            "Runs in the history file.",
            |history, out| out.value(history.runs),
        ),
        Row::gauge(
            "job_status_exporter_history_waiting_runs",
            &[],
            "Finished runs that are not in the history file yet.",
            |history, out| out.value(history.waiting),
        ),
        Row::counter(
            "job_status_exporter_history_dropped_runs_total",
            &[],
            "Runs that were left out because too many were waiting and their Jobs were gone. They \
             are in the totals of their workloads.",
            |history, out| out.value(history.dropped),
        ),
    ];

    /// It is of no target.
    fn blocks(_: &TargetSnapshot) -> usize {
        0
    }

    fn block(_: &TargetSnapshot, _: usize) -> impl Iterator<Item = &Self> {
        std::iter::empty()
    }
}

/// The names of all families.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    StatusSnapshot::ROWS.iter().map(Family::name)
}

/// Writes the families that are shown.
pub(super) fn render(
    history: &StatusSnapshot,
    format: Format,
    shows: impl Fn(&str) -> bool,
    page: &mut BytesMut,
) {
    for row in StatusSnapshot::ROWS.iter().filter(|row| shows(row.name())) {
        let lines = lines(row, history, format);
        if !lines.is_empty() {
            writer::header(format, row.name(), row.kind(), row.help(), page);
            page.extend_from_slice(&lines);
        }
    }
}

/// The samples of one family.
pub(super) fn lines(
    row: &Row<StatusSnapshot>,
    history: &StatusSnapshot,
    format: Format,
) -> BytesMut {
    // They have neither dates nor labels.
    let view = View {
        format,
        ..View::PLAIN
    };
    let mut page = BytesMut::new();
    row.render_all(view, None, std::iter::once(history), &mut page);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::example;

    #[test]
    fn what_was_not_written_yet_has_no_time() {
        let mut page = BytesMut::new();
        let history = StatusSnapshot {
            last_write: None,
            ..example::history()
        };
        render(&history, Format::OpenMetrics, |_| true, &mut page);
        let text = String::from_utf8(page.to_vec()).unwrap();
        assert!(
            text.contains("# TYPE job_status_exporter_history_errors counter\n"),
            "{text}"
        );
        assert!(
            text.contains("\njob_status_exporter_history_errors_total 1\n"),
            "{text}"
        );
        assert!(
            text.contains("\njob_status_exporter_history_up 1\n"),
            "{text}"
        );
        assert!(!text.contains("last_write"), "{text}");
    }
}
