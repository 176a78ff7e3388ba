//! The output of the command `status` for people.
//!
//! Everything that comes from an API is escaped: it could change the terminal otherwise.

use std::{fmt::Write as _, io};

use super::{ReadTarget, StatusReport, wants_colors};
use crate::{
    model::{FeedError, LastRun, Seconds},
    status::{OverallState, TargetDetail, UNNAMED_TARGET, WorkloadStatus, phrases},
    telemetry::printable,
};

/// The least width of the column of names on a narrow terminal.
const MIN_NAME: usize = 20;

/// The position of that column.
const NAME: usize = 1;

/// The columns that go first on a narrow terminal.
const LESS_IMPORTANT: [&str; 2] = ["TYPE", "DURATION"];

/// Failing feeds that are listed of each target. A target with 1,000 polled Jobs may have as many.
const LISTED_FEEDS: usize = 3;

/// What the output may use.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    pub(super) colors: bool,
    /// Columns of the terminal; `None` if it is none, and lines may have any length.
    pub(super) width: Option<usize>,
}

impl Style {
    /// The style for standard output.
    pub(super) fn of_stdout() -> Self {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
        Self {
            colors: wants_colors(),
            width: size
                .map(|size| usize::from(size.ws_col))
                .filter(|width| *width > 0),
        }
    }
}

/// Targets that cannot be read, the workloads, the worst first, and a summary.
pub(super) fn render(report: &StatusReport, style: Style) -> String {
    let mut lines = Lines {
        text: String::new(),
        style,
    };
    for target in report.targets.iter().filter(|target| !target.complete) {
        lines.unreadable(target);
    }
    lines.workloads(report);
    lines.summary(report);
    lines.text
}

/// A cell of the table.
struct Cell {
    text: String,
    /// Aligned to the right.
    is_number: bool,
}

struct Lines {
    text: String,
    style: Style,
}

impl Lines {
    /// Adds a line, which is cut at the edge of the terminal. `color` is for its first `colored` characters.
    fn line(&mut self, line: &str, color: Option<Color>, colored: usize) {
        let line = match self.style.width {
            Some(width) => cut(line, width),
            None => line.to_owned(),
        };
        let split = line.char_indices().nth(colored);
        let (first, rest) = line.split_at(split.map_or(line.len(), |(index, _)| index));
        // Writing to a string cannot fail.
        let _ = match color.filter(|_| self.style.colors) {
            Some(Color(code)) => writeln!(self.text, "\x1b[{code}m{first}\x1b[0m{rest}"),
            None => writeln!(self.text, "{line}"),
        };
    }

    /// Adds why a target was not read completely.
    fn unreadable(&mut self, target: &ReadTarget<TargetDetail>) {
        let detail = &target.target;
        let name = detail.health.name.as_deref();
        let title = format!("target {}", printable(name.unwrap_or(UNNAMED_TARGET)));
        let health = phrases::health(&detail.health);
        self.line(&format!("{title}: {health}"), Some(RED), title.len());
        let failing = detail.feeds.iter().filter_map(|feed| {
            let failure = feed.failure.as_ref()?;
            Some(&failure.error)
        });
        let mut errors: Vec<&FeedError> = Vec::new();
        for error in failing {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        for FeedError { message, hint } in errors.iter().take(LISTED_FEEDS) {
            self.line(&format!("  {}", printable(message)), None, 0);
            if let Some(hint) = hint {
                self.line(&format!("  hint: {hint}"), None, 0);
            }
        }
        self.text.push('\n');
    }

    fn workloads(&mut self, report: &StatusReport) {
        let rows = &report.overview.rows;
        if rows.is_empty() {
            return;
        }
        let several = report.targets.len() > 1;
        let now = |row: &WorkloadStatus| row.as_of.unwrap_or_default();
        let mut table = vec![heading(several)];
        table.extend(rows.iter().map(|row| cells(row, now(row), several)));
        let widths = self.fit(&mut table);
        for (position, cells) in table.iter().enumerate() {
            let line = join(cells, &widths);
            let row = position.checked_sub(1).and_then(|row| rows.get(row));
            let color = row.and_then(|row| color(row.state));
            self.line(&line, color, widths[0]);
            if let Some(row) = row {
                self.findings(row, now(row));
            }
        }
        self.text.push('\n');
    }

    fn findings(&mut self, row: &WorkloadStatus, now: Seconds) {
        let zone = row.zone();
        for finding in &row.findings {
            let finding = phrases::finding(finding, now, &zone);
            self.line(&format!("  {}", printable(&finding)), None, 0);
        }
    }

    /// The widths of the columns. On a narrow terminal, the least important columns go, and names are cut.
    fn fit(&self, table: &mut [Vec<Cell>]) -> Vec<usize> {
        let columns = table.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let cells = table.iter().filter_map(|cells| cells.get(column));
            cells.map(|cell| length(&cell.text)).max().unwrap_or(0)
        };
        let mut widths: Vec<_> = (0..columns).map(width).collect();
        let Some(most) = self.style.width else {
            return widths;
        };
        let excess = |widths: &[usize]| {
            (widths.iter().sum::<usize>() + 2 * widths.len()).saturating_sub(most + 2)
        };
        for heading in LESS_IMPORTANT {
            let mut headings = table.iter().take(1).flatten();
            let column = headings.position(|cell| cell.text == heading);
            if let Some(column) = column.filter(|_| excess(&widths) > 0) {
                widths.remove(column);
                for cells in table.iter_mut() {
                    cells.remove(column);
                }
            }
        }
        let excess = excess(&widths);
        if let Some(name) = widths.get_mut(NAME) {
            *name = (*name).min(name.saturating_sub(excess).max(MIN_NAME));
        }
        widths
    }

    /// Adds the number of workloads in each state.
    fn summary(&mut self, report: &StatusReport) {
        let rows = &report.overview.rows;
        let count = |state: OverallState| rows.iter().filter(|row| row.state == state).count();
        let states = OverallState::ALL.iter().filter_map(|state| {
            let count = count(*state);
            (count > 0).then(|| format!("{count} {}", phrases::state(*state)))
        });
        let states: Vec<_> = states.collect();
        let total = match rows.len() {
            0 => "no workloads".to_owned(),
            1 => "1 workload".to_owned(),
            more => format!("{more} workloads"),
        };
        let states = if states.is_empty() {
            total
        } else {
            format!("{total}: {}", states.join(", "))
        };
        self.line(&states, None, 0);
        let missing: usize = report
            .targets
            .iter()
            .map(|it| it.target.health.missing_jobs)
            .sum();
        if missing > 0 {
            let jobs = if missing == 1 { "Job does" } else { "Jobs do" };
            self.line(&format!("{missing} configured {jobs} not exist"), None, 0);
        }
        let incomplete = report
            .targets
            .iter()
            .filter(|target| !target.complete)
            .count();
        if incomplete > 0 {
            let targets = report.targets.len();
            let line = format!("{incomplete} of {targets} targets not read completely");
            self.line(&line, Some(RED), line.len());
        }
    }
}

fn heading(several: bool) -> Vec<Cell> {
    let mut cells = vec![text("STATE"), text("WORKLOAD"), text("TYPE")];
    if several {
        cells.push(text("TARGET"));
    }
    cells.extend([
        text("LAST RUN"),
        text("DURATION"),
        number("IN A ROW"),
        text("NEXT DUE"),
    ]);
    cells
}

fn cells(row: &WorkloadStatus, now: Seconds, several: bool) -> Vec<Cell> {
    let mut cells = vec![
        text(phrases::state(row.state)),
        text(&printable(&format!("{}/{}", row.id.namespace, row.id.name))),
        text(&printable(&row.id.kind)),
    ];
    if several {
        let target = row.target.as_deref().unwrap_or(UNNAMED_TARGET);
        cells.push(text(&printable(target)));
    }
    let last = row.last.as_ref();
    let result = last.map(|last| {
        let result = if last.succeeded {
            "succeeded"
        } else {
            "failed"
        };
        let end = last.end.map(|end| phrases::relative(end, now));
        format!("{result} {}", end.unwrap_or_default())
    });
    let duration = last.and_then(LastRun::duration);
    let next = row
        .next_due()
        .map(|next| phrases::due(next, now, &row.zone()));
    let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    cells.extend([
        text(or_dash(result).trim_end()),
        text(&or_dash(duration.map(phrases::duration))),
        number(&row.consecutive_failures.to_string()),
        text(&printable(&or_dash(next))),
    ]);
    cells
}

fn text(text: &str) -> Cell {
    Cell {
        text: text.to_owned(),
        is_number: false,
    }
}

fn number(text: &str) -> Cell {
    Cell {
        text: text.to_owned(),
        is_number: true,
    }
}

/// A line of the table.
fn join(cells: &[Cell], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, &width) in cells.iter().zip(widths) {
        let text = cut(&cell.text, width);
        let _ = if cell.is_number {
            write!(line, "{text:>width$}  ")
        } else {
            write!(line, "{text:<width$}  ")
        };
    }
    line.truncate(line.trim_end().len());
    line
}

/// At most `width` characters of `text`.
fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept + "…"
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// The parameter of an escape sequence that sets a colour.
#[derive(Clone, Copy)]
struct Color(&'static str);

const RED: Color = Color("31");
const YELLOW: Color = Color("33");
const BLUE: Color = Color("34");
const GREEN: Color = Color("32");

fn color(state: OverallState) -> Option<Color> {
    match state {
        state if state.is_problem() => Some(RED),
        OverallState::Tolerated => Some(YELLOW),
        OverallState::Running => Some(BLUE),
        OverallState::Succeeded => Some(GREEN),
        _ => None,
    }
}
