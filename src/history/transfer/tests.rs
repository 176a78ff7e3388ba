//! Exports and imports of files.

use std::{
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    super::{
        rows::{Bounds, RunRow, TargetRow, WorkloadRow},
        tests::{run, settings, workload},
    },
    line::Line,
    *,
};
use crate::model::{Seconds, Totals, WorkloadState};

/// A directory with the file of a history, which keeps everything.
struct Place {
    directory: TempDir,
    runs_per_workload: u32,
    buckets: Vec<f64>,
}

/// The lines of an export of one target.
struct Lines {
    since: Seconds,
    text: String,
    counts: Counts,
    bounds: Bounds,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let buckets = settings(Path::new("")).run_duration_buckets.to_vec();
        Self {
            directory,
            runs_per_workload: 50,
            buckets,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("history.redb")
    }

    fn settings(&self) -> HistorySettings {
        HistorySettings {
            runs_per_workload: self.runs_per_workload,
            // The tests do not depend on the date.
            max_age: Duration::MAX,
            run_duration_buckets: self.buckets.clone().into(),
            ..settings(&self.path())
        }
    }

    /// What is new.
    fn import(&self, lines: &str) -> (Counts, Result<(), String>) {
        let mut last = Imported::default();
        let mut input = lines.as_bytes();
        let outcome = import(&self.settings(), &mut input, &mut |it| last = it);
        (last.new, outcome.map_err(|error| error.to_string()))
    }

    fn imported(&self, lines: &str) -> Counts {
        let (new, outcome) = self.import(lines);
        assert_eq!(outcome, Ok(()));
        new
    }

    fn export(&self) -> String {
        let mut lines = Vec::new();
        export(&self.settings(), &mut lines, &mut |_| {}).unwrap();
        String::from_utf8(lines).unwrap()
    }

    /// Successes, runs in the histogram, and runs of each workload.
    fn totals(&self) -> Vec<(u64, u64, usize)> {
        let mut totals = Vec::new();
        for line in self.export().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            if let Some(state) = line["workload"].get("totals") {
                let buckets = state["success_durations"]["buckets"].as_array().unwrap();
                let observed = buckets.iter().map(|count| count.as_u64().unwrap());
                totals.push((state["succeeded"].as_u64().unwrap(), observed.sum(), 0));
            } else if line.get("run").is_some() {
                totals.last_mut().unwrap().2 += 1;
            }
        }
        totals
    }
}

impl Lines {
    fn new(since: Seconds, seen: Seconds) -> Self {
        let bounds = settings(Path::new("")).bounds();
        let text = Line::header(&bounds).unwrap() + "\n";
        let mut lines = Self {
            since,
            text,
            counts: Counts::default(),
            bounds,
        };
        lines.add(&Line::target("prod", TargetRow { since, seen }).unwrap());
        lines.counts.targets += 1;
        lines
    }

    fn add(&mut self, line: &str) {
        self.text += line;
        self.text.push('\n');
    }

    /// A workload that has counted these runs, of which it has only the last ones.
    fn workload(mut self, name: &str, counted: Range<u32>, kept: usize) -> Self {
        let mut totals = Totals::new(self.since * 1000);
        for number in counted.clone() {
            totals.add_run(&run(number), true, &self.bounds.run_duration);
        }
        let state = WorkloadState::from(totals);
        let row = WorkloadRow::new(&state, &[]);
        let id = workload(name);
        self.add(&Line::workload("prod", &id, None, &row).unwrap());
        self.counts.workloads += 1;
        for number in counted
            .rev()
            .take(kept)
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
        {
            let run = run(number);
            let uid = format!("{}-{name}", run.uid);
            let row = RunRow::new(&run, true);
            self.add(&Line::run("prod", &id, &uid, &row).unwrap());
            self.counts.runs += 1;
        }
        self
    }

    fn end(mut self) -> String {
        self.add(&Line::end(self.counts).unwrap());
        self.text
    }
}

fn counts(targets: u64, workloads: u64, runs: u64) -> Counts {
    Counts {
        targets,
        workloads,
        runs,
    }
}

#[test]
fn an_export_has_the_lines_of_an_import() {
    let place = Place::new();
    let lines = Lines::new(10, 20)
        .workload("a", 0..3, 3)
        .workload("b", 0..0, 0)
        .workload("c", 0..60, 60)
        .end();
    assert_eq!(place.imported(&lines), counts(1, 3, 63));
    assert_eq!(place.export(), lines);
    assert_eq!(place.imported(&lines), counts(0, 0, 0));
    assert_eq!(place.export(), lines);
}

#[test]
fn many_workloads_are_imported_in_several_transactions() {
    let place = Place::new();
    let mut lines = Lines::new(10, 20);
    for number in 0..500 {
        lines = lines.workload(&format!("w{number:03}"), 0..10, 10);
    }
    let lines = lines.end();
    assert_eq!(place.imported(&lines), counts(1, 500, 5_000));
    assert_eq!(place.export(), lines);
    assert_eq!(place.imported(&lines), counts(0, 0, 0));
}

#[test]
fn runs_that_both_know_are_counted_once() {
    let place = Place::new();
    let first = Lines::new(10, 20).workload("a", 0..6, 6).end();
    let second = Lines::new(10, 30).workload("a", 3..9, 6).end();
    assert_eq!(place.imported(&first), counts(1, 1, 6));
    for new in [counts(0, 0, 3), counts(0, 0, 0)] {
        assert_eq!(place.imported(&second), new);
        assert_eq!(place.totals(), [(9, 9, 9)]);
    }
    assert_eq!(place.imported(&first), counts(0, 0, 0));
    assert_eq!(place.totals(), [(9, 9, 9)]);
}

#[test]
fn an_older_export_does_not_count_what_was_counted_and_deleted() {
    let place = Place {
        runs_per_workload: 5,
        ..Place::new()
    };
    // The history has counted all of these, and has deleted the first ones.
    place.imported(&Lines::new(10, 30).workload("a", 0..12, 5).end());
    let older = Lines::new(10, 20).workload("a", 0..8, 8).end();
    assert_eq!(place.imported(&older), counts(0, 0, 0));
    assert_eq!(place.totals(), [(12, 12, 5)]);
    // More than the rows was counted.
    place.imported(&Lines::new(10, 40).workload("a", 0..100, 5).end());
    assert_eq!(place.totals(), [(100, 100, 10)]);
}

#[test]
fn histories_that_follow_each_other_are_added() {
    let place = Place::new();
    let earlier = Lines::new(10, 20).workload("a", 0..100, 5).end();
    let later = Lines::new(21, 30).workload("a", 100..107, 7).end();
    assert_eq!(place.imported(&later), counts(1, 1, 7));
    for new in [counts(0, 0, 5), counts(0, 0, 0)] {
        assert_eq!(place.imported(&earlier), new);
        assert_eq!(place.totals(), [(107, 107, 12)]);
    }
}

#[test]
fn histograms_of_other_buckets_restart() {
    let place = Place {
        buckets: vec![1.0, 2.0, 3.0],
        ..Place::new()
    };
    place.imported(&Lines::new(10, 20).workload("a", 0..6, 6).end());
    assert_eq!(place.totals(), [(6, 0, 6)]);
}

#[test]
fn an_invalid_line_ends_the_import_and_it_can_be_repeated() {
    let lines = Lines::new(10, 20)
        .workload("a", 0..3, 3)
        .workload("b", 0..3, 3)
        .end();
    let all: Vec<_> = lines.lines().collect();
    assert_eq!(all.len(), 11);
    let without_end = all[..10].join("\n");
    let half = lines.len() - 60;
    let cases = [
        // Lines, the problem, and the workloads before it.
        (String::new(), "line 1 is missing: there is no export", 0),
        ("\n\n".to_owned(), "line 3 is missing", 0),
        (
            "{}".to_owned(),
            "line 1 is not the first line of an export",
            0,
        ),
        (
            lines.replace("\"format\":1", "\"format\":7"),
            "line 1 has format 7",
            0,
        ),
        (
            all[0].to_owned(),
            "line 2 is missing: the export is not complete",
            0,
        ),
        (
            without_end.clone(),
            "line 11 is missing: the export is not complete",
            1,
        ),
        (lines[..half].to_owned(), "line 10 EOF while parsing", 1),
        (
            format!("{without_end}\n{{\"pod\":1}}"),
            "line 11 unknown variant `pod`",
            1,
        ),
        (
            format!("{lines}{}", all[1]),
            "line 12 follows the line `end`",
            2,
        ),
        (
            lines.replace("\"runs\":6", "\"runs\":7"),
            "line 11 says that the export has 1 target, 2 workloads, 7 runs, but it has 1 target, 2 workloads, 6 runs",
            1,
        ),
        (
            format!("{}\n{}", all[0], all[2]),
            "line 2 has no target before it",
            0,
        ),
        (
            without_end.replace(
                "\"run\":{\"target\":\"prod\"",
                "\"run\":{\"target\":\"test\"",
            ),
            "line 4 is of target `test`, but follows target `prod`",
            0,
        ),
        (
            format!("{}\n{}", all[0], "x".repeat(2 << 20)),
            "line 2 has more than 1048576 bytes",
            0,
        ),
    ];
    for (broken, expected, workloads) in cases {
        let place = Place::new();
        let (new, outcome) = place.import(&broken);
        let problem = outcome.unwrap_err();
        assert!(problem.starts_with(expected), "{problem}");
        assert_eq!(new.workloads, workloads, "{problem}");
        place.imported(&lines);
        assert_eq!(place.export(), lines, "{problem}");
    }
    let place = Place::new();
    let mut input: &[u8] = b"{\"format\":1,\xff";
    let outcome = import(&place.settings(), &mut input, &mut |_| {});
    assert_eq!(outcome.unwrap_err().to_string(), "line 1 is not UTF-8");
}

#[test]
fn an_invalid_file_is_neither_exported_nor_replaced() {
    let place = Place::new();
    let missing = export(&place.settings(), &mut Vec::new(), &mut |_| {}).unwrap_err();
    assert!(missing.is_configuration(), "{missing}");
    std::fs::write(place.path(), "not a history").unwrap();
    let outcome = export(&place.settings(), &mut Vec::new(), &mut |_| {});
    assert!(matches!(outcome, Err(TransferError::Storage { .. })));
    let (_, outcome) = place.import("");
    let problem = outcome.unwrap_err();
    assert!(
        problem.starts_with("import into the history in "),
        "{problem}"
    );
    let content = std::fs::read_to_string(place.path()).unwrap();
    assert_eq!(content, "not a history");
}
