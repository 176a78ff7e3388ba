//! The durations of the last runs as a bar chart with the maximum duration as a line.
//!
//! All text comes from numbers and from `phrases`, so the result is safe in HTML.

use std::fmt::{self, Display};

use super::look::Look;
use crate::{
    model::Seconds,
    status::{RunState, WorkloadRun, phrases},
};

/// How many runs are shown.
pub(super) const MAX_RUNS: usize = 60;

const WIDTH: usize = 1160;
const LEFT: usize = 70;
const TOP: Seconds = 14;
/// Height of the longest bar.
const HEIGHT: Seconds = 110;
const MIN_HEIGHT: Seconds = 3;
/// Bars are not wider than this, so that two runs do not look like two walls.
const MAX_STEP: usize = 40;

/// Runs as an image: the latest first, as they are listed.
pub(super) struct Timeline<'a> {
    pub(super) runs: &'a [WorkloadRun],
    /// The maximum duration.
    pub(super) limit: Option<Seconds>,
}

impl Timeline<'_> {
    /// The duration that is as high as the chart.
    fn top(&self) -> Seconds {
        let durations = self.shown().filter_map(|run| run.duration);
        let longest = durations.max().unwrap_or(0);
        // A limit that is far away would flatten the bars.
        let limit = self
            .limit
            .filter(|limit| *limit <= longest.saturating_mul(3));
        longest.max(limit.unwrap_or(0)).max(1)
    }

    /// The runs that are shown, the earliest first.
    fn shown(&self) -> impl Iterator<Item = &WorkloadRun> {
        let count = self.runs.len().min(MAX_RUNS);
        self.runs[..count].iter().rev()
    }

    /// The height of a duration in the chart.
    fn height(&self, duration: Seconds) -> Seconds {
        let height = i128::from(duration.max(0)) * i128::from(HEIGHT) / i128::from(self.top());
        Seconds::try_from(height).unwrap_or(HEIGHT).min(HEIGHT)
    }
}

impl Display for Timeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bottom, view_height) = (TOP + HEIGHT, TOP + HEIGHT + 24);
        let count = self.shown().count();
        let step = ((WIDTH - LEFT) / count.max(1)).min(MAX_STEP);
        write!(
            f,
            "<svg class=\"timeline\" viewBox=\"0 0 {WIDTH} {view_height}\" role=\"img\" \
             aria-label=\"durations of the last {count} runs, listed below\">"
        )?;
        let top = phrases::duration(self.top());
        write!(
            f,
            "<text x=\"0\" y=\"{}\">{top}</text><text x=\"0\" y=\"{bottom}\">0</text>",
            TOP + 4
        )?;
        write!(f, "<path class=\"axis\" d=\"M{LEFT} {bottom}H{WIDTH}\"/>")?;
        for (position, run) in self.shown().enumerate() {
            self.write_run(f, run, LEFT + position * step, step * 3 / 4)?;
        }
        if let Some(limit) = self.limit.filter(|limit| *limit <= self.top()) {
            let y = bottom - self.height(limit);
            write!(f, "<path class=\"limit\" d=\"M{LEFT} {y}H{WIDTH}\"/>")?;
            if limit < self.top() {
                write!(
                    f,
                    "<text x=\"0\" y=\"{}\">{}</text>",
                    y + 4,
                    phrases::duration(limit)
                )?;
            }
        }
        self.write_dates(f, bottom + 18, LEFT + step * count)?;
        f.write_str("</svg>")
    }
}

impl Timeline<'_> {
    fn write_run(
        &self,
        f: &mut fmt::Formatter<'_>,
        run: &WorkloadRun,
        x: usize,
        width: usize,
    ) -> fmt::Result {
        let look = Look::from(run.state).class();
        let height = run
            .duration
            .map_or(MIN_HEIGHT, |it| self.height(it).max(MIN_HEIGHT));
        let y = TOP + HEIGHT - height;
        write!(f, "<g><title>{}</title>", Title(run))?;
        match run.state {
            RunState::Missed => {
                let y = TOP + HEIGHT - 16;
                write!(
                    f,
                    "<rect class=\"missed\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"15\"/>"
                )?;
            }
            RunState::Deleted => {
                let y = TOP + HEIGHT - 8;
                write!(
                    f,
                    "<rect class=\"gone\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"7\"/>"
                )?;
            }
            _ => write!(
                f,
                "<rect class=\"{look}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            )?,
        }
        if run.state == RunState::Failed {
            let (half, y) = (width / 2, y - 9);
            let x = x + half - half.min(3);
            write!(f, "<path class=\"mark\" d=\"M{x} {y}l6 6m0-6l-6 6\"/>")?;
        }
        f.write_str("</g>")
    }

    /// The days of the first and the last run.
    fn write_dates(&self, f: &mut fmt::Formatter<'_>, y: Seconds, right: usize) -> fmt::Result {
        let at = |run: &WorkloadRun| run.due.or(run.start);
        let first = self.shown().find_map(at);
        let last = self.runs.iter().find_map(at);
        let (Some(first), Some(last)) = (first, last) else {
            return Ok(());
        };
        write!(
            f,
            "<text x=\"{LEFT}\" y=\"{y}\">{}</text>",
            phrases::day(first)
        )?;
        if phrases::day(first) != phrases::day(last) && right > LEFT + 160 {
            write!(
                f,
                "<text x=\"{right}\" y=\"{y}\" text-anchor=\"end\">{}</text>",
                phrases::day(last)
            )?;
        }
        Ok(())
    }
}

impl askama::filters::HtmlSafe for Timeline<'_> {}

/// What a bar stands for.
struct Title<'a>(&'a WorkloadRun);

impl Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(phrases::run_state(self.0.state))?;
        if let Some(at) = self.0.due.or(self.0.start) {
            write!(f, ", {}", phrases::time(at))?;
        }
        if let Some(duration) = self.0.duration {
            write!(f, ", {}", phrases::duration(duration))?;
        }
        Ok(())
    }
}
